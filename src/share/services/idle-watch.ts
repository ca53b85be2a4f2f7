/** Calls back once when nothing was touched for so long. Costs one timer a period, whatever the traffic. */
import type { Clock } from "../../core/ports.ts";

export class IdleWatch {
  readonly #clock: Clock;
  readonly #idleMs: number;
  readonly #run: () => void;
  #touchedMs: number;
  #cancel: () => void;

  constructor(clock: Clock, idleMs: number, run: () => void) {
    this.#clock = clock;
    this.#idleMs = idleMs;
    this.#run = run;
    this.#touchedMs = clock.monotonicMs();
    this.#cancel = clock.after(idleMs, () => this.#look());
  }

  touch(): void {
    this.#touchedMs = this.#clock.monotonicMs();
  }

  stop(): void {
    this.#cancel();
  }

  #look(): void {
    const leftMs = this.#touchedMs + this.#idleMs - this.#clock.monotonicMs();
    if (leftMs <= 0) this.#run();
    else this.#cancel = this.#clock.after(leftMs, () => this.#look());
  }
}
