/** A recorded history and what is reported of its replay. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { DaemonProcess } from "../../test/daemon/daemon-process.ts";

/** Position, units to delete, text to insert. */
export type Patch = [at: number, remove: number, insert: string];

export type Txn = {
  readonly patches: readonly Patch[];
  /** Of histories with several agents: what its author had seen, by index. */
  readonly parents?: readonly number[];
  readonly agent?: number;
};

export type Trace = {
  readonly startContent?: string;
  readonly endContent: string;
  readonly txns: readonly Txn[];
};

export type Report = {
  readonly edits: number;
  /** Every daemon ended with the recorded text. */
  readonly exact: boolean;
  readonly [name: string]: number | boolean | string;
};

export function storeBytes({ info }: DaemonProcess): number {
  const folder = join(info.dataDir, "store");
  return readdirSync(folder).reduce((sum, name) => {
    return name.startsWith("data") ? sum + statSync(join(folder, name)).size : sum;
  }, 0);
}

export async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; value: T }> {
  const startMs = performance.now();
  const value = await work();
  return { ms: Math.round(performance.now() - startMs), value };
}
