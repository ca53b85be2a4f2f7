/**
 * Entries: one contribution to one key. Encoded as fields `(number varint, length varint, bytes)` in strictly
 * ascending order of their numbers, so that equal entries are equal bytes. Fields with numbers this version does not
 * know are kept and forwarded. Layout: docs/formats.md, "Entry".
 */
import { badFormat, compareBytes, decodeUtf8, Reader, Writer } from "../../core/codec.ts";
import { isTypeLabel, writerBytes } from "../../core/ids.ts";
import { limits } from "../../core/limits.ts";

/** How entries of one key merge; fixed within the format version. */
export const classes = { last: 1, context: 2, slot: 3, append: 4 } as const;
export type EntryClass = (typeof classes)[keyof typeof classes];

/** What a writer had seen of a key: for each writer (40 bytes) the largest stamp; ascending by writer. */
export type Context = readonly { readonly writer: Uint8Array; readonly stamp: bigint }[];

/** Both ends included. */
export type StampRange = { readonly from: bigint; readonly to: bigint };

export type Entry = {
  readonly class: EntryClass;
  readonly type: string;
  readonly key: string;
  /** Undefined deletes. */
  readonly body?: Uint8Array | undefined;
  /** Classes `context`, `slot` and `append`; 0 when absent. */
  readonly epoch?: bigint | undefined;
  readonly context?: Context | undefined;
  /** Class `append`: makes the entry a checkpoint over the stamps from..to of its writer. */
  readonly range?: StampRange | undefined;
  /** Classes `last` and `context`: Unix ms after which readers hide the value. */
  readonly expires?: bigint | undefined;
  /** Encoded fields with numbers unknown to this version. */
  readonly unknown?: Uint8Array | undefined;
};

const field = { class: 1, type: 2, key: 3, body: 4, epoch: 5, context: 6, range: 7, expires: 8 };
/** One byte of kind before the value, see value.ts. */
const bodyBytesMax = limits.valueBytesMax + 1;

export function encodeEntry(entry: Entry): Uint8Array {
  const out = new Writer();
  out.varint(field.class).varint(1).u8(entry.class);
  out.varint(field.type).prefixedText(entry.type);
  out.varint(field.key).prefixedText(entry.key);
  if (entry.body !== undefined) out.varint(field.body).prefixed(entry.body);
  if (entry.epoch !== undefined) out.varint(field.epoch).varint(8).u64(entry.epoch);
  if (entry.context !== undefined) {
    out.varint(field.context).varint(entry.context.length * (writerBytes + 8));
    for (const { writer, stamp } of entry.context) out.bytes(writer).u64(stamp);
  }
  if (entry.range !== undefined) {
    out.varint(field.range).varint(16).u64(entry.range.from).u64(entry.range.to);
  }
  if (entry.expires !== undefined) out.varint(field.expires).varint(8).u64(entry.expires);
  if (entry.unknown !== undefined) out.bytes(entry.unknown);
  return out.finish();
}

/** No less than the bytes that `encodeEntry` makes of it, at a fraction of the work. */
export function entryBytesAtMost({ key, body, context, unknown }: Entry): number {
  const sized = (body?.length ?? 0) + (context?.length ?? 0) * (writerBytes + 8);
  return sized + key.length * 3 + (unknown?.length ?? 0) + fixedFieldsBytesMax;
}

/** Class, type, epoch, range, expiry, and the numbers and lengths of all fields. */
const fixedFieldsBytesMax = 128;

type Draft = { -readonly [Name in keyof Entry]: Entry[Name] };

