/**
 * Budgets that stand before the work: how fast gossip of one author and through one peer is taken, and how many authors
 * that were never heard of before one peer may introduce. Authors are free to mint, so a budget of theirs always
 * stands beside one of the peer that sends. What is over a budget is delayed, never refused: reconciliation brings it.
 */
import { limits } from "../../core/limits.ts";
import type { PeerName } from "../../core/ports.ts";

export type Load = { readonly author: string; readonly entries: number };

/** A batch costs a signature, and hashing and a place in the store for each entry. */
const entriesPerPoint = 16;
const hourMs = 3_600_000;

/** So many points at once, and so many more each second; made full. */
type Bucket = { points: number; filledMs: number };
type Rate = { readonly burst: number; readonly perMs: number };

const authorRate: Rate = {
  burst: limits.authorGossipBurst,
  perMs: limits.authorGossipPerSecond / 1_000,
};
const peerRate: Rate = {
  burst: limits.peerGossipBurst,
  perMs: limits.peerGossipPerSecond / 1_000,
};
const gossipedAuthors: Rate = {
  burst: limits.newAuthorsPerPeerPerHour,
  perMs: limits.newAuthorsPerPeerPerHour / hourMs,
};
/** Wider, or an attacker at one node would keep it apart from its honest neighbours for hours. */
const reconciledAuthors: Rate = {
  burst: limits.newAuthorsInSessionsPerPeerPerHour,
  perMs: limits.newAuthorsInSessionsPerPeerPerHour / hourMs,
};

export class Admission {
  /** Authors of something that was found sound, the latest last. */
  readonly #known = new Map<string, true>();
  readonly #authors = new Buckets(authorRate);
  readonly #peers = new Buckets(peerRate);
  readonly #gossiped = new Buckets(gossipedAuthors);
  readonly #reconciled = new Buckets(reconciledAuthors);

  /** Why gossip is not taken now, as the name of a counter; undefined when it is, and then it has been charged. */
  gossip(from: PeerName, { author, entries }: Load, nowMs: number): string | undefined {
    const points = 1 + entries / entriesPerPoint;
    if (!this.#isAdmitted(this.#gossiped, from, author, nowMs)) return "new_authors";
    if (!this.#peers.take(from, points, nowMs)) return "peer_over_rate";
    if (!this.#authors.take(author, points, nowMs)) return "author_over_rate";
    return undefined;
  }

  /** True when what a session brings of the author's may be taken now; a new author is charged to the peer. */
  session(from: PeerName, author: string, nowMs: number): boolean {
    return this.#isAdmitted(this.#reconciled, from, author, nowMs);
  }

  #isAdmitted(introductions: Buckets, from: PeerName, author: string, nowMs: number): boolean {
    return this.#known.has(author) || introductions.take(from, 1, nowMs);
  }

  /** Something of the author's was found sound. */
  sound(author: string): void {
    this.#known.delete(author);
    if (this.#known.size >= limits.authorsRemembered) {
      const oldest = this.#known.keys().next();
      if (!oldest.done) this.#known.delete(oldest.value);
    }
    this.#known.set(author, true);
  }
}

/** A full bucket need not be remembered, so of too many the one that was used longest ago is taken for full. */
class Buckets {
  readonly #rate: Rate;
  readonly #buckets = new Map<string, Bucket>();

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  take(name: string, points: number, nowMs: number): boolean {
    const { burst, perMs } = this.#rate;
    const bucket = this.#buckets.get(name) ?? { points: burst, filledMs: nowMs };
    bucket.points = Math.min(burst, bucket.points + (nowMs - bucket.filledMs) * perMs);
    bucket.filledMs = nowMs;
    const has = bucket.points >= points;
    if (has) bucket.points -= points;
    this.#buckets.delete(name);
    if (this.#buckets.size >= limits.authorsRemembered) {
      const oldest = this.#buckets.keys().next();
      if (!oldest.done) this.#buckets.delete(oldest.value);
    }
    this.#buckets.set(name, bucket);
    return has;
  }
}
