/** Nodes whose stores can be copied and put back, and what they tell one another. */
import { forkList } from "../../src/daemon/fork-list.ts";
import { toHex } from "../../src/core/codec.ts";
import type { Store } from "../../src/core/ports.ts";
import { getCounter } from "../../src/protocol/state/counter.ts";
import type { Write } from "../../src/protocol/state/intent.ts";
import { logSubject } from "../../src/protocol/state/log.ts";
import { LogTail } from "../../src/protocol/state/log-tail.ts";
import { getMulti } from "../../src/protocol/state/multi.ts";
import { listRegisters } from "../../src/protocol/state/register.ts";
import { StateReplica } from "../../src/protocol/state/replica.ts";
import { endBound, startBound } from "../../src/protocol/state/rows.ts";
import { listMembers } from "../../src/protocol/state/set.ts";
import type { State } from "../../src/protocol/state/state.ts";
import { memoryStore } from "../memory-store.ts";
import { seededRandom } from "../seeded-random.ts";
import { openState, somePeer, testWriter, wallMs } from "./fixture.ts";

export const ns = "default";
let opened = 0;

export class ForkingNode {
  readonly name: string;
  readonly store: Store;
  readonly state: State;
  readonly closed: string[] = [];
  /** Every bundle it wrote. */
  readonly wrote: Uint8Array[] = [];

  constructor(name: string, store: Store = memoryStore(), origin = "here") {
    this.name = name;
    this.store = store;
    const random = seededRandom(++opened);
    this.state = openState(store, { writer: testWriter(name), random, origin });
    this.state.listen({
      changed: () => {},
      forked: () => {},
      namespace: () => {},
      closed: (writer) => this.closed.push(toHex(writer)),
      duties: () => {},
    });
  }

  get writer(): string {
    return toHex(this.state.writer);
  }

  /** The store as it is now. */
  copy(): Store {
    const store = memoryStore();
    const rows = this.store.range({ from: Uint8Array.of(0), to: Uint8Array.of(0xff) });
    store.transaction((tx) => {
      for (const { key, value } of rows) tx.put(key.slice(), value.slice());
    });
    return store;
  }

  write(atMs: number, ...entries: readonly Write[]): Uint8Array {
    const [batch] = this.state.write([{ namespace: ns, entries }], wallMs + atMs);
    for (const reason of batch!.refused.values()) throw reason;
    this.wrote.push(batch!.bundle);
    return batch!.bundle;
  }

  take(...bundles: readonly Uint8Array[]): void {
    this.state.ingestAll(bundles, somePeer, wallMs + 59_000);
  }

  /** What lives here, as a session gives it away. */
  gives(): Uint8Array[] {
    const replica = new StateReplica(this.state, (error) => {
      throw error;
    });
    return replica
      .namespaces()
      .flatMap((name) => replica.stream(name, startBound, endBound, 2 ** 30).bundles);
  }

  /** True when it wrote something because writers forked. */
  perform(): boolean {
    let wrote = false;
    for (;;) {
      const batch = this.state.perform(wallMs + 59_000);
      if (batch === undefined) return wrote;
      if (batch.entries > 0) this.wrote.push(batch.bundle);
      wrote = true;
    }
  }

  fork(name: string): string | undefined {
    const options = { prefix: "", limit: 1_000 };
    const keys = listRegisters(this.state, "sys", options, wallMs).items.map(({ key }) => key);
    return forkList(keys).get(testWriter(name).identity.peer);
  }

  proofs(): string[] {
    const options = { prefix: "forks/", limit: 1_000 };
    return listRegisters(this.state, "sys", options, wallMs).items.map(({ key }) => key);
  }

  registers(): Record<string, string> {
    const { items } = listRegisters(this.state, ns, { prefix: "", limit: 1_000 }, wallMs);
    return Object.fromEntries(items.map(({ key, value }) => [key, textOf(value.bytes)]));
  }

  multi(): string[] {
    const { values = [] } = getMulti(this.state, ns, "m", wallMs) ?? {};
    return values.map(({ value }) => textOf(value.bytes)).toSorted();
  }

  count(): bigint | undefined {
    return getCounter(this.state, ns, "c")?.value;
  }

  members(): string[] {
    const options = { prefix: "", limit: 1_000 };
    return listMembers(this.state, ns, "s", options, wallMs).items.map(({ element }) => element);
  }

  log(): string[] {
    const tail = new LogTail({ limit: 10_000, bytesMax: 1e7 });
    for (const row of this.state.live(logSubject(ns, "l"))) tail.add(row);
    return tail.finish().items.map(({ body }) => textOf(body.subarray(1)));
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

/** All tell one another all, and write what they owe, until nothing is new. */
export function settle(...nodes: readonly ForkingNode[]): void {
  for (let round = 0; round < 20; round++) {
    const before = digests(nodes);
    for (const node of nodes) {
      for (const other of nodes) if (other !== node) node.take(...other.gives());
    }
    const wrote = nodes.filter((node) => node.perform());
    const after = digests(nodes);
    if (wrote.length === 0 && after === before && new Set(after.split(" ")).size === 1) return;
  }
  throw new Error("they do not come to rest");
}

function digests(nodes: readonly ForkingNode[]): string {
  return nodes
    .map(({ state }) =>
      state
        .namespaces()
        .map((name) => toHex(state.summary(name).bytes()))
        .join("-"),
    )
    .join(" ");
}
