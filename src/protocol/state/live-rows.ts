/**
 * The live entries of a key, and what becomes of a newcomer among them. A log has a live entry for each of its items, so
 * a newcomer is held against those only that can matter to it. All live entries of a key are of one epoch, the largest.
 * Within it a slot or a log concerns its own writer's entries alone. Of a writer's live checkpoints none contains another,
 * so in the order of their ranges' ends they are also in the order of their beginnings: the first that ends at or after
 * a stamp is the only one that can contain it.
 */
import { concatBytes, Writer } from "../../core/codec.ts";
import type { StoreReader } from "../../core/ports.ts";
import { ArrivalReader } from "./arrivals.ts";
import type { AcceptedBundle } from "./bundle.ts";
import { classes, decodeEntry, type StampRange } from "./entry.ts";
import {
  decodeKeyRow,
  prefixEnd,
  subjectPrefix,
  type EntryPlace,
  type KeyRow,
  type Subject,
} from "./rows.ts";
import { supersedes, type Standing } from "./supersede.ts";

/** A bundle whose arrival is not in the store yet, while its entries come to live. */
export type Coming = {
  readonly arrival: number;
  readonly signed: Pick<AcceptedBundle, "writer" | "entries">;
};

/** What a row leaves to the batch that brought its entry; stays as it is whatever becomes of the row. */
type Held = { readonly writer: Uint8Array; readonly encoded: Uint8Array };

/** Where the entries of rows are read from. */
class Source {
  readonly #arrivals: ArrivalReader;
  readonly #coming: Coming | undefined;

  constructor(store: StoreReader, coming?: Coming) {
    this.#arrivals = new ArrivalReader(store);
    this.#coming = coming;
  }

  /** Undefined when the entry does not live any more. */
  hold({ arrival, index }: KeyRow): Held | undefined {
    if (arrival === this.#coming?.arrival) {
      const { writer, entries } = this.#coming.signed;
      const { encoded } = found(entries.find((entry) => entry.index === index));
      return { writer, encoded };
    }
    const brought = this.#arrivals.get(arrival);
    const encoded = brought?.entry(index);
    return brought === undefined || encoded === undefined
      ? undefined
      : { writer: brought.writer, encoded };
  }
}

/** A live entry without its bytes would be a store that contradicts itself. */
function found<T>(value: T | undefined): T {
  if (value === undefined) throw new RangeError("a live entry is not among the arrivals");
  return value;
}

/** A live entry where it stands. */
export class LiveRow {
  readonly #subject: Subject;
  readonly #row: KeyRow;
  readonly #source: Source;
  #held: Held | undefined;
  /** Of its row in the keys table. */
  readonly key: Uint8Array;

  /** Without `held` it is read when first asked for, which must be in the same turn of the loop. */
  constructor(subject: Subject, key: Uint8Array, row: KeyRow, source: Source, held?: Held) {
    this.#subject = subject;
    this.key = key;
    this.#row = row;
    this.#source = source;
    this.#held = held;
  }

