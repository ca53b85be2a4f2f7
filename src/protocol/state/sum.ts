/** Counts and sums of hashes as little-endian integers mod 2^256, as Negentropy v1 fingerprints need them. */
import { Reader, Writer } from "../../core/codec.ts";

const words = 8;
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
