/** Documents of a node whose state is in memory and whose thread is real. */
import { onTestFinished } from "vitest";
import type { Log } from "../../src/core/ports.ts";
import { docThread, Documents } from "../../src/documents/documents.ts";
import type { WorkerThread } from "../../src/host/worker-thread.ts";
import { systemClock } from "../../src/host/clock.ts";
import { createMetrics } from "../../src/host/metrics.ts";
import type { Write } from "../../src/protocol/state/intent.ts";
import type { State } from "../../src/protocol/state/state.ts";
import { memoryStore } from "../memory-store.ts";
import { openState, somePeer, testWriter, wallMs } from "../state/fixture.ts";

const ignore = (): undefined => undefined;
const quiet: Log = {
  error: ignore,
  warn: ignore,
  info: ignore,
  debug: ignore,
  trace: ignore,
  child: () => quiet,
};

export type DocNodeFixture = {
  readonly state: State;
  readonly documents: Documents;
  readonly thread: WorkerThread;
  readonly metrics: ReturnType<typeof createMetrics>;
  /** What it wrote since the last call, as bundles. */
  sent(): Uint8Array[];
  /** Instead of the writes of the state. */
  write: (namespace: string, writes: readonly Write[]) => Promise<bigint>;
};

export function docNode(name: string): DocNodeFixture {
  const state = openState(memoryStore(), { writer: testWriter(name) });
  const bundles: Uint8Array[] = [];
  const thread = docThread();
  const metrics = createMetrics();
  const node: DocNodeFixture = {
    state,
    thread,
    metrics,
    sent: () => bundles.splice(0),
    async write(namespace, entries) {
      const [batch] = state.write([{ namespace, entries }], wallMs);
      for (const reason of batch!.refused.values()) throw reason;
      if (batch!.entries > 0) bundles.push(batch!.bundle);
      return batch!.stamp;
    },
    documents: new Documents({
      state,
      thread,
      metrics,
      clock: systemClock,
      log: quiet,
      driver: { write: (namespace, writes) => node.write(namespace, writes) },
    }),
  };
  onTestFinished(() => thread.stop());
  return node;
}

export function deliver(from: DocNodeFixture, ...to: readonly DocNodeFixture[]): void {
  const bundles = from.sent();
  for (const node of to) node.state.ingestAll(bundles, somePeer, wallMs);
}
