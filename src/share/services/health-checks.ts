/** Performs the checks of one service, one after the other, until it is stopped. */
import { limits } from "../../core/limits.ts";
import type { Clock } from "../../core/ports.ts";
import { Health } from "./health.ts";
import { isWell } from "./health-check.ts";
import type { Exposure } from "./record.ts";

export class HealthChecks {
  readonly #health = new Health();
  readonly #exposure: Exposure;
  readonly #clock: Clock;
  readonly #turned: (up: boolean) => void;
  #cancel: (() => void) | undefined;
  #stopped = false;

  constructor(exposure: Exposure, clock: Clock, turned: (up: boolean) => void) {
    this.#exposure = exposure;
    this.#clock = clock;
    this.#turned = turned;
    if (exposure.health !== undefined) void this.#check();
  }

  /** Without a check of its own a service is taken to be up; its users find out. */
  get up(): boolean {
    return this.#health.up;
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  async #check(): Promise<void> {
    const { target, health } = this.#exposure;
    if (health === undefined) return;
    const well = await isWell(target, health, this.#clock);
    if (this.#stopped) return;
    if (this.#health.checked(well)) this.#turned(this.#health.up);
    this.#cancel = this.#clock.after(limits.healthIntervalMs, () => void this.#check());
  }
}
