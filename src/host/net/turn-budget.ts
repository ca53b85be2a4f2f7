/** Work that comes in pieces, without a turn of the loop between them: only so much of it is done in one turn. */
import type { Clock } from "../../core/ports.ts";

export class TurnBudget {
  readonly #clock: Clock;
  readonly #maxMs: number;
  #spentMs = 0;
  #turn: Promise<void> | undefined;

  constructor(clock: Clock, maxMs: number) {
    this.#clock = clock;
    this.#maxMs = maxMs;
  }

  get isSpent(): boolean {
    return this.#spentMs >= this.#maxMs;
  }

  /** Does a piece and charges its time. */
  run<T>(piece: () => T): T {
    const beganMs = this.#clock.monotonicMs();
    try {
      return piece();
    } finally {
      this.#spentMs += this.#clock.monotonicMs() - beganMs;
      this.#turn ??= this.#renew();
    }
  }

  /** Calls back in a turn of the loop in which there is time left; those who wait get it in order. */
  async whenFree<T>(piece: () => T): Promise<Awaited<T>> {
    // the piece is begun before the next one that waits looks at the budget
    while (this.isSpent) await this.#turn;
    return await piece();
  }

  async #renew(): Promise<void> {
    await this.#clock.sleep(0);
    this.#spentMs = 0;
    this.#turn = undefined;
  }
}
