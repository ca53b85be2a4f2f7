/**
 * Writes what this node owes the others because writers forked (protocol/state/duties.ts). What mends is written at once;
 * proof of another's fork after a while, since many find it at the same time and one that has come spares the rest.
 */
import { toCoterieError, type CoterieError } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import type { Clock, Log, Random, Store } from "../core/ports.ts";
import type { LocalBatch, State } from "../protocol/state/state.ts";

export type DutiesParts = {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly store: Store;
  readonly state: State;
  readonly publish: (batch: LocalBatch) => void;
  /** Hears how each commit went; undefined for well. */
  readonly outcome: (error: CoterieError | undefined) => void;
};

const retryMs = 2_000;

export class Duties {
  readonly #parts: DutiesParts;
  #cancel: (() => void) | undefined;
  #stopped = false;

  constructor(parts: DutiesParts) {
    this.#parts = parts;
  }

  /** To be called at start, and when there is something to write. */
  schedule(): void {
    const { random, state } = this.#parts;
    const due = state.dutiesDue();
    if (due === "never" || (due === "soon" && this.#cancel !== undefined)) return;
    this.#after(due === "now" ? 0 : random.float() * limits.forkProofDelayMs);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  #after(delayMs: number): void {
    this.#cancel?.();
    if (!this.#stopped) this.#cancel = this.#parts.clock.after(delayMs, () => void this.#perform());
  }

  async #perform(): Promise<void> {
    const { state, store, clock, log, outcome, publish } = this.#parts;
    this.#cancel = undefined;
    try {
      const batch = state.perform(clock.wallMs());
      if (batch === undefined) return;
      await store.flushed();
      outcome(undefined);
      for (const reason of batch.refused.values()) {
        log.warn("lost by a fork, and it could not be written again", { reason: reason.message });
      }
      if (batch.entries > 0) publish(batch);
      if (this.#cancel === undefined) this.#after(0);
    } catch (error) {
      const reason = toCoterieError(error);
      outcome(reason);
      log.warn("what a fork left to write has to wait", {
        code: reason.code,
        reason: reason.message,
      });
      if (this.#cancel === undefined) this.#after(retryMs);
    }
  }
}
