/**
 * Seeded chance of the simulator: xoshiro128** 1.1 (Blackman and Vigna, "Scrambled Linear Pseudorandom Number
 * Generators", 2021; reference code at prng.di.unimi.it), its state filled by splitmix32 from the seed. Streams that
 * are forked by name are independent of one another, so that a draw more in one part shifts none in the others.
 */
import type { Random } from "../../src/core/ports.ts";

export class Prng implements Random {
  readonly #seed: number;
  readonly #state = new Uint32Array(4);

  constructor(seed: number) {
    this.#seed = seed >>> 0;
    let mixed = this.#seed;
    for (let index = 0; index < 4; index++) {
      mixed = (mixed + 0x9e3779b9) >>> 0;
      this.#state[index] = scramble(mixed);
    }
  }

  /** A stream of its own for one purpose. */
  fork(name: string): Prng {
    let hash = this.#seed ^ 0x811c9dc5; // FNV-1a
    for (let index = 0; index < name.length; index++) {
      hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
    }
    return new Prng(scramble(hash >>> 0));
  }

  /** Uniform in [0, 2^32). */
  u32(): number {
    const state = this.#state;
    const [a, b, c, d] = [state[0]!, state[1]!, state[2]!, state[3]!];
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const c2 = c ^ a;
    const d2 = d ^ b;
    state[1] = b ^ c2;
    state[0] = a ^ d2;
    state[2] = c2 ^ (b << 9);
    state[3] = rotate(d2, 11);
    return result;
  }

  /** Uniform in [0, 1). */
  float(): number {
    return this.u32() / 2 ** 32;
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let index = 0; index < length; index++) bytes[index] = this.u32() >>> 24;
    return bytes;
  }

  /** An integer in [0, count). */
  below(count: number): number {
    return Math.floor(this.float() * count);
  }

  /** In [from, to). */
  between(from: number, to: number): number {
    return from + this.float() * (to - from);
  }

  chance(probability: number): boolean {
    return this.float() < probability;
  }

  /** One of them, of which there is at least one. */
  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  /** `count` different ones, or all if there are fewer, in an order of chance. */
  some<T>(choices: readonly T[], count: number): T[] {
    const left = [...choices];
    for (let at = left.length - 1; at > 0; at--) {
      const other = this.below(at + 1);
      [left[at], left[other]] = [left[other]!, left[at]!];
    }
    return left.slice(0, count);
  }
}

function scramble(value: number): number {
  let mixed = value;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}
