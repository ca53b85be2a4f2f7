/**
 * News that neighbours brought and that is to go on as gossip. All neighbours of a newcomer hear its news at once: each
 * waits for a moment of its own, and what it hears by gossip meanwhile it need not say.
 */
import { limits } from "../../core/limits.ts";
import type { PeerName, Random } from "../../core/ports.ts";

export class Retelling {
  readonly #random: Random;
  readonly #dueMs = new Map<PeerName, number>();

  constructor(random: Random) {
    this.#random = random;
  }

  add(peer: PeerName, nowMs: number): void {
    if (this.#dueMs.has(peer)) return;
    this.#dueMs.set(peer, nowMs + this.#random.float() * limits.retellMs);
  }

  /** Somebody else said it, and nothing older. */
  spare(peer: PeerName): void {
    this.#dueMs.delete(peer);
  }

  take(nowMs: number): PeerName[] {
    const due = [...this.#dueMs].filter(([, dueMs]) => nowMs >= dueMs).map(([peer]) => peer);
    for (const peer of due) this.#dueMs.delete(peer);
    return due;
  }

  nextMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const dueMs of this.#dueMs.values()) next = Math.min(next, dueMs);
    return next;
  }
}
