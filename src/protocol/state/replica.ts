/** What reconciliation sees of the state: the `Replica` port over the order table and the fingerprints. */
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
import { readArrival, type Arrival } from "./arrivals.ts";
import { bundleOverheadBytes } from "./bundle.ts";
import { select, summarise } from "./fingerprints.ts";
import { LeafSet } from "./merkle.ts";
import { itemsWithin, locate } from "./order-pages.ts";
import { startBound, type Locator } from "./rows.ts";
import type { State } from "./state.ts";

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
    if (limit <= 0) return items;
    for (const { ts, id } of itemsWithin(this.#store, namespace, from, to)) {
      items.push({ ts, id });
      if (items.length >= limit) break;
    }
    return items;
  }

  nth(namespace: string, from: Bound, index: number): ReconItem | undefined {
    const before = summarise(this.#store, namespace, startBound, from).count;
    return select(this.#store, namespace, before + index);
  }

  has(namespace: string, item: ReconItem): boolean {
    return locate(this.#store, namespace, item) !== undefined;
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
      const locator = locate(this.#store, namespace, item);
      if (locator !== undefined) packer.add(locator);
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
    for (const item of itemsWithin(this.#store, namespace, from, to)) {
      if (packer.bytes >= maxBytes) {
        return { bundles: packer.finish(), next: { ts: item.ts, id: item.id.slice() } };
      }
      packer.add(item);
    }
    return { bundles: packer.finish(), next: undefined };
  }
}

type Parcel = { readonly arrival: Arrival; readonly indexes: number[]; bytes: number };

/** Gathers entries into bundles, one per arrival that brought them or more if they are larger than about a frame. */
class Packer {
  readonly #store: StoreReader;
  readonly #open = new Map<number, Parcel>();
  readonly #bundles: Uint8Array[] = [];
  bytes = 0;

  constructor(store: StoreReader) {
    this.#store = store;
  }

  add({ arrival: number, index }: Locator): void {
    const parcel = this.#parcelOf(number);
    const size = (parcel?.arrival.entry(index)?.length ?? 0) + hashBytes;
    if (parcel === undefined) return;
    if (parcel.indexes.length > 0 && parcel.bytes + size > parcelBytesMax) this.#close(parcel);
    parcel.indexes.push(index);
    parcel.bytes += size;
    this.bytes += size;
  }

  finish(): Uint8Array[] {
    for (const parcel of this.#open.values()) this.#close(parcel);
    return this.#bundles;
  }

  #parcelOf(number: number): Parcel | undefined {
    const known = this.#open.get(number);
    if (known !== undefined) return known;
    const arrival = readArrival(this.#store, number);
    if (arrival === undefined) return undefined;
    const parcel = { arrival, indexes: [], bytes: 0 };
    this.#open.set(number, parcel);
    return parcel;
  }

  #close(parcel: Parcel): void {
    const { arrival, indexes } = parcel;
    const isWhole = indexes.length === arrival.present.size;
    const chosen = new LeafSet(arrival.present.count);
    for (const index of indexes) chosen.add(index);
    if (indexes.length > 0) this.#bundles.push(isWhole ? arrival.bundle : arrival.prune(chosen));
    parcel.indexes.length = 0;
    parcel.bytes = 0;
  }
}

const parcelBytesMax = limits.syncFrameBytesMax - bundleOverheadBytes;
