/**
 * Whether a target is well, with hysteresis: the first check decides at once, later ones only several in a row. Without
 * I/O; health-checks.ts performs the checks.
 */
import { limits } from "../../core/limits.ts";

export class Health {
  #up = true;
  #checks = 0;
  /** Checks in a row that contradict `up`. */
  #against = 0;

  get up(): boolean {
    return this.#up;
  }

  /** Takes the outcome of a check; true when it turned the verdict. */
  checked(well: boolean): boolean {
    const isFirst = this.#checks++ === 0;
    if (well === this.#up) {
      this.#against = 0;
      return false;
    }
    this.#against++;
    const needed = well ? limits.healthRise : limits.healthFall;
    if (!isFirst && this.#against < needed) return false;
    this.#up = well;
    this.#against = 0;
    return true;
  }
}
