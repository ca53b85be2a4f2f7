/**
 * The live set in the store: applies entries under the law of supersede.ts and keeps every index true to it, all within
 * one transaction of the caller. One instance serves one transaction; `finish` ends it.
 */
import { compareBytes } from "../../core/codec.ts";
import type { StoreWriter } from "../../core/ports.ts";
import type { PlacedEntry, SignedHeader } from "./bundle.ts";
import { Feed } from "./feed.ts";
import { FingerprintWriter } from "./fingerprints.ts";
import { addHeader, dropFromHeader, type StoredHeader } from "./headers-table.ts";
import { weigh, type LiveRow } from "./live-rows.ts";
import { LeafSet } from "./merkle.ts";
import {
  encodeEntryRow,
  encodeLocator,
  entryKey,
  orderKey,
  orderOf,
  type EntryPlace,
  type Subject,
} from "./rows.ts";

export type Applied = {
  readonly applied: number;
  readonly known: number;
  readonly forked: boolean;
};

export class LiveSet {
  readonly #tx: StoreWriter;
  readonly #fingerprints: FingerprintWriter;
  readonly #feed: Feed;
  readonly #own: (writer: Uint8Array) => boolean;

  /** `own`: true for the writers of this node, whose chains are kept whole. */
  constructor(tx: StoreWriter, salt: Uint8Array, own: (writer: Uint8Array) => boolean) {
    this.#tx = tx;
    this.#fingerprints = new FingerprintWriter(tx, salt);
    this.#feed = new Feed(tx);
    this.#own = own;
  }

  /** Applies entries of one header, in the reconciliation order, so that neighbours share fingerprint nodes. */
  apply(signed: StoredHeader, entries: readonly PlacedEntry[]): Applied {
    const live = new LeafSet(signed.header.count);
    let applied = 0;
    const added: PlacedEntry[] = [];
    for (const placed of entries.toSorted((a, b) => compareBytes(a.hash, b.hash))) {
      if (!this.#applyEntry(signed, placed)) continue;
      applied++;
      live.add(placed.index);
      added.push(placed);
    }
    if (applied === 0) return { applied, known: entries.length, forked: false };
    const forked = addHeader(this.#tx, signed, live);
    this.#dropShadowed(signed, added);
    return { applied, known: entries.length - applied, forked };
  }

  /** Writes what was kept in memory for the transaction. */
  finish(): void {
    this.#fingerprints.flush();
    this.#feed.finish();
  }

  #applyEntry(signed: SignedHeader, placed: PlacedEntry): boolean {
    const { entry, hash, index } = placed;
    const { namespace, stamp } = signed.header;
    const { writer } = signed;
    const subject: Subject = { namespace, class: entry.class, type: entry.type, key: entry.key };
    const beaten = weigh(this.#tx, subject, { entry, writer, stamp, hash });
    if (beaten === undefined) return false;
    for (const row of beaten) this.#removeRow(row);
    const place: EntryPlace = { subject, writer, range: entry.range, stamp, index, hash };
    const position = { ts: orderOf(stamp), id: hash };
    this.#fingerprints.insert(namespace, position);
    this.#tx.put(orderKey(namespace, position), encodeLocator(place));
    const row = encodeEntryRow(signed.hash, this.#feed.add(subject), placed.encoded);
    this.#tx.put(entryKey(place), row);
    return true;
  }

  #removeRow(row: LiveRow): void {
    const { place } = row;
    const position = { ts: orderOf(place.stamp), id: place.hash };
    this.#fingerprints.remove(place.subject.namespace, position);
    this.#tx.remove(orderKey(place.subject.namespace, position));
    this.#tx.remove(entryKey(place));
    this.#feed.remove(row.feedSeq);
    dropFromHeader(this.#tx, row.header, place.index, this.#own);
  }

  /**
   * An entry that a later one of the same batch superseded (only a hostile writer puts a key twice into a batch) was
   * dropped before its header was stored, so its leaf must be taken off again.
   */
  #dropShadowed(signed: SignedHeader, added: readonly PlacedEntry[]): void {
    const { namespace, stamp } = signed.header;
    for (const { hash, index } of added) {
      const position = { ts: orderOf(stamp), id: hash };
      if (this.#tx.get(orderKey(namespace, position)) === undefined) {
        dropFromHeader(this.#tx, signed.hash, index, this.#own);
      }
    }
  }
}
