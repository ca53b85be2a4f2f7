/** A rate with a burst: `burst` at once, then `perSecond`. */
import type { Clock } from "../../core/ports.ts";

export class TokenBucket {
  readonly #clock: Clock;
  readonly #burst: number;
  #tokens: number;
  #filledAtMs: number;

  constructor(clock: Clock, burst: number) {
    this.#clock = clock;
    this.#burst = burst;
    this.#tokens = burst;
    this.#filledAtMs = clock.monotonicMs();
  }

  /** Takes one token, or returns false when none is left. */
  take(perSecond: number): boolean {
    const nowMs = this.#clock.monotonicMs();
    const refill = ((nowMs - this.#filledAtMs) / 1_000) * perSecond;
    this.#tokens = Math.min(this.#burst, this.#tokens + refill);
    this.#filledAtMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
