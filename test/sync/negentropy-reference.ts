/**
 * Negentropy v1 a second time, written from its specification (hoytech/negentropy, docs/negentropy-protocol-v1.md) and
 * sharing nothing with `src`: items in a sorted array, numbers as big integers, bytes as hexadecimal text. What the
 * specification leaves open (how ranges are split, what a frame limit does) is as in its C++ implementation: 16 buckets,
 * lists below 32 items, and the rest of everything as one fingerprint once a message is nearly full.
 */
import { createHash } from "node:crypto";

export type RefItem = { readonly timestamp: bigint; readonly id: string };
type RefBound = { readonly timestamp: bigint; readonly prefix: string };

const infinity = 2n ** 64n - 1n;
const zero: RefBound = { timestamp: 0n, prefix: "" };
const end: RefBound = { timestamp: infinity, prefix: "" };
const [skip, fingerprint, idList] = ["00", "01", "02"];
/** Bytes that are left free for the closing fingerprint. */
const reserve = 200;

export type RefResult = {
  /** Undefined when the client is done. */
  readonly message: string | undefined;
  readonly have: readonly string[];
  readonly need: readonly string[];
};

export class RefNegentropy {
  readonly #items: readonly RefItem[];
  readonly #frameLimit: number;

  /** `frameLimit` in bytes; 0 for none. */
  constructor(items: readonly RefItem[], frameLimit = 0) {
    this.#items = items.toSorted(compareItems);
    this.#frameLimit = frameLimit;
  }

  initiate(): string {
    const out = new Output();
    this.#split(out, zero, end, 0, this.#items.length);
    return out.text;
  }

  /** The server's answer. */
  answer(message: string): string {
    return this.#process(message, false).message ?? "61";
  }

  /** What the client learns, and its next message. */
  learn(message: string): RefResult {
    const result = this.#process(message, true);
    return { ...result, message: result.message === "61" ? undefined : result.message };
  }

