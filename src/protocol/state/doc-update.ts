/**
 * The part of the Yjs update format (version 1) that a document takes: text under one root, by one client an update.
 * Everything else that Yjs knows (nested types, formats, embedded documents, structs that stand for what is missing) is
 * refused here, before Yjs sees it. Layout: docs/formats.md, "Documents"; of Yjs 13: src/utils/updates.js.
 */
import { badFormat, decodeUtf8, encodeUtf8, Reader, Writer } from "../../core/codec.ts";
import { limits } from "../../core/limits.ts";

/** Name of the root text in the Yjs document. */
export const docRoot = "text";

/** One UTF-16 unit of text, by the client that wrote it and how many it had written before. */
export type DocId = { readonly client: number; readonly clock: number };

/** A run of text, or with `text` undefined of text deleted since. */
export type DocStruct = {
  readonly clock: number;
  /** UTF-16 units. */
  readonly length: number;
  readonly origin: DocId | undefined;
  readonly rightOrigin: DocId | undefined;
  readonly text: string | undefined;
};

export type ClockRange = { readonly clock: number; readonly length: number };

export type DocUpdate = {
  /** By one client, each where the one before ended. */
  readonly structs: readonly DocStruct[];
  /** What it deletes, by client; ranges ascending and apart. */
  readonly deletes: ReadonlyMap<number, readonly ClockRange[]>;
};

const content = { deleted: 1, text: 4 } as const;
const hasOrigin = 0x80;
const hasRightOrigin = 0x40;

/** Throws `BAD_FORMAT` for anything but text and deletions whose structs are all of `client`. */
export function decodeDocUpdate(bytes: Uint8Array, client: number): DocUpdate {
  const reader = new Reader(bytes);
  const structs = readStructs(reader, client);
  const deletes = readDeletes(reader);
  reader.end();
  if (structs.length === 0 && deletes.size === 0) badFormat("an update of nothing");
  return { structs, deletes };
}

function readStructs(reader: Reader, client: number): DocStruct[] {
  const clients = reader.varint();
  if (clients === 0) return [];
  if (clients !== 1) badFormat("structs of more than one client");
  const count = reader.varint();
  if (count === 0) badFormat("a client without structs");
  if (reader.varint() !== client) badFormat("structs under the client id of another writer");
  let clock = reader.varint();
  const structs: DocStruct[] = [];
  while (structs.length < count) {
    const struct = readStruct(reader, client, clock);
    structs.push(struct);
    clock += struct.length;
    if (!Number.isSafeInteger(clock)) badFormat("clock too large");
  }
  return structs;
}

function readStruct(reader: Reader, client: number, clock: number): DocStruct {
  const info = reader.u8();
  const kind = info & ~(hasOrigin | hasRightOrigin);
  if (kind !== content.text && kind !== content.deleted) badFormat("a struct that is not text");
  const origin = (info & hasOrigin) === 0 ? undefined : readId(reader, client, clock);
  const rightOrigin = (info & hasRightOrigin) === 0 ? undefined : readId(reader, client, clock);
  if (origin === undefined && rightOrigin === undefined) readRoot(reader);
  const text = kind === content.text ? readText(reader) : undefined;
  const length = text === undefined ? reader.varint() : text.length;
  if (length === 0) badFormat("an empty struct");
  return { clock, length, origin, rightOrigin, text };
}

function readText(reader: Reader): string {
  return decodeUtf8(reader.prefixed(limits.valueBytesMax));
}

/** The text beside which a struct was put: of another client, or of its own past. */
function readId(reader: Reader, client: number, clock: number): DocId {
  const id = { client: reader.varint(), clock: reader.varint() };
  if (id.client === client && id.clock >= clock) badFormat("a struct beside its own future");
  return id;
}

function readRoot(reader: Reader): void {
  if (reader.varint() !== 1 || readText(reader) !== docRoot) badFormat("a struct elsewhere");
}

function readDeletes(reader: Reader): Map<number, ClockRange[]> {
  const deletes = new Map<number, ClockRange[]>();
  const clients = reader.varint();
  for (let left = clients; left > 0; left--) {
    const client = reader.varint();
    if (deletes.has(client)) badFormat("a client deleted from twice");
    deletes.set(client, readRanges(reader));
  }
  return deletes;
}

function readRanges(reader: Reader): ClockRange[] {
  const ranges: ClockRange[] = [];
  let end = -1;
  const count = reader.varint();
  if (count === 0) badFormat("a client without deletions");
  while (ranges.length < count) {
    const range = { clock: reader.varint(), length: reader.varint() };
    if (range.clock <= end || range.length === 0) badFormat("deletions out of order");
    end = range.clock + range.length;
    if (!Number.isSafeInteger(end)) badFormat("clock too large");
    ranges.push(range);
  }
  return ranges;
}

export function encodeDocUpdate({ structs, deletes }: DocUpdate, client: number): Uint8Array {
  const out = new Writer();
  const [first] = structs;
  out.varint(first === undefined ? 0 : 1);
  if (first !== undefined) out.varint(structs.length).varint(client).varint(first.clock);
  for (const struct of structs) writeStruct(out, struct);
  out.varint(deletes.size);
  for (const [deleted, ranges] of [...deletes].toSorted(([a], [b]) => b - a)) {
    out.varint(deleted).varint(ranges.length);
    for (const { clock, length } of ranges) out.varint(clock).varint(length);
  }
  return out.finish();
}

function writeStruct(out: Writer, { origin, rightOrigin, text, length }: DocStruct): void {
  const kind = text === undefined ? content.deleted : content.text;
  const left = origin === undefined ? 0 : hasOrigin;
  const right = rightOrigin === undefined ? 0 : hasRightOrigin;
  out.u8(kind | left | right);
  for (const id of [origin, rightOrigin]) {
    if (id !== undefined) out.varint(id.client).varint(id.clock);
  }
  if (origin === undefined && rightOrigin === undefined) {
    out.varint(1).prefixed(encodeUtf8(docRoot));
  }
  if (text === undefined) out.varint(length);
  else out.prefixed(encodeUtf8(text));
}
