/** Counts and sums of hashes as little-endian integers mod 2^256, as Negentropy v1 fingerprints need them. */
import { Reader, Writer } from "../../core/codec.ts";

const words = 8;
const carryEvery = 2 ** 16;
/** Read before the next call, as `scratch` is. */
const totals = new Float64Array(words);
const countBytes = 8;

/** The count of an encoded sum. */
export function countOf(encoded: Uint8Array): number {
  return Number(new Reader(encoded).u64());
}

export class HashSum {
  count = 0;
  readonly #words = new Uint32Array(words);

  add(hash: Uint8Array): void {
    this.#plus(wordsOf(hash), 1);
    this.count++;
  }

  /** Adds the hashes that stand in the bytes, one every `stride` bytes from `offset` on. */
  addEvery(bytes: Uint8Array, stride: number, offset: number): void {
    // sums of 2^21 words of 32 bits are exact in a double, so carries can wait for the end
    for (let from = offset; from < bytes.length; from += stride * carryEvery) {
      this.#addSome(bytes, stride, from, Math.min(bytes.length, from + stride * carryEvery));
    }
  }

  #addSome(bytes: Uint8Array, stride: number, from: number, to: number): void {
    totals.fill(0);
    for (let at = from; at < to; at += stride) {
      this.count++;
      for (let word = 0, byte = at; word < words; word++, byte += 4) {
        const low = bytes[byte]! | (bytes[byte + 1]! << 8) | (bytes[byte + 2]! << 16);
        totals[word] = totals[word]! + low + bytes[byte + 3]! * 2 ** 24;
      }
    }
    let carry = 0;
    for (let word = 0; word < words; word++) {
      const value = this.#words[word]! + totals[word]! + carry;
      this.#words[word] = value % 2 ** 32;
      carry = Math.floor(value / 2 ** 32);
    }
  }

  subtract(hash: Uint8Array): void {
    this.#plus(wordsOf(hash), -1);
    this.count--;
  }

  addSum(other: HashSum): void {
    this.#plus(other.#words, 1);
    this.count += other.count;
  }

  subtractSum(other: HashSum): void {
    this.#plus(other.#words, -1);
    this.count -= other.count;
  }

  /** 32 bytes, little-endian. */
  bytes(): Uint8Array {
    const out = new Uint8Array(words * 4);
    const view = new DataView(out.buffer);
    for (let index = 0; index < words; index++) {
      view.setUint32(index * 4, this.#words[index]!, true);
    }
    return out;
  }

  encode(): Uint8Array {
    return new Writer().u64(BigInt(this.count)).bytes(this.bytes()).finish();
  }

  static decode(bytes: Uint8Array): HashSum {
    const sum = new HashSum();
    sum.addEncoded(bytes);
    return sum;
  }

  addEncoded(bytes: Uint8Array): void {
    this.#plus(wordsOf(bytes.subarray(countBytes)), 1);
    this.count += countOf(bytes);
  }

  #plus(others: Uint32Array, sign: 1 | -1): void {
    let carry = 0;
    for (let index = 0; index < words; index++) {
      const value = this.#words[index]! + sign * others[index]! + carry;
      this.#words[index] = value;
      carry = value >= 2 ** 32 ? 1 : value < 0 ? -1 : 0;
    }
  }
}

/** Read before the next call: one array serves all. */
const scratch = new Uint32Array(words);

function wordsOf(bytes: Uint8Array): Uint32Array {
  for (let index = 0; index < words; index++) {
    const at = index * 4;
    scratch[index] =
      bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
  }
  return scratch;
}
