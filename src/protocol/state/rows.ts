/**
 * Keys of the tables in the ordered store; docs/formats.md, "Storage", lists them with their values. The first byte is
 * the table. Names of variable length end with a zero byte, which none of them contains, so rows sort by their parts.
 */
import { concatBytes, Reader, Writer } from "../../core/codec.ts";
import { hashBytes, writerBytes } from "../../core/ids.ts";
import type { Bound } from "../../core/ports.ts";
import { classes, type EntryClass, type StampRange } from "./entry.ts";

export const tables = {
  meta: 8,
  keys: 10,
  order: 11,
  sums: 12,
  arrivals: 13,
  live: 14,
  headersBySeq: 15,
  headersByStamp: 16,
} as const;

export const schemaVersion = 2;

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

/** Where an entry's bytes are: the number of the arrival that brought it, and its index in its batch. */
export type Locator = { readonly arrival: number; readonly index: number };

export const locatorBytes = 6 + 1;

export type EntryPlace = {
  readonly subject: Subject;
  readonly writer: Uint8Array;
  /** Of a checkpoint. */
  readonly range?: StampRange | undefined;
  readonly stamp: bigint;
  readonly index: number;
  readonly hash: Uint8Array;
};

export function namespacePrefix(table: number, namespace: string): Writer {
  return new Writer().u8(table).text(namespace).u8(0);
}

/** In the keys table checkpoints stand apart from the items of their class, in the order of their ranges' ends. */
const checkpointRows = classes.append | 0x80;

function withSubject(out: Writer, subject: Subject, isCheckpoint: boolean): Writer {
  const rowClass = isCheckpoint ? checkpointRows : subject.class;
  return out.u8(rowClass).text(subject.type).u8(0).text(subject.key).u8(0);
}

/** Begins the keys of a subject's entries, of its items or its checkpoints where it has both. */
export function subjectPrefix(subject: Subject, rows: "items" | "checkpoints"): Uint8Array {
  const out = namespacePrefix(tables.keys, subject.namespace);
  return withSubject(out, subject, rows === "checkpoints").finish();
}

export function typePrefix(namespace: string, entryClass: EntryClass, type: string): Uint8Array {
  return namespacePrefix(tables.keys, namespace).u8(entryClass).text(type).u8(0).finish();
}

/** Of class `last` one entry lives at most, and its row is the subject's own. */
export function entryKey({ subject, writer, range, stamp, index, hash }: EntryPlace): Uint8Array {
  const out = namespacePrefix(tables.keys, subject.namespace);
  withSubject(out, subject, range !== undefined);
  if (subject.class === classes.last) return out.finish();
  out.bytes(writer);
  if (range !== undefined) out.u64(range.to).u64(range.from);
  return out.u64(stamp).u16(index).bytes(hash).finish();
}

/** What follows the subject in the key of a row of other classes than `last`. */
const rangeBytes = 16;
const placeBytes = 8 + 2 + hashBytes;

/** The key's text in a row of a class and type whose prefix has `prefixLength` bytes. */
export function keyTextOf(key: Uint8Array, prefixLength: number): Uint8Array {
  return key.subarray(prefixLength, key.indexOf(0, prefixLength));
}

export function encodeKeyRow(
  { arrival, index }: Locator,
  { subject, stamp, hash }: EntryPlace,
): Uint8Array {
  const out = new Writer().u48(arrival).u8(index);
  if (subject.class === classes.last) out.u64(stamp).bytes(hash);
  return out.finish();
}

/** All that a row of the keys table says. */
export type KeyRow = Locator & {
  readonly stamp: bigint;
  readonly hash: Uint8Array;
  /** Unless of class `last`. */
  readonly writer: Uint8Array | undefined;
  readonly range: StampRange | undefined;
};

/** Reads a row whose subject's prefix has `prefixLength` bytes. */
export function decodeKeyRow(
  subject: Subject,
  prefixLength: number,
  key: Uint8Array,
  value: Uint8Array,
): KeyRow {
  const row = new Reader(value);
  const locator = { arrival: row.u48(), index: row.u8() };
  if (subject.class === classes.last) {
    return { ...locator, stamp: row.u64(), hash: row.bytes(hashBytes), ...nowhere };
  }
  const rest = new Reader(key.subarray(prefixLength));
  const writer = rest.bytes(writerBytes);
  const isCheckpoint = rest.remaining === rangeBytes + placeBytes;
  const to = isCheckpoint ? rest.u64() : 0n;
  const range = isCheckpoint ? { from: rest.u64(), to } : undefined;
  const stamp = rest.u64();
  rest.u16();
  return { ...locator, stamp, hash: rest.bytes(hashBytes), writer, range };
}

const nowhere = { writer: undefined, range: undefined };

/** The bytes of a position, which sort as positions do: (ts, id). */
export function positionBytesOf({ ts, id }: Bound): Uint8Array {
  return new Writer().u64(ts).bytes(id).finish();
}

/** A page of the order: (namespace, position of its first entry); the first page begins before every entry. */
export function pageKey(namespace: string, position?: Uint8Array): Uint8Array {
  const out = namespacePrefix(tables.order, namespace);
  return (position === undefined ? out : out.bytes(position)).finish();
}

/** The end of a namespace's pages. */
export function pagesEnd(namespace: string): Uint8Array {
  return new Writer().u8(tables.order).text(namespace).u8(1).finish();
}

/** A node of the sums over the pages; without a position the first node of the level. */
export function sumKey(namespace: string, level: number, position?: Uint8Array): Uint8Array {
  const out = namespacePrefix(tables.sums, namespace).u8(level);
  return (position === undefined ? out : out.bytes(position)).finish();
}

export function sumLevelEnd(namespace: string, level: number): Uint8Array {
  return sumKey(namespace, level + 1);
}

export function arrivalKey(arrival: number): Uint8Array {
  return new Writer().u8(tables.arrivals).u48(arrival).finish();
}

export function arrivalOf(key: Uint8Array): number {
  return new Reader(key.subarray(1)).u48();
}

export function liveKey(arrival: number): Uint8Array {
  return new Writer().u8(tables.live).u48(arrival).finish();
}

export function writerIndexKey(
  table: typeof tables.headersBySeq | typeof tables.headersByStamp,
  namespace: string,
  writer: Uint8Array,
  number: bigint,
): Uint8Array {
  return namespacePrefix(table, namespace).bytes(writer).u64(number).finish();
}

export function metaKey(name: string): Uint8Array {
  return new Writer().u8(tables.meta).text(name).finish();
}

/** The first key after `key`. */
export function keyAfter(key: Uint8Array): Uint8Array {
  return concatBytes(key, Uint8Array.of(0));
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
