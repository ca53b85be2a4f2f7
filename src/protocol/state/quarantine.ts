/**
 * Bundles from the future: held, not applied, not relayed, in no digest, until the local clock reaches them. Bounded per
 * author, per sending peer and in all; what does not fit is dropped and counted, and comes again by reconciliation once
 * its sender's own set holds it. Kept in memory: a restart loses nothing that others do not still have.
 */
import { bytesName } from "../../core/codec.ts";
import { limits } from "../../core/limits.ts";
import type { PeerName } from "../../core/ports.ts";
import type { AcceptedBundle } from "./bundle.ts";
import type { EntryClass } from "./entry.ts";

type Held = {
  readonly name: string;
  readonly bundle: Uint8Array;
  readonly stamp: bigint;
  readonly from: PeerName;
  readonly author: string;
  /** Charged to the budgets. */
  readonly size: number;
  readonly entries: number;
  readonly namespace: string;
  readonly subjects: readonly HeldSubject[];
};

type HeldSubject = {
  readonly class: EntryClass;
  readonly type: string;
  readonly key: string;
  readonly bytes: number;
};

/** An entry that is held back. */
export type HeldEntry = HeldSubject & {
  /** Raw public key. */
  readonly author: Uint8Array;
  readonly stamp: bigint;
  readonly from: PeerName;
};

/** A held bundle costs this much of a budget at least, so that there are never too many to look through. */
const heldBytesMin = 4096;

export class Quarantine {
  readonly #held = new Map<string, Held>();
  readonly #perAuthor = new Map<string, number>();
  readonly #perPeer = new Map<PeerName, number>();
  #bytes = 0;
  #entries = 0;

  /** Number of entries held. */
  get size(): number {
    return this.#entries;
  }

  /** False when a budget is used up. Holding the same bundle twice is no change. */
  hold(accepted: AcceptedBundle, bundle: Uint8Array, from: PeerName): boolean {
    const name = bytesName(accepted.hash) + accepted.entries.map(({ index }) => index).join();
    if (this.#held.has(name)) return true;
    const author = bytesName(accepted.header.author);
    const size = Math.max(bundle.length, heldBytesMin);
    const fits =
      this.#bytes + size <= limits.quarantineBytesMax &&
      (this.#perAuthor.get(author) ?? 0) + size <= limits.quarantinePerAuthorBytesMax &&
      (this.#perPeer.get(from) ?? 0) + size <= limits.quarantinePerPeerBytesMax;
    if (!fits) return false;
    const held = {
      name,
      bundle: new Uint8Array(bundle),
      stamp: accepted.header.stamp,
      from,
      author,
      size,
      entries: accepted.entries.length,
      namespace: accepted.header.namespace,
      subjects: accepted.entries.map(({ entry, encoded }) => {
        return { class: entry.class, type: entry.type, key: entry.key, bytes: encoded.length };
      }),
    };
    this.#held.set(name, held);
    this.#charge(held, 1);
    return true;
  }

  /** What is not in the future of `limit` any more, oldest first, at most `max`; it stays held until `release`. */
  due(limit: bigint, max: number): Held[] {
    const due = [...this.#held.values()].filter(({ stamp }) => stamp <= limit);
    return due.toSorted((a, b) => Number(a.stamp - b.stamp)).slice(0, max);
  }

  release(held: Held): void {
    if (this.#held.delete(held.name)) this.#charge(held, -1);
  }

  /** What is held of a key. */
  of(namespace: string, key: string): HeldEntry[] {
    return [...this.#held.values()]
      .filter((held) => held.namespace === namespace)
      .flatMap(({ subjects, author, stamp, from }) =>
        subjects
          .filter((subject) => subject.key === key)
          .map((subject) => ({ ...subject, author: bytesOfName(author), stamp, from })),
      );
  }

  earliest(): bigint | undefined {
    let earliest: bigint | undefined;
    for (const { stamp } of this.#held.values()) {
      if (earliest === undefined || stamp < earliest) earliest = stamp;
    }
    return earliest;
  }

  #charge({ author, from, size, entries }: Held, sign: 1 | -1): void {
    this.#bytes += sign * size;
    this.#entries += sign * entries;
    add(this.#perAuthor, author, sign * size);
    add(this.#perPeer, from, sign * size);
  }
}

function add(sums: Map<string, number>, name: string, bytes: number): void {
  const sum = (sums.get(name) ?? 0) + bytes;
  if (sum === 0) sums.delete(name);
  else sums.set(name, sum);
}

function bytesOfName(name: string): Uint8Array {
  return Uint8Array.from(name, (character) => character.charCodeAt(0));
}
