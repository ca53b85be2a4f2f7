/**
 * Keys of the tables in the ordered store; docs/formats.md, "Storage", lists them with their values. The first byte is
 * the table. Names of variable length end with a zero byte, which none of them contains, so rows sort by their parts.
 */
import { concatBytes, Reader, Writer } from "../../core/codec.ts";
import { hashBytes, writerBytes } from "../../core/ids.ts";
import type { Bound } from "../../core/ports.ts";
import { classes, type EntryClass, type StampRange } from "./entry.ts";

export const tables = {
  entries: 1,
  order: 2,
  fingerprints: 3,
  headers: 4,
  headersBySeq: 5,
  headersByStamp: 6,
  feed: 7,
  meta: 8,
  live: 9,
} as const;

export const schemaVersion = 1;

/** 2^64 - 2: reconciliation timestamps count down from it, so that the newest entry sorts first. */
const newest = 2n ** 64n - 2n;
export const endBound: Bound = { ts: 2n ** 64n - 1n, id: new Uint8Array(0) };
export const startBound: Bound = { ts: 0n, id: new Uint8Array(0) };

export function orderOf(stamp: bigint): bigint {
  return newest - stamp;
}

export function stampOf(ts: bigint): bigint {
  return newest - ts;
}

/** Class, type and key together name what entries contribute to. */
export type Subject = {
  readonly namespace: string;
  readonly class: EntryClass;
  readonly type: string;
  readonly key: string;
};

function namespacePrefix(table: number, namespace: string): Writer {
  return new Writer().u8(table).text(namespace).u8(0);
}

/** In the entries table checkpoints stand apart from the items of their class, in the order of their ranges' ends. */
const checkpointRows = classes.append | 0x80;

function withSubject(out: Writer, subject: Subject, isCheckpoint: boolean): Writer {
  const rowClass = isCheckpoint ? checkpointRows : subject.class;
  return out.u8(rowClass).text(subject.type).u8(0).text(subject.key).u8(0);
}

export type EntryPlace = {
  readonly subject: Subject;
  readonly writer: Uint8Array;
  /** Of a checkpoint. */
  readonly range?: StampRange | undefined;
  readonly stamp: bigint;
  readonly index: number;
  readonly hash: Uint8Array;
};

const placeBytes = writerBytes + 8 + 2 + hashBytes;
const rangeBytes = 16;

function withWriter(out: Writer, { subject, writer, range }: EntryPlace): Writer {
  withSubject(out, subject, range !== undefined).bytes(writer);
  return range === undefined ? out : out.u64(range.to).u64(range.from);
}

export function entryKey(place: EntryPlace): Uint8Array {
  return withWriter(namespacePrefix(tables.entries, place.subject.namespace), place)
    .u64(place.stamp)
    .u16(place.index)
    .bytes(place.hash)
    .finish();
}

/** Reads the end of an entries key whose subject is known. */
export function placeOf(subject: Subject, key: Uint8Array): EntryPlace {
  const isCheckpoint = key[1 + subject.namespace.length + 1] === checkpointRows;
  const reader = new Reader(
    key.subarray(key.length - placeBytes - (isCheckpoint ? rangeBytes : 0)),
  );
  const writer = reader.bytes(writerBytes);
  const to = isCheckpoint ? reader.u64() : 0n;
  const range = isCheckpoint ? { from: reader.u64(), to } : undefined;
  return {
    subject,
    writer,
    range,
    stamp: reader.u64(),
    index: reader.u16(),
    hash: reader.bytes(hashBytes),
  };
}

/** A row of the entries table: hash of its header, number in the change feed, the entry. */
export function encodeEntryRow(header: Uint8Array, feedSeq: bigint, entry: Uint8Array): Uint8Array {
  return new Writer().bytes(header).u64(feedSeq).bytes(entry).finish();
}

export type EntryRow = {
  readonly header: Uint8Array;
  readonly feedSeq: bigint;
  readonly encoded: Uint8Array;
};

export function decodeEntryRow(row: Uint8Array): EntryRow {
  const reader = new Reader(row);
  return {
    header: reader.bytes(hashBytes),
    feedSeq: reader.u64(),
    encoded: reader.bytes(reader.remaining),
  };
}

/** The key's text in an entries key whose prefix (table, namespace, class, type) has `prefixLength` bytes. */
export function keyTextOf(key: Uint8Array, prefixLength: number): Uint8Array {
  return key.subarray(prefixLength, key.length - placeBytes - 1);
}

/** Begins the keys of a subject's entries, of its items or its checkpoints where it has both. */
export function subjectPrefix(subject: Subject, rows: "items" | "checkpoints"): Uint8Array {
  const out = namespacePrefix(tables.entries, subject.namespace);
  return withSubject(out, subject, rows === "checkpoints").finish();
}

export function typePrefix(namespace: string, entryClass: EntryClass, type: string): Uint8Array {
  return namespacePrefix(tables.entries, namespace).u8(entryClass).text(type).u8(0).finish();
}

/** The reconciliation order: (namespace, descending stamp, hash). */
export function orderKey(namespace: string, position: Bound): Uint8Array {
  return namespacePrefix(tables.order, namespace).u64(position.ts).bytes(position.id).finish();
}

export function orderPosition(key: Uint8Array): { ts: bigint; id: Uint8Array } {
  const reader = new Reader(key.subarray(key.length - 8 - hashBytes));
  return { ts: reader.u64(), id: reader.bytes(hashBytes) };
}

/** What the order table keeps of an entry beside its position: enough to find it in the entries table. */
export function encodeLocator(place: EntryPlace): Uint8Array {
  return withWriter(new Writer(), place).u16(place.index).finish();
}

export function locatedKey(
  namespace: string,
  position: { ts: bigint; id: Uint8Array },
  locator: Uint8Array,
): Uint8Array {
  const split = locator.length - 2;
  return namespacePrefix(tables.entries, namespace)
    .bytes(locator.subarray(0, split))
    .u64(stampOf(position.ts))
    .bytes(locator.subarray(split))
    .bytes(position.id)
    .finish();
}

/** A node of the range fingerprints; without a position the first node of the level. */
export function fingerprintKey(namespace: string, level: number, position?: Bound): Uint8Array {
  const out = namespacePrefix(tables.fingerprints, namespace).u8(level);
  if (position !== undefined) out.u64(position.ts).bytes(position.id);
  return out.finish();
}

export function fingerprintLevelEnd(namespace: string, level: number): Uint8Array {
  return fingerprintKey(namespace, level + 1);
}

export function headerKey(hash: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(tables.headers), hash);
}

export function liveKey(hash: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(tables.live), hash);
}

export function writerIndexKey(
  table: typeof tables.headersBySeq | typeof tables.headersByStamp,
  namespace: string,
  writer: Uint8Array,
  number: bigint,
  hash: Uint8Array = new Uint8Array(0),
): Uint8Array {
  return namespacePrefix(table, namespace).bytes(writer).u64(number).bytes(hash).finish();
}

export function feedKey(seq: bigint): Uint8Array {
  return new Writer().u8(tables.feed).u64(seq).finish();
}

export function metaKey(name: string): Uint8Array {
  return new Writer().u8(tables.meta).text(name).finish();
}

/** The first key after all that begin with `prefix` (which never ends in 0xff here). */
export function prefixEnd(prefix: Uint8Array): Uint8Array {
  const end = prefix.slice();
  for (let index = end.length - 1; index >= 0; index--) {
    if (end[index] !== 0xff) {
      end[index]!++;
      return end.subarray(0, index + 1);
    }
  }
  return Uint8Array.of(0xff);
}
