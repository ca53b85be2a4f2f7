/**
 * Stamps: hybrid logical clocks in 64 bits, 48 of Unix milliseconds and 16 of counter (Kulkarni et al., "Logical
 * Physical Clocks", 2014). A stamp drawn here is larger than every stamp drawn or observed before it.
 */
import { CoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";

export const stampMax = 2n ** 64n - 1n;
const counterBits = 16n;

/** The first stamp of a millisecond. */
export function stampAt(wallMs: number): bigint {
  return BigInt(Math.max(0, Math.floor(wallMs))) << counterBits;
}

/** The largest stamp that is not in the future for a clock that shows `wallMs`. */
export function stampLimit(wallMs: number): bigint {
  return stampAt(wallMs + limits.futureToleranceMs + 1) - 1n;
}

/** Unix milliseconds of a stamp. */
export function stampMs(stamp: bigint): number {
  return Number(stamp >> counterBits);
}

export function stampText(stamp: bigint): string {
  return stamp.toString(16).padStart(16, "0");
}

export class StampClock {
  #last: bigint;

  /** `last`: the largest stamp known, from the store; stamps resume above it. */
  constructor(last: bigint) {
    this.#last = last;
  }

  get last(): bigint {
    return this.#last;
  }

  /** Milliseconds by which the next stamp would lead the wall clock; 0 when it would not. */
  leadMs(wallMs: number): number {
    return Math.max(0, stampMs(this.#last) - wallMs);
  }

  /**
   * The next stamp; throws `CLOCK_AHEAD` while the clock leads the wall by more than the future tolerance. A peer may
   * use up the last stamp that is tolerated; the millisecond beyond is for us, or it could stop all writes here.
   */
  next(wallMs: number): bigint {
    const now = stampAt(wallMs);
    const stamp = now > this.#last ? now : this.#last + 1n;
    if (stamp > stampLimit(wallMs + 1)) {
      throw new CoterieError(
        "CLOCK_AHEAD",
        `this node's state is ${Math.round(this.leadMs(wallMs) / 1000)} s ahead of its wall clock, so a write would be held back everywhere`,
        { hint: "set the system clock; coterie doctor says more" },
      );
    }
    this.#last = stamp;
    return stamp;
  }

  /** Takes note of a stamp seen elsewhere; those beyond the future tolerance are never passed in here. */
  observe(stamp: bigint): void {
    if (stamp > this.#last) this.#last = stamp;
  }
}
