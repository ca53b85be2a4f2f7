/**
 * With which neighbours tables were exchanged. A stream may break or a frame be dropped, so a node sends its own again,
 * less and less often, until the neighbour's has come.
 */
import type { PeerName } from "../../core/ports.ts";

type Exchange = { dueMs: number; restMs: number };

/** The larger peer id of two leaves the first word to the other for so long; then it is the first rest between two. */
const waitMs = 2_000;
const restMsMax = 64_000;

export class Tables {
  readonly #self: PeerName;
  readonly #neighbours = new Map<PeerName, Exchange>();

  constructor(self: PeerName) {
    this.#self = self;
  }

  up(peer: PeerName, nowMs: number): void {
    const dueMs = nowMs + (this.#self < peer ? 0 : waitMs);
    this.#neighbours.set(peer, { dueMs, restMs: waitMs });
  }

  down(peer: PeerName): void {
    this.#neighbours.delete(peer);
  }

  has(peer: PeerName): boolean {
    return this.#neighbours.has(peer);
  }

  neighbours(): Iterable<PeerName> {
    return this.#neighbours.keys();
  }

  /** Its own statement came. */
  came(peer: PeerName): void {
    const exchange = this.#neighbours.get(peer);
    if (exchange !== undefined) exchange.dueMs = Number.POSITIVE_INFINITY;
  }

  /** To whom a table is to be sent now; when they do not answer, again later. */
  take(nowMs: number): PeerName[] {
    const due = [...this.#neighbours].filter(([, { dueMs }]) => nowMs >= dueMs);
    for (const [, exchange] of due) {
      exchange.dueMs = nowMs + exchange.restMs;
      exchange.restMs = Math.min(restMsMax, 2 * exchange.restMs);
    }
    return due.map(([peer]) => peer);
  }

  nextMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { dueMs } of this.#neighbours.values()) next = Math.min(next, dueMs);
    return next;
  }
}
