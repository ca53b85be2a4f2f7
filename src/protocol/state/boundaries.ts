/**
 * Where the pages of the order and the sums over them begin: a deterministic skip list (in the manner of prolly trees).
 * An entry begins a page when a keyed hash of its id ends in 5 zero bits, and a node of level L when it ends in
 * 5 + 4 L, so that a page holds 32 entries on average and a node sums 16 of the level below. The key is a
 * secret of this store, and nobody else sees the shape, so nobody can grind ids that make long or short runs; a
 * universal hash is enough for that: ids are hashes already.
 */
import { concatBytes } from "../../core/codec.ts";
import { sha256 } from "../../core/identity.ts";

/** Levels of sums above the pages. */
export const levels = 3;
const pageBits = 5;
const levelBits = 4;
const words = 8;

export class Boundaries {
  /** A mask and an odd factor for each word of an id. */
  readonly #keys: Int32Array;

  constructor(salt: Uint8Array) {
    const key = concatBytes(
      ...[1, 2].map((half) => sha256(concatBytes(salt, Uint8Array.of(half)))),
    );
    const view = new DataView(key.buffer);
    this.#keys = Int32Array.from({ length: 2 * words }, (_, index) => view.getInt32(index * 4));
  }

  /** How many kinds of nodes an entry begins: 0 none, 1 a page, 2 a sum of level 1 besides, and so on. */
  heightOf(id: Uint8Array): number {
    const hash = this.#hash(id);
    let height = 0;
    for (let zeros = pageBits; height <= levels; zeros += levelBits) {
      if (hash % 2 ** zeros !== 0) break;
      height++;
    }
    return height;
  }

  /** Each word's products are of odd numbers, so that all bits of a word count; the high half is the better mixed. */
  #hash(id: Uint8Array): number {
    let hash = 0;
    for (let index = 0; index < words; index++) {
      const at = index * 4;
      const word = id[at]! | (id[at + 1]! << 8) | (id[at + 2]! << 16) | (id[at + 3]! << 24);
      const mixed = Math.imul(word ^ this.#keys[index]!, this.#keys[words + index]! | 1);
      hash = Math.imul(hash ^ mixed ^ (mixed >>> 15), 0x2c1b3c6d);
      hash ^= hash >>> 13;
    }
    return (Math.imul(hash, 0x297a2d39) ^ (hash >>> 16)) >>> 8;
  }
}
