/** Registers as the control API sees them. */
import type { Daemon, WriteOp } from "../control/daemon.ts";
import { checkKey, checkNamespace, checkValue, checkWritable } from "./checks.ts";
import { watch, type WatchParts } from "./watch.ts";
import type { Driver } from "../driver/driver.ts";
import type { Entry } from "../protocol/state/entry.ts";
import { getRegister, listRegisters, registerEntry } from "../protocol/state/register.ts";

export type KvParts = WatchParts & { readonly driver: Pick<Driver, "write" | "onChange"> };

export function kvOf(parts: KvParts): Daemon["kv"] {
  const { clock, state, driver } = parts;
  return {
    get(namespace, key) {
      checkNamespace(namespace);
      return getRegister(state, namespace, key, clock.wallMs());
    },
    list(namespace, options) {
      checkNamespace(namespace);
      return listRegisters(state, namespace, options, clock.wallMs());
    },
    async write(namespace, ops, signal, options) {
      checkWritable(namespace, state);
      return driver.write(namespace, ops.map(entryOf), signal, options);
    },
    watch(namespace, options, signal) {
      checkNamespace(namespace);
      return watch(parts, namespace, options, signal);
    },
  };
}

function entryOf({ key, value }: WriteOp): Entry {
  checkKey(key);
  checkValue(value);
  return registerEntry(key, value);
}
