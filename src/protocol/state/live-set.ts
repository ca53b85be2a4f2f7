/**
 * The live set in the store: applies entries under the law of supersede.ts and keeps every index true to it, all within
 * one transaction of the caller. One instance serves one transaction; `finish` ends it.
 */
import { compareBytes } from "../../core/codec.ts";
import type { StoreWriter } from "../../core/ports.ts";
import { ArrivalWriter } from "./arrivals.ts";
import type { Boundaries } from "./boundaries.ts";
import type { AcceptedBundle, PlacedEntry } from "./bundle.ts";
import { classes, type Entry } from "./entry.ts";
import { weigh, type LiveRow } from "./live-rows.ts";
import { LeafSet } from "./merkle.ts";
import { OrderWriter } from "./order-writer.ts";
import { encodeKeyRow, entryKey, orderOf, type EntryPlace, type Subject } from "./rows.ts";

export type Applied = {
  readonly applied: number;
  readonly known: number;
  readonly forked: boolean;
};

/** The bundle at work: what of it lives so far. */
type Coming = { readonly arrival: number; readonly signed: AcceptedBundle; readonly live: LeafSet };

/** Hears of each live entry that one of a bundle supersedes. */
export type OnSuperseded = (row: LiveRow, by: Entry) => void;

export class LiveSet {
  readonly #tx: StoreWriter;
  readonly #order: OrderWriter;
  readonly #arrivals: ArrivalWriter;
  readonly #superseded: OnSuperseded | undefined;

  /** `own`: true for the writers of this node, whose chains are kept whole. */
  constructor(
    tx: StoreWriter,
    boundaries: Boundaries,
    own: (writer: Uint8Array) => boolean,
    superseded?: OnSuperseded,
  ) {
    this.#tx = tx;
    this.#superseded = superseded;
    this.#order = new OrderWriter(tx, boundaries);
    this.#arrivals = new ArrivalWriter(tx, own);
  }

  /** Applies the entries of a bundle, in the reconciliation order, so that neighbours share pages. */
  apply(signed: AcceptedBundle): Applied {
    const { entries, header } = signed;
    const live = new LeafSet(header.count);
    const coming: Coming = { arrival: this.#arrivals.next, signed, live };
    let applied = 0;
    for (const placed of entries.toSorted((a, b) => compareBytes(a.hash, b.hash))) {
      if (this.#applyEntry(coming, placed)) applied++;
    }
    if (applied === 0) return { applied, known: entries.length, forked: false };
    const forked = this.#arrivals.add(signed, live);
    return { applied, known: entries.length - applied, forked };
  }

  /** Writes what was kept in memory for the transaction. */
  finish(): void {
    this.#order.flush();
    this.#arrivals.finish();
  }

  #applyEntry(coming: Coming, { entry, hash, index }: PlacedEntry): boolean {
    const { arrival, signed } = coming;
    const { writer } = signed;
    const { namespace, stamp } = signed.header;
    const subject: Subject = { namespace, class: entry.class, type: entry.type, key: entry.key };
    const place: EntryPlace = { subject, writer, range: entry.range, stamp, index, hash };
    const key = entryKey(place);
    const beaten = weigh(this.#tx, subject, { key, entry, writer, stamp, hash }, coming);
    if (beaten === undefined) return false;
    for (const row of beaten) {
      this.#superseded?.(row, entry);
      this.#remove(row, coming);
    }
    this.#order.insert(namespace, { ts: orderOf(stamp), id: hash }, { arrival, index });
    this.#tx.put(key, encodeKeyRow({ arrival, index }, place));
    coming.live.add(index);
    return true;
  }

  /** An entry that a later one of the same batch supersedes (only a hostile writer puts a key twice into one) never came. */
  #remove(row: LiveRow, coming: Coming): void {
    const { subject, stamp, hash, arrival, index } = row;
    this.#order.remove(subject.namespace, { ts: orderOf(stamp), id: hash });
    if (subject.class !== classes.last) this.#tx.remove(row.key); // else the newcomer takes its place
    if (arrival === coming.arrival) coming.live.remove(index);
    else this.#arrivals.drop(arrival, index);
  }
}
