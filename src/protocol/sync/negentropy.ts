/**
 * The message format of Negentropy, version 1 (hoytech/negentropy, docs/negentropy-protocol-v1.md). A message is a
 * version byte and adjacent ranges that begin at the first position; what lies after the last range is skipped.
 *
 *     Message := 0x61 Range*              Bound := timestamp (Varint) idLength (Varint) id
 *     Range   := Bound mode (Varint) payload
 *     payload := nothing (Skip, 0) | 16 bytes (Fingerprint, 1) | count (Varint) and ids of 32 bytes (IdList, 2)
 *
 * A range reaches up to its bound, exclusive. A timestamp is 0 for the end, else 1 + its distance from the one
 * before. Varints are base 128, most significant digit first, in the shortest form. The reader is stricter than the
 * reference: bounds must ascend, nothing follows the end, and nothing else than version 1 is accepted, since our
 * sessions agree on a version before they send a message.
 */
import { badFormat, Reader, Writer } from "../../core/codec.ts";
import { sha256 } from "../../core/identity.ts";
import { hashBytes } from "../../core/ids.ts";
import { limits } from "../../core/limits.ts";
import type { Bound } from "../../core/ports.ts";
import { compareBounds, endBound, firstBound } from "./position.ts";

const version = 0x61;
const modes = { skip: 0, fingerprint: 1, ids: 2 } as const;
const varintBytesMax = 10;
export const fingerprintBytes = 16;

/** Number of entries in a range and the sum of their hashes as little-endian integers mod 2^256 (32 bytes). */
export type Summary = { readonly count: number; readonly sum: Uint8Array };

export type Payload =
  | { readonly mode: "skip" }
  | { readonly mode: "fingerprint"; readonly fingerprint: Uint8Array }
  | { readonly mode: "ids"; readonly ids: readonly Uint8Array[] };

export type Range = Payload & { readonly from: Bound; readonly to: Bound };

/** First 16 bytes of SHA-256(sum, count as varint). */
export function fingerprintOf(summary: Summary): Uint8Array {
  const out = new Writer();
  out.bytes(summary.sum);
  writeVarint(out, summary.count);
  return sha256(out.view()).subarray(0, fingerprintBytes);
}

/** Throws `BAD_FORMAT`. Ids and fingerprints are views into the message. */
export function decodeMessage(bytes: Uint8Array): Range[] {
  const reader = new Reader(bytes);
  if (reader.u8() !== version) badFormat("not a Negentropy message of version 1");
  const ranges: Range[] = [];
  let from = firstBound;
  while (reader.remaining > 0) {
    const to = readBound(reader, from);
    if (ranges.length === limits.syncRangesMax) badFormat("too many ranges");
    ranges.push({ from, to, ...readPayload(reader) });
    from = to;
  }
  return ranges;
}

function readBound(reader: Reader, previous: Bound): Bound {
  const encoded = readVarint(reader);
  const ts = encoded === 0n ? endBound.ts : previous.ts + encoded - 1n;
  if (encoded !== 0n && ts >= endBound.ts) badFormat("timestamp too large");
  const id = reader.bytes(readCount(reader, hashBytes, "id prefix"));
  const bound = { ts, id };
  if (encoded === 0n && id.length > 0) badFormat("an id at the end of everything");
  if (compareBounds(previous, bound) >= 0) badFormat("bounds out of order");
  return bound;
}

function readPayload(reader: Reader): Payload {
  switch (Number(readVarint(reader))) {
    case modes.skip:
      return { mode: "skip" };
    case modes.fingerprint:
      return { mode: "fingerprint", fingerprint: reader.bytes(fingerprintBytes) };
    case modes.ids: {
      const count = readCount(reader, Math.floor(reader.remaining / hashBytes), "list of ids");
      return { mode: "ids", ids: Array.from({ length: count }, () => reader.bytes(hashBytes)) };
    }
    default:
      return badFormat("unknown mode of a range");
  }
}

function readCount(reader: Reader, max: number, what: string): number {
  const count = readVarint(reader);
  if (count > BigInt(max)) badFormat(`${what} too long`);
  return Number(count);
}

function readVarint(reader: Reader): bigint {
  let value = 0n;
  for (let index = 0; index < varintBytesMax; index++) {
    const byte = reader.u8();
    if (index === 0 && byte === 0x80) badFormat("number not in its shortest form");
    value = (value << 7n) | BigInt(byte & 0x7f);
    if (byte < 0x80) return value <= endBound.ts ? value : badFormat("number too large");
  }
  return badFormat("number too long");
}

function writeVarint(out: Writer, value: bigint | number): void {
  let rest = BigInt(value);
  const digits = [Number(rest & 0x7fn)];
  while ((rest >>= 7n) > 0n) digits.push(Number(rest & 0x7fn) | 0x80);
  for (const digit of digits.toReversed()) out.u8(digit);
}

/** Writes ranges in ascending order; a gap before a range becomes a Skip. */
export class MessageWriter {
  readonly #out = new Writer();
  #at = firstBound;

  constructor() {
    this.#out.u8(version);
  }

  get length(): number {
    return this.#out.length;
  }

  /** True when the message says that nothing is left to compare. */
  get empty(): boolean {
    return this.length === 1;
  }

  fingerprint(from: Bound, to: Bound, fingerprint: Uint8Array): void {
    this.#range(from, to, modes.fingerprint);
    this.#out.bytes(fingerprint);
  }

  ids(from: Bound, to: Bound, ids: readonly Uint8Array[]): void {
    this.#range(from, to, modes.ids);
    writeVarint(this.#out, ids.length);
    for (const id of ids) this.#out.bytes(id);
  }

  skip(from: Bound, to: Bound): void {
    this.#range(from, to, modes.skip);
  }

  #range(from: Bound, to: Bound, mode: number): void {
    if (compareBounds(this.#at, from) < 0) this.skip(this.#at, from);
    const end = to.ts === endBound.ts;
    writeVarint(this.#out, end ? 0n : to.ts - this.#at.ts + 1n);
    writeVarint(this.#out, to.id.length);
    this.#out.bytes(to.id);
    writeVarint(this.#out, mode);
    this.#at = to;
  }

  finish(): Uint8Array {
    return this.#out.finish();
  }
}
