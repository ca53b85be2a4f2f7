/** How much each neighbour may ask of this node: so much at once, and so much more each second. */
import type { PeerName } from "../../core/ports.ts";

type Bucket = { points: number; filledMs: number };

const sweepMs = 60_000;

export class Budgets {
  readonly #burst: number;
  readonly #perSecond: number;
  readonly #buckets = new Map<PeerName, Bucket>();
  #sweepMs = 0;

  constructor(burst: number, perSecond: number) {
    this.#burst = burst;
    this.#perSecond = perSecond;
  }

  take(peer: PeerName, nowMs: number): boolean {
    if (nowMs >= this.#sweepMs) this.#sweep(nowMs);
    const bucket = this.#buckets.get(peer) ?? { points: this.#burst, filledMs: nowMs };
    const come = ((nowMs - bucket.filledMs) / 1_000) * this.#perSecond;
    bucket.points = Math.min(this.#burst, bucket.points + come);
    bucket.filledMs = nowMs;
    const has = bucket.points >= 1;
    if (has) bucket.points--;
    this.#buckets.set(peer, bucket);
    return has;
  }

  /** Buckets that are full again need not be remembered. */
  #sweep(nowMs: number): void {
    this.#sweepMs = nowMs + sweepMs;
    for (const [peer, { points, filledMs }] of this.#buckets) {
      const come = ((nowMs - filledMs) / 1_000) * this.#perSecond;
      if (points + come >= this.#burst) this.#buckets.delete(peer);
    }
  }
}
