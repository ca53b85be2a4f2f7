/** The real types over a state in memory, for fake daemons. */
import type { TypeCalls } from "../src/control/daemon.ts";
import type { Log, Metrics } from "../src/core/ports.ts";
import { kvOf } from "../src/daemon/kv.ts";
import { typesOf } from "../src/daemon/types.ts";
import { Writes } from "../src/driver/writes.ts";
import { systemClock } from "../src/host/clock.ts";
import type { Daemon } from "../src/control/daemon.ts";
import type { LocalBatch, State } from "../src/protocol/state/state.ts";
import { memoryStore } from "./memory-store.ts";
import { openState } from "./state/fixture.ts";

const silent: Log = {
  error: () => {},
  warn: () => {},
  info: () => {},
  debug: () => {},
  trace: () => {},
  child: () => silent,
};
const noMetrics: Metrics = { count: () => {}, read: () => ({}) };

export type TypesInMemory = TypeCalls & { readonly kv: Daemon["kv"] };

export type MemoryNode = {
  readonly state: State;
  readonly writes: Writes;
  readonly calls: TypesInMemory;
  /** What was written here, in order. */
  readonly written: LocalBatch[];
};

/** A node without a network. */
export function memoryNode(): MemoryNode {
  const store = memoryStore();
  const state = openState(store);
  const listeners = new Set<(namespaces: readonly string[]) => void>();
  state.listen({
    changed: (namespaces) => {
      for (const listener of listeners) listener(namespaces);
    },
    forked: () => {},
    closed: () => {},
    duties: () => {},
    namespace: () => {},
  });
  const written: LocalBatch[] = [];
  const writes = new Writes({
    clock: systemClock,
    metrics: noMetrics,
    store,
    state,
    coalesceMs: 0,
    publish: (batch) => void written.push(batch),
    outcome: () => {},
  });
  const driver = {
    write: writes.write.bind(writes),
    onChange: (listener: (namespaces: readonly string[]) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const parts = { clock: systemClock, log: silent, state, driver };
  return { state, writes, written, calls: { ...typesOf(parts), kv: kvOf(parts) } };
}

/** The types of a node of its own. */
export function typesInMemory(): TypeCalls {
  const { multi, counter, set, log, explain } = memoryNode().calls;
  return { multi, counter, set, log, explain };
}
