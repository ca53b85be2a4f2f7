/**
 * Who the nodes of a scale run are, and which members each of them knows. A full roster in each of 10,000 nodes would
 * be 10^8 rows; the near one has, of each member that matters to a node, those closest to it in the order of XOR, so
 * that the machine finds the same watchers as with all.
 */
import { encodeUtf8, toHex } from "../../../src/core/codec.ts";
import { identityFromSeed, sha256, type Identity } from "../../../src/core/identity.ts";
import type { PeerName } from "../../../src/core/ports.ts";
import { watchedBy } from "../../../src/protocol/membership/watchers.ts";

/** Who watches a member is decided among its closest three; that many are left when three of these have died. */
const neighbourhoodMin = 6;

export class Members {
  readonly identities: readonly Identity[];
  readonly #numbers = new Map<PeerName, number>();
  /** First 32 bits of the keys in ascending order, and whose they are. */
  readonly #prefixes: Uint32Array;
  readonly #order: number[];
  #near: (readonly number[])[] | undefined;

  constructor(count: number, seed: number) {
    this.identities = Array.from({ length: count }, (_, node) =>
      identityFromSeed(sha256(encodeUtf8(`node ${node} of scale run ${seed}`))),
    );
    for (const [node, { peer }] of this.identities.entries()) this.#numbers.set(peer, node);
    const prefixes = this.identities.map(prefixOf);
    this.#order = [...prefixes.keys()].toSorted((a, b) => prefixes[a]! - prefixes[b]!);
    this.#prefixes = Uint32Array.from(this.#order, (node) => prefixes[node]!);
  }

  peer(node: number): PeerName {
    return this.identities[node]!.peer;
  }

  number(peer: PeerName): number {
    const node = this.#numbers.get(peer);
    if (node === undefined) throw new Error(`${peer} is nobody's name`);
    return node;
  }

  /**
   * The smallest set of members with a common beginning of their keys that holds the node and enough others: all in it
   * are closer to one another than anybody else is to any of them.
   */
  neighbourhood(node: number): readonly number[] {
    const own = prefixOf(this.identities[node]!);
    for (let bits = 32; bits > 0; bits--) {
      const span = 2 ** (32 - bits);
      const from = Math.floor(own / span) * span;
      const [low, high] = [this.#placeOf(from), this.#placeOf(from + span)];
      if (high - low >= neighbourhoodMin) return this.#order.slice(low, high);
    }
    return this.#order;
  }

  /**
   * Those from whom the node finds out whom it watches: the largest neighbourhood that it is in, its own or that of a
   * member in a sparser place.
   */
  near(node: number): readonly number[] {
    this.#near ??= this.#largest();
    return this.#near[node]!;
  }

  /** Whom the node watches while all live. */
  watchedBy(node: number): number[] {
    const { publicKey } = this.identities[node]!;
    const others = this.near(node)
      .filter((other) => other !== node)
      .map((other) => ({ other, key: this.identities[other]!.publicKey }));
    return watchedBy(publicKey, others).map(({ other }) => other);
  }

  #largest(): (readonly number[])[] {
    const largest: (readonly number[])[] = this.identities.map(() => []);
    for (const node of this.identities.keys()) {
      const all = this.neighbourhood(node);
      for (const member of all) if (all.length > largest[member]!.length) largest[member] = all;
    }
    return largest;
  }

  #placeOf(prefix: number): number {
    let low = 0;
    let high = this.#prefixes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#prefixes[middle]! < prefix) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function prefixOf({ publicKey }: Identity): number {
  return Number.parseInt(toHex(publicKey.subarray(0, 4)), 16);
}
