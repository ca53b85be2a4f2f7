/** What reconciliation sees of the state: the `Replica` port over the order table and the fingerprints. */
import { compareBytes, equalBytes } from "../../core/codec.ts";
import { toCoterieError, type CoterieError } from "../../core/errors.ts";
import { hashBytes } from "../../core/ids.ts";
import { limits } from "../../core/limits.ts";
import type {
  Bound,
  IngestResult,
  PeerName,
  ReconItem,
  Replica,
  StoreReader,
} from "../../core/ports.ts";
import { bundleOverheadBytes, encodeBundle } from "./bundle.ts";
import { select, summarise } from "./fingerprints.ts";
import { readHeader } from "./headers-table.ts";
import { LeafSet } from "./merkle.ts";
import {
  decodeEntryRow,
  endBound,
  locatedKey,
  orderKey,
  orderPosition,
  startBound,
} from "./rows.ts";
import type { State } from "./state.ts";

/** An entry as it goes into a bundle. */
type Outgoing = {
  readonly header: Uint8Array;
  readonly index: number;
  readonly encoded: Uint8Array;
};

export class StateReplica implements Replica {
  readonly #state: State;
  readonly #store: StoreReader;
  readonly #failed: (error: CoterieError) => void;

  /** `failed` hears of what the store refuses; what it refuses now counts as refused and is asked for again later. */
  constructor(state: State, failed: (error: CoterieError) => void) {
    this.#state = state;
    this.#store = state.store;
    this.#failed = failed;
  }

  namespaces(): readonly string[] {
    return this.#state.namespaces();
  }

  promote(nowMs: number): void {
    try {
      this.#state.promote(nowMs);
    } catch (error) {
      this.#failed(toCoterieError(error));
    }
  }

  ingestAll(
    bundles: readonly Uint8Array[],
    from: PeerName,
    nowMs: number,
  ): readonly IngestResult[] {
    try {
      return this.#state.ingestAll(bundles, from, nowMs);
    } catch (error) {
      const failure = toCoterieError(error);
      this.#failed(failure);
      const nothing = { applied: 0, known: 0, quarantined: 0, invalid: false };
      return bundles.map(() => ({ ...nothing, refused: 1, reason: failure.message }));
    }
  }

  summary(namespace: string, from: Bound, to: Bound): { count: number; sum: Uint8Array } {
    const sum = summarise(this.#store, namespace, from, to);
    return { count: sum.count, sum: sum.bytes() };
  }

  items(namespace: string, from: Bound, to: Bound, limit: number): ReconItem[] {
    const items: ReconItem[] = [];
    for (const row of this.#orderRows(namespace, from, to, limit)) {
      items.push(orderPosition(row.key));
    }
    return items;
  }

  nth(namespace: string, from: Bound, index: number): ReconItem | undefined {
    const before = summarise(this.#store, namespace, startBound, from).count;
    return select(this.#store, namespace, before + index);
  }

  has(namespace: string, item: ReconItem): boolean {
    return this.#store.get(orderKey(namespace, item)) !== undefined;
  }

  bundles(
    namespace: string,
    items: readonly ReconItem[],
    maxBytes: number,
  ): { bundles: Uint8Array[]; sent: number } {
    const packer = new Packer(this.#store);
    let sent = 0;
    for (const item of items) {
      if (packer.bytes >= maxBytes) break;
      sent++;
      const locator = this.#store.get(orderKey(namespace, item));
      if (locator !== undefined) packer.add(this.#outgoing(namespace, item, locator));
    }
    return { bundles: packer.finish(), sent };
  }

  stream(
    namespace: string,
    from: Bound,
    to: Bound,
    maxBytes: number,
  ): { bundles: Uint8Array[]; next: Bound | undefined } {
    const packer = new Packer(this.#store);
    for (const row of this.#orderRows(namespace, from, to)) {
      const position = orderPosition(row.key);
      if (packer.bytes >= maxBytes) {
        return {
          bundles: packer.finish(),
          next: { ts: position.ts, id: position.id.slice() },
        };
      }
      packer.add(this.#outgoing(namespace, position, row.value));
    }
    return { bundles: packer.finish(), next: undefined };
  }

  #orderRows(
    namespace: string,
    from: Bound,
    to: Bound,
    limit?: number,
  ): Iterable<{ key: Uint8Array; value: Uint8Array }> {
    const range = {
      from: orderKey(namespace, from),
      to: to.ts >= endBound.ts ? orderKey(namespace, endBound) : orderKey(namespace, to),
    };
    if (compareBytes(range.from, range.to) >= 0) return [];
    return this.#store.range(limit === undefined ? range : { ...range, limit });
  }

  #outgoing(namespace: string, position: ReconItem, locator: Uint8Array): Outgoing | undefined {
    const row = this.#store.get(locatedKey(namespace, position, locator));
    if (row === undefined) return undefined;
    const index = (locator[locator.length - 2]! << 8) | locator[locator.length - 1]!;
    return { ...decodeEntryRow(row), index };
  }
}

/** Gathers entries into bundles, one per run of entries of a header, each about a frame at most. */
class Packer {
  readonly #store: StoreReader;
  readonly #bundles: Uint8Array[] = [];
  #run: Outgoing[] = [];
  #runBytes = 0;
  bytes = 0;

  constructor(store: StoreReader) {
    this.#store = store;
  }

  add(entry: Outgoing | undefined): void {
    if (entry === undefined) return;
    const first = this.#run[0];
    const size = entry.encoded.length + hashBytes;
    const fits =
      first !== undefined &&
      equalBytes(first.header, entry.header) &&
      this.#runBytes + size <= limits.syncFrameBytesMax - bundleOverheadBytes;
    if (!fits) this.#close();
    this.#run.push(entry);
    this.#runBytes += size;
    this.bytes += size;
  }

  finish(): Uint8Array[] {
    this.#close();
    return this.#bundles;
  }

  #close(): void {
    const first = this.#run[0];
    const stored = first === undefined ? undefined : readHeader(this.#store, first.header);
    if (stored !== undefined) {
      const present = new LeafSet(stored.header.count);
      for (const { index } of this.#run) present.add(index);
      const entries = this.#run.toSorted((a, b) => a.index - b.index).map(({ encoded }) => encoded);
      this.#bundles.push(encodeBundle(stored, present, entries, stored.tree.prune(present)));
    }
    this.#run = [];
    this.#runBytes = 0;
  }
}
