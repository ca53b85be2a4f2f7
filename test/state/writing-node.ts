/** Nodes that write the types for themselves and meet now and then. */
import { encodeUtf8 } from "../../src/core/codec.ts";
import { getCounter } from "../../src/protocol/state/counter.ts";
import { decodeEntry, type Entry } from "../../src/protocol/state/entry.ts";
import type { Write } from "../../src/protocol/state/intent.ts";
import { logSubject } from "../../src/protocol/state/log.ts";
import { LogTail } from "../../src/protocol/state/log-tail.ts";
import { getMulti } from "../../src/protocol/state/multi.ts";
import { listMembers } from "../../src/protocol/state/set.ts";
import type { State } from "../../src/protocol/state/state.ts";
import { memoryStore } from "../memory-store.ts";
import { openState, somePeer, testWriter, wallMs } from "./fixture.ts";

export const ns = "default";
export const text = (value: string) => ({ kind: "text" as const, bytes: encodeUtf8(value) });

/** A state and the bundles it wrote. */
export class Node {
  readonly state: State;
  readonly bundles: Uint8Array[] = [];
  readonly #taken = new Map<Node, number>();

  constructor(name: string) {
    this.state = openState(memoryStore(), { writer: testWriter(name) });
  }

  /** Each write is a batch of its own. */
  write(...writes: readonly Write[]): void {
    for (const write of writes) this.#writeBatch([write]);
  }

  writeBatch(...writes: readonly Write[]): void {
    this.#writeBatch(writes);
  }

  #writeBatch(entries: readonly Write[]): void {
    const [batch] = this.state.write([{ namespace: ns, entries }], wallMs);
    for (const reason of batch!.refused.values()) throw reason;
    if (batch!.entries > 0) this.bundles.push(batch!.bundle);
  }

  /** Takes what the other wrote since. */
  take(other: Node): void {
    for (const bundle of other.bundles.slice(this.#taken.get(other) ?? 0)) {
      this.state.ingest(bundle, somePeer, wallMs);
    }
    this.#taken.set(other, other.bundles.length);
  }

  multi(key = "k"): string[] {
    const values = getMulti(this.state, ns, key, wallMs)?.values ?? [];
    return values.map(({ value }) => Buffer.from(value.bytes).toString());
  }

  count(key = "k"): bigint | undefined {
    return getCounter(this.state, ns, key)?.value;
  }

  members(name = "s"): string[] {
    return listMembers(this.state, ns, name, { prefix: "", limit: 1_000 }, wallMs).items.map(
      ({ element }) => element,
    );
  }

  log(limit = 10_000): string[] {
    const tail = new LogTail({ limit, bytesMax: 1e7 });
    for (const row of this.state.live(logSubject(ns, "k"))) tail.add(row);
    return tail.finish().items.map(({ body }) => Buffer.from(body.subarray(1)).toString());
  }

  live(subject: Parameters<State["live"]>[0]): Entry[] {
    return [...this.state.live(subject)].map(({ encoded }) => decodeEntry(encoded));
  }
}

export function meet(...nodes: readonly Node[]): void {
  for (const node of nodes) for (const other of nodes) if (other !== node) node.take(other);
}

export function twoNodes(): [Node, Node] {
  return [new Node("alice"), new Node("bob")];
}
