/** Peers that are kept out for a while. Bounded: of too many the one whose ban began first is let in again. */
import { limits } from "../../core/limits.ts";
import type { Clock, PeerName } from "../../core/ports.ts";

export class Bans {
  readonly #clock: Clock;
  readonly #until = new Map<PeerName, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(peer: PeerName, forMs: number): void {
    this.#until.delete(peer);
    if (this.#until.size >= limits.conductPeersRemembered) {
      const oldest = this.#until.keys().next();
      if (!oldest.done) this.#until.delete(oldest.value);
    }
    this.#until.set(peer, this.#clock.monotonicMs() + forMs);
  }

  has(peer: PeerName): boolean {
    const untilMs = this.#until.get(peer);
    if (untilMs === undefined) return false;
    if (this.#clock.monotonicMs() < untilMs) return true;
    this.#until.delete(peer);
    return false;
  }
}
