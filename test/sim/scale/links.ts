/**
 * How long a message is under way between two nodes. A pair's delay is drawn once, the same in both directions, from
 * the seed and the two alone, so nothing need be kept and what is sent in order arrives in order.
 */
export type LinkProfile = {
  readonly name: string;
  /** One way, uniform over the pairs. */
  readonly minMs: number;
  readonly maxMs: number;
};

export const linkProfiles = {
  /** A machine with itself. */
  loopback: { name: "loopback", minMs: 0.03, maxMs: 0.1 },
  /** Machines of one house or one data centre. */
  lan: { name: "LAN", minMs: 0.2, maxMs: 2 },
  /** Homes of one continent to those of two: half of round trips from 40 to 240 ms. */
  wan: { name: "WAN", minMs: 20, maxMs: 120 },
} as const satisfies Record<string, LinkProfile>;

export class Links {
  readonly #profile: LinkProfile;
  readonly #seed: number;

  constructor(profile: LinkProfile, seed: number) {
    this.#profile = profile;
    this.#seed = seed;
  }

  get meanMs(): number {
    return (this.#profile.minMs + this.#profile.maxMs) / 2;
  }

  delayMs(a: number, b: number): number {
    const { minMs, maxMs } = this.#profile;
    return minMs + (maxMs - minMs) * mixed(this.#seed, Math.min(a, b), Math.max(a, b));
  }
}

/** Uniform in [0, 1): the finisher of MurmurHash3 over three words. */
function mixed(seed: number, low: number, high: number): number {
  let hash = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b);
  for (const word of [low + 1, high + 1]) {
    hash = Math.imul(hash ^ word, 0xcc9e2d51);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    hash ^= hash >>> 16;
  }
  return (hash >>> 0) / 2 ** 32;
}
