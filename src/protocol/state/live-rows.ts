/**
 * The live entries of a key, and what becomes of a newcomer among them. A key can have very many (each item of a log is
 * one), so a newcomer is held against those only that can matter to it: all live entries of a key are of one epoch, the
 * largest; a slot or a log concerns its own writer's entries; and an item only what was written after it, for a
 * checkpoint is later than all that it contains.
 */
import { concatBytes, equalBytes, Writer } from "../../core/codec.ts";
import type { StoreReader } from "../../core/ports.ts";
import { classes, decodeEntry } from "./entry.ts";
import {
  decodeEntryRow,
  orderKey,
  orderOf,
  placeOf,
  prefixEnd,
  subjectPrefix,
  type EntryPlace,
  type EntryRow,
  type Subject,
} from "./rows.ts";
import { supersedes, type Standing } from "./supersede.ts";

/** A live entry where it stands, with its row. */
export type LiveRow = EntryRow & { readonly place: EntryPlace };

/** The live entries of a key, in the order of the entries table; or those of one writer from a stamp on. */
export function* liveRows(
  store: StoreReader,
  subject: Subject,
  only?: { readonly writer: Uint8Array; readonly from: bigint },
): Generator<LiveRow> {
  const prefix = concatBytes(subjectPrefix(subject), only?.writer ?? new Uint8Array(0));
  const from = only === undefined ? prefix : new Writer().bytes(prefix).u64(only.from).finish();
  for (const row of store.range({ from, to: prefixEnd(prefix) })) {
    yield { place: placeOf(subject, row.key), ...decodeEntryRow(row.value) };
  }
}

/** The live entries that x supersedes if it comes to live; undefined when it is live already or superseded itself. */
export function weigh(store: StoreReader, subject: Subject, x: Standing): LiveRow[] | undefined {
  if (x.entry.class !== classes.last && isLive(store, subject.namespace, x)) return undefined;
  const beaten: LiveRow[] = [];
  for (const row of rivals(store, subject, x)) {
    const y = standingOf(row, x);
    if (equalBytes(y.hash, x.hash) || supersedes(y, x)) return undefined;
    if (supersedes(x, y)) beaten.push(row);
  }
  return beaten;
}

function isLive(store: StoreReader, namespace: string, { stamp, hash }: Standing): boolean {
  return store.get(orderKey(namespace, { ts: orderOf(stamp), id: hash })) !== undefined;
}

function rivals(store: StoreReader, subject: Subject, x: Standing): Iterable<LiveRow> {
  const { class: entryClass, epoch = 0n, range } = x.entry;
  const concernsWriter = entryClass === classes.slot || entryClass === classes.append;
  if (!concernsWriter || liveEpoch(store, subject) !== epoch) return liveRows(store, subject);
  const isItem = entryClass === classes.append && range === undefined;
  return liveRows(store, subject, { writer: x.writer, from: isItem ? x.stamp + 1n : 0n });
}

function liveEpoch(store: StoreReader, subject: Subject): bigint | undefined {
  for (const { encoded } of liveRows(store, subject)) return decodeEntry(encoded).epoch ?? 0n;
  return undefined;
}

/** Of an entry of class `last` the law asks for stamp and hash only, so that it need not be decoded. */
function standingOf({ place, encoded }: LiveRow, x: Standing): Standing {
  const { writer, stamp, hash } = place;
  const entry = x.entry.class === classes.last ? x.entry : decodeEntry(encoded);
  return { entry, writer, stamp, hash };
}
