/** A rate of bytes with a burst of a tenth of a second, which may change, or be none, at any time. */
import type { Clock } from "../../core/ports.ts";

const burstMs = 100;

export class ByteBudget {
  readonly #clock: Clock;
  readonly #perSecond: () => number;
  /** When what was taken so far has passed at that rate. */
  #paidMs = 0;

  /** `perSecond` 0: no limit. */
  constructor(clock: Clock, perSecond: () => number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
  }

  /** Resolves when so many bytes may pass, in the order of the calls; rejects with the signal's reason. */
  async take(bytes: number, signal?: AbortSignal): Promise<void> {
    const perSecond = this.#perSecond();
    if (perSecond === 0) return;
    const nowMs = this.#clock.monotonicMs();
    this.#paidMs = Math.max(this.#paidMs, nowMs) + (bytes / perSecond) * 1_000;
    const waitMs = this.#paidMs - nowMs - burstMs;
    if (waitMs > 0) await this.#clock.sleep(waitMs, signal);
  }
}