/** Decodes the fields; throws `BAD_FORMAT`. Rules that need the stamp are in `entryFault`. */
export function decodeEntry(bytes: Uint8Array): Entry {
  if (bytes.length > limits.entryBytesMax) badFormat("entry too large");
  const reader = new Reader(bytes);
  const draft: Partial<Draft> = {};
  let previous = 0;
  while (reader.remaining > 0) {
    const start = reader.offset;
    const number = reader.varint();
    if (number <= previous) badFormat("fields out of order");
    previous = number;
    if (number > field.expires) {
      reader.prefixed(limits.unknownFieldsBytesMax);
      while (reader.remaining > 0) {
        const next = reader.varint();
        if (next <= previous) badFormat("fields out of order");
        previous = next;
        reader.prefixed(limits.unknownFieldsBytesMax);
      }
      draft.unknown = bytes.subarray(start);
      if (draft.unknown.length > limits.unknownFieldsBytesMax)
        badFormat("unknown fields too large");
      break;
    }
    readField(draft, number, reader);
  }
  const { class: entryClass, type, key } = draft;
  if (entryClass === undefined || type === undefined || key === undefined) {
    badFormat("entry without class, type or key");
  }
  return { ...draft, class: entryClass, type, key };
}

function readField(draft: Partial<Draft>, number: number, reader: Reader): void {
  switch (number) {
    case field.class:
      draft.class = decodeClass(fixed(reader, 1).u8());
      return;
    case field.type:
      draft.type = decodeType(reader.prefixed(limits.typeBytesMax));
      return;
    case field.key:
      draft.key = decodeKey(reader.prefixed(limits.keyBytesMax));
      return;
    case field.body:
      draft.body = reader.prefixed(bodyBytesMax);
      return;
    case field.epoch:
      draft.epoch = fixed(reader, 8).u64();
      return;
    case field.context:
      draft.context = decodeContext(reader.prefixed(limits.contextWritersMax * (writerBytes + 8)));
      return;
    case field.range: {
      const range = fixed(reader, 16);
      draft.range = { from: range.u64(), to: range.u64() };
      return;
    }
    default:
      draft.expires = fixed(reader, 8).u64();
  }
}

function fixed(reader: Reader, length: number): Reader {
  const bytes = reader.prefixed(length);
  if (bytes.length !== length) badFormat("field of the wrong length");
  return new Reader(bytes);
}

function decodeClass(value: number): EntryClass {
  if (value !== 1 && value !== 2 && value !== 3 && value !== 4) badFormat("unknown entry class");
  return value;
}

function decodeType(bytes: Uint8Array): string {
  const type = decodeUtf8(bytes);
  if (!isTypeLabel(type)) badFormat("bad type label");
  return type;
}

function decodeKey(bytes: Uint8Array): string {
  const key = decodeUtf8(bytes);
  if (key === "" || key.includes("\0")) badFormat("bad key");
  return key;
}

function decodeContext(bytes: Uint8Array): Context {
  const width = writerBytes + 8;
  if (bytes.length % width !== 0) badFormat("field of the wrong length");
  const reader = new Reader(bytes);
  const context: { writer: Uint8Array; stamp: bigint }[] = [];
  let previous: Uint8Array | undefined;
  while (reader.remaining > 0) {
    const writer = reader.bytes(writerBytes);
    if (previous !== undefined && compareBytes(previous, writer) >= 0) {
      badFormat("context out of order");
    }
    previous = writer;
    context.push({ writer, stamp: reader.u64() });
  }
  return context;
}

/**
 * Why an entry under a header of this stamp is refused by every node, or undefined. An epoch may not exceed the
 * entry's stamp; contexts and ranges lie strictly before it; each field belongs to its classes.
 */
export function entryFault(entry: Entry, stamp: bigint): string | undefined {
  const { epoch, context, range, expires } = entry;
  if (entry.class === classes.last && epoch !== undefined) return "class last has no epoch";
  if (epoch !== undefined && epoch > stamp) return "epoch in the future of its entry";
  if (entry.class !== classes.context && context !== undefined) return "only class context has one";
  if (context?.some((seen) => seen.stamp >= stamp) === true) return "context not before its entry";
  if (entry.class !== classes.append && range !== undefined) return "only class append has a range";
  if (range !== undefined && (range.from > range.to || range.to >= stamp)) return "bad range";
  if (expires !== undefined) {
    if (entry.class !== classes.last && entry.class !== classes.context) {
      return "this class cannot expire";
    }
    if (expires <= stamp >> 16n) return "expiry not after its entry";
  }
  return undefined;
}