  #hold(): Held {
    this.#held ??= found(this.#source.hold(this.#row));
    return this.#held;
  }

  get subject(): Subject {
    return this.#subject;
  }

  get stamp(): bigint {
    return this.#row.stamp;
  }

  get hash(): Uint8Array {
    return this.#row.hash;
  }

  get range(): StampRange | undefined {
    return this.#row.range;
  }

  get arrival(): number {
    return this.#row.arrival;
  }

  get index(): number {
    return this.#row.index;
  }

  get writer(): Uint8Array {
    return this.#row.writer ?? this.#hold().writer;
  }

  get place(): EntryPlace {
    const { stamp, index, hash, range } = this.#row;
    return { subject: this.#subject, writer: this.writer, range, stamp, index, hash };
  }

  get encoded(): Uint8Array {
    return this.#hold().encoded;
  }

  /** Its number in the change feed. */
  get feedSeq(): bigint {
    return feedSeqOf(this.#row.arrival, this.#row.index);
  }
}

/** Numbers of the feed grow with arrivals, and within one with the index, which is less than 128. */
export function feedSeqOf(arrival: number, index: number): bigint {
  return (BigInt(arrival) << 7n) | BigInt(index);
}

/** The live entries of a key: in the order of writers and stamps, those of a log before its checkpoints. */
export function liveRows(store: StoreReader, subject: Subject): Generator<LiveRow> {
  return rowsOf(store, subject, new Source(store));
}

function* rowsOf(store: StoreReader, subject: Subject, source: Source): Generator<LiveRow> {
  const prefix = subjectPrefix(subject, "items");
  if (subject.class === classes.last) {
    const value = store.get(prefix);
    if (value === undefined) return;
    const row = decodeKeyRow(subject, prefix.length, prefix, value);
    yield new LiveRow(subject, prefix, row, source, source.hold(row));
    return;
  }
  yield* rowsUnder(store, subject, source, { rows: "items" });
  if (subject.class === classes.append) {
    yield* rowsUnder(store, subject, source, { rows: "checkpoints" });
  }
}

/** The live entries of class `last` whose rows lie in a stretch of the keys table that holds no others. */
export function* rowsBetween(
  store: StoreReader,
  range: { readonly from: Uint8Array; readonly to: Uint8Array },
  subjectOf: (key: Uint8Array) => Subject,
): Generator<LiveRow> {
  const source = new Source(store);
  for (const { key, value } of store.range(range)) {
    const subject = subjectOf(key);
    const row = decodeKeyRow(subject, key.length, key, value);
    const held = source.hold(row);
    if (held !== undefined) yield new LiveRow(subject, key, row, source, held);
  }
}

/** A newcomer, with the key of the row that it would have. */
export type Newcomer = Standing & { readonly key: Uint8Array };

/** The live entries that x supersedes if it comes to live; undefined when it is live already or superseded itself. */
export function weigh(
  store: StoreReader,
  subject: Subject,
  x: Newcomer,
  coming?: Coming,
): LiveRow[] | undefined {
  if (x.entry.class === classes.last) return weighLast(store, subject, x);
  if (store.get(x.key) !== undefined) return undefined;
  const beaten: LiveRow[] = [];
  for (const row of rivals(store, subject, x, new Source(store, coming))) {
    const y = {
      entry: decodeEntry(row.encoded),
      writer: row.writer,
      stamp: row.stamp,
      hash: row.hash,
    };
    if (supersedes(y, x)) return undefined;
    if (supersedes(x, y)) beaten.push(row);
  }
  return beaten;
}

/** Of class `last` the law asks for stamp and hash only, so that the entry need not be read. */
function weighLast(store: StoreReader, subject: Subject, x: Newcomer): LiveRow[] | undefined {
  const value = store.get(x.key);
  if (value === undefined) return [];
  const row = decodeKeyRow(subject, x.key.length, x.key, value);
  const y = { ...x, stamp: row.stamp, hash: row.hash };
  if (!supersedes(x, y)) return undefined;
  return [new LiveRow(subject, x.key, row, new Source(store))];
}

function rivals(
  store: StoreReader,
  subject: Subject,
  x: Standing,
  source: Source,
): Iterable<LiveRow> {
  const { class: entryClass, epoch = 0n } = x.entry;
  const concernsWriter = entryClass === classes.slot || entryClass === classes.append;
  if (!concernsWriter || liveEpoch(store, subject, source) !== epoch) {
    return rowsOf(store, subject, source);
  }
  if (entryClass === classes.append) return rivalsInLog(store, subject, x, source);
  return rowsUnder(store, subject, source, { rows: "items", writer: x.writer });
}

function liveEpoch(store: StoreReader, subject: Subject, source: Source): bigint | undefined {
  for (const { encoded } of rowsOf(store, subject, source)) return decodeEntry(encoded).epoch ?? 0n;
  return undefined;
}

function* rivalsInLog(
  store: StoreReader,
  subject: Subject,
  { entry, stamp, writer }: Standing,
  source: Source,
): Generator<LiveRow> {
  const { range } = entry;
  const end = range?.to ?? stamp;
  const checkpoints: Under = { rows: "checkpoints", writer };
  yield* rowsUnder(store, subject, source, { ...checkpoints, from: end, limit: 1 });
  if (range === undefined) return;
  yield* rowsUnder(store, subject, source, { rows: "items", writer, ...range });
  const endsBefore = { from: range.from, to: range.to - 1n, reverse: true };
  for (const row of rowsUnder(store, subject, source, { ...checkpoints, ...endsBefore })) {
    if (row.range !== undefined && row.range.from < range.from) return;
    yield row;
  }
}

/** Some of a subject's rows: a writer's, and of these the ones whose keys go on with a stamp from..to. */
type Under = {
  readonly rows: "items" | "checkpoints";
  readonly writer?: Uint8Array;
  readonly from?: bigint;
  readonly to?: bigint;
  readonly reverse?: boolean;
  readonly limit?: number;
};

function* rowsUnder(
  store: StoreReader,
  subject: Subject,
  source: Source,
  { rows, writer, from, to, ...order }: Under,
): Generator<LiveRow> {
  const base = subjectPrefix(subject, rows);
  const prefix = writer === undefined ? base : concatBytes(base, writer);
  const range = {
    from: from === undefined ? prefix : withStamp(prefix, from),
    to: to === undefined ? prefixEnd(prefix) : withStamp(prefix, to + 1n),
  };
  for (const { key, value } of store.range({ ...range, ...order })) {
    const row = decodeKeyRow(subject, base.length, key, value);
    // a reader that goes on in a later turn of the loop may come to rows of what has been superseded since
    const held = source.hold(row);
    if (held !== undefined) yield new LiveRow(subject, key, row, source, held);
  }
}

function withStamp(prefix: Uint8Array, stamp: bigint): Uint8Array {
  return new Writer().bytes(prefix).u64(stamp).finish();
}
