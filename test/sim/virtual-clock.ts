/**
 * Virtual time: one heap of events ordered by (time, a seeded tie-break, order of making). Between two events the
 * microtask queue is run empty, so that asynchronous code that waits for nothing but promises and these timers is a
 * function of the seed alone. Each event runs as an immediate of its own, since the platform runs microtasks to the
 * last after each of them, whatever their number; they are queued by the dozen because a turn of the whole loop costs
 * ten times as much.
 */
import type { Clock } from "../../src/core/ports.ts";
import { EventHeap } from "./event-heap.ts";
import type { Prng } from "./prng.ts";

type Event = {
  readonly atMs: number;
  readonly tie: number;
  readonly order: number;
  /** Undefined once it ran or was cancelled. */
  run: (() => void) | undefined;
};

const eventsPerTurn = 64;
/** A power of two, so that sums and differences of times are exact and no timer is early by a rounding. */
const ticksPerMs = 1_024;

export class VirtualTime {
  #nowMs = 0;
  #order = 0;
  #done = 0;
  readonly #heap = new EventHeap<Event>(isBefore);
  readonly #prng: Prng;
  /** Takes what an event throws; without it a throw ends `runUntil`. */
  onThrow: ((error: unknown) => void) | undefined;

  constructor(prng: Prng) {
    this.#prng = prng;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Events that ran so far. */
  get events(): number {
    return this.#done;
  }

  /** Runs `run` once at a time that is not past; the returned function cancels. */
  at(atMs: number, run: () => void): () => void {
    const event: Event = {
      atMs: Math.max(Math.ceil(atMs * ticksPerMs) / ticksPerMs, this.#nowMs),
      tie: this.#prng.u32(),
      order: this.#order++,
      run,
    };
    this.#heap.push(event);
    return () => (event.run = undefined);
  }

  after(delayMs: number, run: () => void): () => void {
    return this.at(this.#nowMs + delayMs, run);
  }

  /** Runs all events up to that time, and stands there then; ends early once `isOver` says so. */
  runUntil(untilMs: number, isOver: () => boolean = () => false): Promise<void> {
    return new Promise((resolve, reject) => {
      let over = false;
      const turn = (): void => {
        if (over) return;
        try {
          over = isOver() || !this.#step(untilMs);
          if (over) resolve();
        } catch (error) {
          over = true;
          reject(error);
        }
      };
      const turns = (): void => {
        turn();
        if (over) return;
        for (let count = 1; count < eventsPerTurn; count++) setImmediate(turn);
        setImmediate(turns);
      };
      setImmediate(turns);
    });
  }

  /** False when nothing is due up to that time. */
  #step(untilMs: number): boolean {
    for (;;) {
      const next = this.#heap.first;
      if (next === undefined || next.atMs > untilMs) {
        this.#nowMs = Math.max(this.#nowMs, untilMs);
        return false;
      }
      this.#heap.pop();
      const { run } = next;
      if (run === undefined) continue;
      next.run = undefined;
      this.#nowMs = next.atMs;
      this.#done++;
      this.#perform(run);
      return true;
    }
  }

  #perform(run: () => void): void {
    if (this.onThrow === undefined) {
      run();
      return;
    }
    try {
      run();
    } catch (error) {
      this.onThrow(error);
    }
  }
}

function isBefore(a: Event, b: Event): boolean {
  if (a.atMs !== b.atMs) return a.atMs < b.atMs;
  return a.tie !== b.tie ? a.tie < b.tie : a.order < b.order;
}

/**
 * The clocks of one process: a wall that may be wrong and jump, a monotonic one that counts from its start, and timers,
 * which end with the process and wait while it is stopped.
 */
export class ProcessClock implements Clock {
  readonly #time: VirtualTime;
  readonly #startedMs: number;
  readonly #wallMs: () => number;
  readonly #timers = new Set<() => void>();
  /** What came due while the process stood still, in order, and behind it what came while that is made up for. */
  readonly #waiting: (() => void)[] = [];
  #paused = false;
  #ended = false;

  constructor(time: VirtualTime, wallMs: () => number) {
    this.#time = time;
    this.#startedMs = time.nowMs;
    this.#wallMs = wallMs;
  }

  /** Stopped as by SIGSTOP. */
  get isPaused(): boolean {
    return this.#paused;
  }

  /** The process is no more. */
  get hasEnded(): boolean {
    return this.#ended;
  }

  /** Timers that are set. */
  get pending(): number {
    return this.#timers.size;
  }

  wallMs(): number {
    return this.#wallMs();
  }

  monotonicMs(): number {
    return this.#time.nowMs - this.#startedMs;
  }

  after(delayMs: number, run: () => void): () => void {
    if (this.#ended) return () => undefined;
    const cancel = (): void => {
      this.#timers.delete(cancel);
      stop();
    };
    const stop = this.#time.after(Math.max(0, delayMs), () => {
      this.whenRunning(() => {
        if (this.#timers.delete(cancel)) run();
      });
    });
    this.#timers.add(cancel);
    return cancel;
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason);
        return;
      }
      const abort = (): void => {
        cancel();
        reject(signal?.reason);
      };
      const cancel = this.after(delayMs, () => {
        signal?.removeEventListener("abort", abort);
        resolve();
      });
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  /** Runs it now, or once the process runs again; never when it has ended. */
  whenRunning(run: () => void): void {
    if (this.#ended) return;
    if (this.#paused || this.#waiting.length > 0) this.#waiting.push(run);
    else run();
  }

  pause(): void {
    this.#paused = true;
  }

  /** What waited runs in its order, each as an event of its own. */
  resume(): void {
    this.#paused = false;
    this.#makeUp();
  }

  #makeUp(): void {
    this.#time.after(0, () => {
      if (this.#paused || this.#ended) return;
      const run = this.#waiting[0];
      if (run === undefined) return;
      try {
        run();
      } finally {
        this.#waiting.shift();
        this.#makeUp();
      }
    });
  }

  /** The process is dead: nothing of it runs any more. */
  end(): void {
    this.#ended = true;
    for (const cancel of this.#timers) cancel();
  }
}
