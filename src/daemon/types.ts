/** The types beside `register` as the control API sees them. */
import type { Clock, Log } from "../core/ports.ts";
import { CoterieError } from "../core/errors.ts";
import type { TypeCalls } from "../control/daemon.ts";
import { checkKey, checkNamespace, checkValue, checkWritable } from "./checks.ts";
import { explainKey } from "./explain.ts";
import { logOf } from "./log.ts";
import type { Driver } from "../driver/driver.ts";
import { counterAdd, counterDelete, getCounter, listCounters } from "../protocol/state/counter.ts";
import { getMulti, listMulti, multiWrite } from "../protocol/state/multi.ts";
import {
  getMember,
  listMembers,
  listSets,
  setAdd,
  setKey,
  setKeyFault,
  setRemove,
} from "../protocol/state/set.ts";
import type { State } from "../protocol/state/state.ts";

export type TypeParts = {
  readonly clock: Clock;
  readonly log: Log;
  readonly state: State;
  readonly driver: Pick<Driver, "write" | "onChange">;
};

export function typesOf(parts: TypeParts): TypeCalls {
  return {
    multi: multiOf(parts),
    counter: counterOf(parts),
    set: setOf(parts),
    log: logOf(parts),
    explain: (namespace, key, element, signal) => {
      return explainKey(parts, namespace, key, element, signal);
    },
  };
}

function multiOf({ clock, state, driver }: TypeParts): TypeCalls["multi"] {
  return {
    get(namespace, key) {
      checkNamespace(namespace);
      return getMulti(state, namespace, key, clock.wallMs());
    },
    list(namespace, options) {
      checkNamespace(namespace);
      return listMulti(state, namespace, options, clock.wallMs());
    },
    async write(namespace, { key, value }, signal) {
      checkWritable(namespace, state);
      checkKey(key);
      checkValue(value);
      return driver.write(namespace, [multiWrite(state, namespace, key, value)], signal);
    },
  };
}

function counterOf({ state, driver }: TypeParts): TypeCalls["counter"] {
  return {
    get(namespace, key) {
      checkNamespace(namespace);
      return getCounter(state, namespace, key);
    },
    list(namespace, options) {
      checkNamespace(namespace);
      return listCounters(state, namespace, options);
    },
    async add(namespace, key, by, signal) {
      checkWritable(namespace, state);
      checkKey(key);
      return driver.write(namespace, [counterAdd(key, by)], signal);
    },
    async delete(namespace, key, signal) {
      checkWritable(namespace, state);
      checkKey(key);
      return driver.write(namespace, [counterDelete(key)], signal);
    },
  };
}

function setOf({ clock, state, driver }: TypeParts): TypeCalls["set"] {
  return {
    get(namespace, name, element) {
      checkNamespace(namespace);
      checkElement(name, element);
      return getMember(state, namespace, name, element, clock.wallMs());
    },
    members(namespace, name, options) {
      checkNamespace(namespace);
      checkElement(name, "any");
      return listMembers(state, namespace, name, options, clock.wallMs());
    },
    names(namespace, options) {
      checkNamespace(namespace);
      return listSets(state, namespace, options, clock.wallMs());
    },
    async change(namespace, name, { add, remove }, signal) {
      checkWritable(namespace, state);
      for (const element of [...add, ...remove]) checkElement(name, element);
      const writes = [
        ...add.map((element) => setAdd(state, namespace, name, element)),
        ...remove.map((element) => setRemove(state, namespace, name, element)),
      ];
      return driver.write(namespace, writes, signal);
    },
  };
}

/** Throws `BAD_KEY`. */
function checkElement(name: string, element: string): void {
  checkKey(name);
  const fault = setKeyFault(name, element);
  if (fault !== undefined) throw new CoterieError("BAD_KEY", fault);
  checkKey(setKey(name, element));
}
