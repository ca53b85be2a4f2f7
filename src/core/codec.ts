/**
 * Bytes in and out. Every decoder of the house reads through `Reader`, which never reads past its end, never
 * allocates what a length field merely claims, and accepts one encoding of each number only, so that equal
 * meaning is equal bytes. Integers of fixed width are big-endian; `varint` is unsigned LEB128 in its shortest form,
 * at most 2^53 - 1.
 */
import { CoterieError } from "./errors.ts";

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Throws `BAD_FORMAT` with a reason for humans. */
export function badFormat(reason: string): never {
  throw new CoterieError("BAD_FORMAT", reason);
}

export function encodeUtf8(text: string): Uint8Array {
  return utf8Encoder.encode(text);
}

/** Throws `BAD_FORMAT` when the bytes are not well-formed UTF-8. A byte order mark is kept as a character. */
export function decodeUtf8(bytes: Uint8Array): string {
  return (bytes.length <= shortTextBytes ? decodeAscii(bytes) : undefined) ?? decodeAny(bytes);
}

/** Below it a call into the decoder costs more than the work. */
const shortTextBytes = 48;

function decodeAscii(bytes: Uint8Array): string | undefined {
  let text = "";
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index]!;
    if (byte >= 128) return undefined;
    text += String.fromCharCode(byte);
  }
  return text;
}

function decodeAny(bytes: Uint8Array): string {
  try {
    return utf8Decoder.decode(bytes);
  } catch {
    return badFormat("not well-formed UTF-8");
  }
}

export class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get offset(): number {
    return this.#at;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  #take(length: number): number {
    if (length > this.#bytes.length - this.#at) badFormat("truncated");
    const from = this.#at;
    this.#at += length;
    return from;
  }

  u8(): number {
    return this.#bytes[this.#take(1)]!;
  }

  u16(): number {
    const at = this.#take(2);
    return (this.#bytes[at]! << 8) | this.#bytes[at + 1]!;
  }

  u32(): number {
    const high = this.u16();
    return high * 2 ** 16 + this.u16();
  }

  u48(): number {
    const high = this.u16();
    return high * 2 ** 32 + this.u32();
  }

  u64(): bigint {
    if (this.remaining < 8) badFormat("truncated");
    const high = this.u32();
    return (BigInt(high) << 32n) | BigInt(this.u32());
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let index = 0; index < 8; index++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (byte === 0 && index > 0) badFormat("number not in its shortest form");
        if (value > Number.MAX_SAFE_INTEGER) badFormat("number too large");
        return value;
      }
      scale *= 128;
    }
    return badFormat("number too long");
  }

  /** A view into the input, not a copy. */
  bytes(length: number): Uint8Array {
    const from = this.#take(length);
    return this.#bytes.subarray(from, from + length);
  }

  /** A varint length of at most `max`, then that many bytes (a view). */
  prefixed(max: number): Uint8Array {
    const length = this.varint();
    if (length > max) badFormat(`length ${length} over the limit of ${max}`);
    return this.bytes(length);
  }

  /** Throws unless all bytes are read. */
  end(): void {
    if (this.remaining > 0) badFormat(`${this.remaining} bytes too many`);
  }
}

type Scratch = { readonly bytes: Uint8Array; readonly view: DataView };

/** Buffers of finished writers, kept for the next ones: writers are made by the hundred thousand a second. */
const idleScratch: Scratch[] = [];
const scratchBytes = 4096;
const idleScratchMax = 16;
const idleScratchBytesMax = 64 * 1024;

function newScratch(capacity: number): Scratch {
  const bytes = new Uint8Array(capacity);
  return { bytes, view: new DataView(bytes.buffer) };
}

/**
 * Small results are cut from slabs: an `ArrayBuffer` of its own costs more than all else that is done to a key or a hash,
 * to make and to collect. A slab lives as long as any piece of it, so pieces that are kept for long are copied.
 */
const slabBytes = 16 * 1024;
const pieceBytesMax = 512;
let slab = new Uint8Array(slabBytes);
let slabAt = 0;

/** Zeroed bytes, at most 512 of them; their `buffer` may be shared with others. */
export function piece(length: number): Uint8Array {
  if (slabAt + length > slabBytes) {
    slab = new Uint8Array(slabBytes);
    slabAt = 0;
  }
  slabAt += length;
  return slab.subarray(slabAt - length, slabAt);
}

