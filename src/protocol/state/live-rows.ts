/**
 * The live entries of a key, and what becomes of a newcomer among them. A log has a live entry for each of its items, so
 * a newcomer is held against those only that can matter to it. All live entries of a key are of one epoch, the largest.
 * Within it a slot or a log concerns its own writer's entries alone. Of a writer's live checkpoints none contains another,
 * so in the order of their ranges' ends they are also in the order of their beginnings: the first that ends at or after
 * a stamp is the only one that can contain it.
 */
import { concatBytes, equalBytes, Writer } from "../../core/codec.ts";
import type { StoreReader } from "../../core/ports.ts";
import { classes, decodeEntry, type StampRange } from "./entry.ts";
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

/** The live entries of a key: in the order of writers and stamps, those of a log before its checkpoints. */
export function* liveRows(store: StoreReader, subject: Subject): Generator<LiveRow> {
  yield* rowsUnder(store, subject, subjectPrefix(subject, "items"));
  if (subject.class !== classes.append) return;
  yield* rowsUnder(store, subject, subjectPrefix(subject, "checkpoints"));
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
  const { class: entryClass, epoch = 0n } = x.entry;
  const concernsWriter = entryClass === classes.slot || entryClass === classes.append;
  if (!concernsWriter || liveEpoch(store, subject) !== epoch) return liveRows(store, subject);
  if (entryClass === classes.append) return rivalsInLog(store, subject, x);
  return rowsUnder(store, subject, writerPrefix(subject, "items", x));
}

function liveEpoch(store: StoreReader, subject: Subject): bigint | undefined {
  for (const { encoded } of liveRows(store, subject)) return decodeEntry(encoded).epoch ?? 0n;
  return undefined;
}

function* rivalsInLog(store: StoreReader, subject: Subject, x: Standing): Generator<LiveRow> {
  const { range } = x.entry;
  const end = range?.to ?? x.stamp;
  const checkpoints = writerPrefix(subject, "checkpoints", x);
  yield* rowsUnder(store, subject, checkpoints, { from: end, to: undefined, limit: 1 });
  if (range === undefined) return;
  yield* rowsUnder(store, subject, writerPrefix(subject, "items", x), range);
  const endsBefore = { from: range.from, to: range.to - 1n, reverse: true };
  for (const row of rowsUnder(store, subject, checkpoints, endsBefore)) {
    if (row.place.range !== undefined && row.place.range.from < range.from) return;
    yield row;
  }
}

function writerPrefix(subject: Subject, rows: "items" | "checkpoints", x: Standing): Uint8Array {
  return concatBytes(subjectPrefix(subject, rows), x.writer);
}

type Within = Pick<StampRange, "from"> & {
  readonly to: bigint | undefined;
  readonly reverse?: boolean;
  readonly limit?: number;
};

/** Rows whose keys begin so, and go on with a stamp within these. */
function* rowsUnder(
  store: StoreReader,
  subject: Subject,
  prefix: Uint8Array,
  within?: Within,
): Generator<LiveRow> {
  const { from, to, ...order } = within ?? {};
  const range = {
    from: from === undefined ? prefix : withStamp(prefix, from),
    to: to === undefined ? prefixEnd(prefix) : withStamp(prefix, to + 1n),
  };
  for (const row of store.range({ ...range, ...order })) {
    yield { place: placeOf(subject, row.key), ...decodeEntryRow(row.value) };
  }
}

function withStamp(prefix: Uint8Array, stamp: bigint): Uint8Array {
  return new Writer().bytes(prefix).u64(stamp).finish();
}

/** Of an entry of class `last` the law asks for stamp and hash only, so that it need not be decoded. */
function standingOf({ place, encoded }: LiveRow, x: Standing): Standing {
  const { writer, stamp, hash } = place;
  const entry = x.entry.class === classes.last ? x.entry : decodeEntry(encoded);
  return { entry, writer, stamp, hash };
}
