/**
 * The change feed: every entry that comes to live has a number, larger than all before, and the number goes when the
 * entry is superseded (arrivals.ts). A key's latest change is the largest number among its live entries, so a
 * reader that skips smaller ones misses no final state and sees none twice, wherever it resumes.
 */
import type { StoreReader } from "../../core/ports.ts";
import { Arrival, lastArrival, readLive } from "./arrivals.ts";
import { decodeEntry } from "./entry.ts";
import { feedSeqOf } from "./live-rows.ts";
import { arrivalKey, arrivalOf, tables, type Subject } from "./rows.ts";

/** At or above every number given so far. */
export function lastFeedSeq(store: StoreReader): bigint {
  return feedSeqOf(lastArrival(store) + 1, 0) - 1n;
}

export type Change = { readonly seq: bigint; readonly subject: Subject };

/** Changes after position `after`, in order, at most `limit`; a key may come more than once, see the header. */
export function changesAfter(store: StoreReader, after: bigint, limit: number): Change[] {
  const changes: Change[] = [];
  const from = arrivalKey(Number((after + 1n) >> 7n));
  for (const row of store.range({ from, to: Uint8Array.of(tables.arrivals + 1) })) {
    const number = arrivalOf(row.key);
    const arrival = new Arrival(row.value);
    for (const index of readLive(store, number, arrival.present)) {
      const seq = feedSeqOf(number, index);
      const encoded = arrival.entry(index);
      if (seq <= after || encoded === undefined) continue;
      if (changes.length >= limit) return changes;
      const { class: entryClass, type, key } = decodeEntry(encoded);
      changes.push({
        seq,
        subject: { namespace: arrival.namespace, class: entryClass, type, key },
      });
    }
  }
  return changes;
}

/** An arrival as it is stored: with what of it lives, and some of what is superseded by later ones. */
export type StoredArrival = {
  readonly arrival: number;
  readonly bundle: Uint8Array;
  /** In the bundle. */
  readonly entries: number;
};

/** Arrivals with numbers over `after`, in order, until they have `maxBytes` together. */
export function arrivalsAfter(
  store: StoreReader,
  after: number,
  maxBytes: number,
): StoredArrival[] {
  const found: StoredArrival[] = [];
  let bytes = 0;
  const from = arrivalKey(after + 1);
  for (const { key, value } of store.range({ from, to: Uint8Array.of(tables.arrivals + 1) })) {
    const { size } = new Arrival(value).present;
    found.push({ arrival: arrivalOf(key), bundle: value, entries: size });
    bytes += value.length;
    if (bytes >= maxBytes) break;
  }
  return found;
}