  #process(message: string, isClient: boolean): RefResult {
    const input = new Input(message);
    const out = new Output();
    const have: string[] = [];
    const need: string[] = [];
    let lower = zero;
    let from = 0;
    while (!input.done) {
      const upper = input.bound();
      const to = this.#indexOf(upper, from);
      const mode = input.varint();
      if (mode === 1n) {
        const theirs = input.bytes(16);
        if (theirs !== this.#fingerprint(from, to)) this.#split(out, lower, upper, from, to);
      } else if (mode === 2n) {
        const count = Number(input.varint());
        const theirs = new Set(Array.from({ length: count }, () => input.bytes(32)));
        const ours = this.#items.slice(from, to);
        if (isClient) {
          for (const { id } of ours) if (!theirs.delete(id)) have.push(id);
          need.push(...theirs);
        } else if (this.#list(out, lower, upper, from, to))
          return { message: out.text, have, need };
      } else if (mode !== 0n) throw new Error(`mode ${mode}`);
      if (this.#isFull(out)) {
        if (to < this.#items.length || upper.timestamp !== infinity) {
          out.range(upper, end, fingerprint + this.#fingerprint(to, this.#items.length));
        }
        return { message: out.text, have, need };
      }
      lower = upper;
      from = to;
    }
    return { message: out.text, have, need };
  }

  /** True when the list had to be cut, and the message is closed. */
  #list(out: Output, lower: RefBound, upper: RefBound, from: number, to: number): boolean {
    let at = from;
    const lines: string[] = [];
    while (at < to) {
      const bytes = out.text.length / 2 + lines.length * 32;
      if (this.#frameLimit > 0 && bytes > this.#frameLimit - reserve) break;
      lines.push(this.#items[at++]!.id);
    }
    const cut = at === to ? upper : separator(this.#items[at - 1]!, this.#items[at]!);
    out.range(lower, cut, idList + varint(BigInt(lines.length)) + lines.join(""));
    if (at === to) return false;
    out.range(cut, end, fingerprint + this.#fingerprint(at, this.#items.length));
    return true;
  }

  #isFull(out: Output): boolean {
    // a split adds less than this
    return this.#frameLimit > 0 && out.text.length / 2 + 1_300 > this.#frameLimit;
  }

  #split(out: Output, lower: RefBound, upper: RefBound, from: number, to: number): void {
    const count = to - from;
    if (count < 32) {
      const ids = this.#items.slice(from, to).map(({ id }) => id);
      out.range(lower, upper, idList + varint(BigInt(count)) + ids.join(""));
      return;
    }
    let at = from;
    let begin = lower;
    for (let bucket = 0; bucket < 16; bucket++) {
      const next = at + Math.floor(count / 16) + (bucket < count % 16 ? 1 : 0);
      const cut = next === to ? upper : separator(this.#items[next - 1]!, this.#items[next]!);
      out.range(begin, cut, fingerprint + this.#fingerprint(at, next));
      begin = cut;
      at = next;
    }
  }

  #fingerprint(from: number, to: number): string {
    return refFingerprint(this.#items.slice(from, to).map(({ id }) => id));
  }

  #indexOf(bound: RefBound, from: number): number {
    const position = { timestamp: bound.timestamp, id: bound.prefix.padEnd(64, "0") };
    let index = from;
    while (index < this.#items.length && compareItems(this.#items[index]!, position) < 0) index++;
    return index;
  }
}

export function refFingerprint(ids: readonly string[]): string {
  const value = (id: string): bigint => BigInt(`0x${reversed(id)}`);
  const sum = ids.reduce((total, id) => (total + value(id)) % 2n ** 256n, 0n);
  const bytes = reversed(sum.toString(16).padStart(64, "0")) + varint(BigInt(ids.length));
  return createHash("sha256").update(Buffer.from(bytes, "hex")).digest("hex").slice(0, 32);
}

function reversed(hex: string): string {
  return hex.match(/../g)!.toReversed().join("");
}

/** Base 128, most significant digit first, the high bit on all digits but the last. */
function varint(value: bigint): string {
  const digits = [value % 128n];
  for (let rest = value / 128n; rest > 0n; rest /= 128n) digits.unshift((rest % 128n) + 128n);
  return digits.map((digit) => digit.toString(16).padStart(2, "0")).join("");
}

function compareItems(a: RefItem, b: RefItem): number {
  if (a.timestamp !== b.timestamp) return a.timestamp < b.timestamp ? -1 : 1;
  return a.id === b.id ? 0 : a.id < b.id ? -1 : 1;
}

function separator(before: RefItem, after: RefItem): RefBound {
  if (before.timestamp !== after.timestamp) return { timestamp: after.timestamp, prefix: "" };
  let bytes = 0;
  while (before.id.slice(0, bytes * 2) === after.id.slice(0, bytes * 2)) bytes++;
  return { timestamp: after.timestamp, prefix: after.id.slice(0, bytes * 2) };
}

class Output {
  text = "61";
  #at = zero;
  #offset = 0n;

  range(from: RefBound, to: RefBound, payload: string): void {
    const isGap = from.timestamp !== this.#at.timestamp || from.prefix !== this.#at.prefix;
    if (isGap) this.#put(from, skip);
    this.#put(to, payload);
  }

  #put(to: RefBound, payload: string): void {
    const isEnd = to.timestamp === infinity;
    const encoded = isEnd ? 0n : 1n + to.timestamp - this.#offset;
    if (!isEnd) this.#offset = to.timestamp;
    this.text += varint(encoded) + varint(BigInt(to.prefix.length / 2)) + to.prefix + payload;
    this.#at = to;
  }
}

class Input {
  readonly #text: string;
  #at = 2;
  #offset = 0n;

  constructor(text: string) {
    if (!text.startsWith("61")) throw new Error("another version");
    this.#text = text;
  }

  get done(): boolean {
    return this.#at >= this.#text.length;
  }

  bytes(count: number): string {
    const taken = this.#text.slice(this.#at, this.#at + count * 2);
    if (taken.length !== count * 2) throw new Error("the message ends early");
    this.#at += count * 2;
    return taken;
  }

  varint(): bigint {
    let value = 0n;
    for (;;) {
      const digit = BigInt(`0x${this.bytes(1)}`);
      value = value * 128n + (digit % 128n);
      if (digit < 128n) return value;
    }
  }

  bound(): RefBound {
    const encoded = this.varint();
    if (encoded > 0n) this.#offset += encoded - 1n;
    const prefix = this.bytes(Number(this.varint()));
    return { timestamp: encoded === 0n ? infinity : this.#offset, prefix };
  }
}