function copyOf(bytes: Uint8Array, length: number): Uint8Array {
  if (length > pieceBytesMax) return bytes.slice(0, length);
  const copy = piece(length);
  for (let index = 0; index < length; index++) copy[index] = bytes[index]!;
  return copy;
}

/** An append-only buffer that grows by doubling. `finish` ends its life. */
export class Writer {
  #scratch: Scratch;
  #length = 0;

  constructor() {
    this.#scratch = idleScratch.pop() ?? newScratch(scratchBytes);
  }

  get length(): number {
    return this.#length;
  }

  #reserve(by: number): void {
    const need = this.#length + by;
    if (need <= this.#scratch.bytes.length) return;
    const scratch = newScratch(Math.max(need, this.#scratch.bytes.length * 2));
    scratch.bytes.set(this.#scratch.bytes.subarray(0, this.#length));
    this.#scratch = scratch;
  }

  #grow(by: number): number {
    this.#reserve(by);
    const at = this.#length;
    this.#length += by;
    return at;
  }

  u8(value: number): this {
    const at = this.#grow(1);
    this.#scratch.bytes[at] = value;
    return this;
  }

  u16(value: number): this {
    const at = this.#grow(2);
    this.#scratch.view.setUint16(at, value);
    return this;
  }

  u32(value: number): this {
    const at = this.#grow(4);
    this.#scratch.view.setUint32(at, value);
    return this;
  }

  u48(value: number): this {
    const at = this.#grow(6);
    this.#scratch.view.setUint16(at, Math.floor(value / 2 ** 32));
    this.#scratch.view.setUint32(at + 2, value >>> 0);
    return this;
  }

  u64(value: bigint): this {
    const at = this.#grow(8);
    this.#scratch.view.setBigUint64(at, value);
    return this;
  }

  varint(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError("varint out of range");
    let rest = value;
    while (rest >= 128) {
      this.u8((rest % 128) | 0x80);
      rest = Math.floor(rest / 128);
    }
    return this.u8(rest);
  }

  bytes(bytes: Uint8Array): this {
    const at = this.#grow(bytes.length);
    this.#scratch.bytes.set(bytes, at);
    return this;
  }

  /** The text in UTF-8, without a length. */
  text(text: string): this {
    this.#reserve(text.length * 3);
    const { bytes } = this.#scratch;
    let at = this.#length;
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      if (unit >= 128) {
        at += utf8Encoder.encodeInto(text.slice(index), bytes.subarray(at)).written;
        break;
      }
      bytes[at++] = unit;
    }
    this.#length = at;
    return this;
  }

  /** A varint length, then the text in UTF-8. */
  prefixedText(text: string): this {
    for (let index = 0; index < text.length; index++) {
      if (text.charCodeAt(index) >= 128) return this.prefixed(encodeUtf8(text));
    }
    return this.varint(text.length).text(text);
  }

  /** A varint length, then the bytes. */
  prefixed(bytes: Uint8Array): this {
    return this.varint(bytes.length).bytes(bytes);
  }

  /** The bytes so far, as a view that is valid until the next write. */
  view(): Uint8Array {
    return this.#scratch.bytes.subarray(0, this.#length);
  }

  /** A copy of the bytes; the writer may not be used again. */
  finish(): Uint8Array {
    const out = copyOf(this.#scratch.bytes, this.#length);
    const { bytes } = this.#scratch;
    if (bytes.length <= idleScratchBytesMax && idleScratch.length < idleScratchMax) {
      idleScratch.push(this.#scratch);
    }
    this.#scratch = noScratch;
    this.#length = 0;
    return out;
  }
}

const noScratch = newScratch(0);

/** Bytewise order, shorter first when one is a prefix of the other. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const difference = a[index]! - b[index]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compareBytes(a, b) === 0;
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const hexDigits = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += hexDigits[byte];
  return text;
}

/** Throws `BAD_FORMAT` for odd lengths and other digits. */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(text)) badFormat("not hexadecimal");
  const out = new Uint8Array(text.length / 2);
  for (let index = 0; index < out.length; index++) {
    out[index] = Number.parseInt(text.slice(index * 2, index * 2 + 2), 16);
  }
  return out;
}

/** The bytes as a string of one character each, for use as a map key. */
export function bytesName(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
