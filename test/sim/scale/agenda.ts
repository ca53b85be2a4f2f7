/**
 * What is to happen, in the order of time. Nothing in a scale run waits for promises, so unlike the simulator's
 * `VirtualTime` it needs no turn of the platform's loop between two events: that is what makes 10,000 nodes affordable.
 */
import { EventHeap } from "../event-heap.ts";

type Event = { readonly atMs: number; readonly order: number; readonly run: () => void };

export class Agenda {
  readonly #heap = new EventHeap<Event>(isBefore);
  #nowMs = 0;
  #order = 0;

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Runs `run` at that time, or now if it is past; what is set for one time runs in the order of setting. */
  at(atMs: number, run: () => void): void {
    const event = { atMs: Math.max(atMs, this.#nowMs), order: this.#order++, run };
    this.#heap.push(event);
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.#nowMs + delayMs, run);
  }

  /** Runs all that is due in so many milliseconds, or until `isOver` says so after an event. */
  run(forMs: number, isOver: () => boolean = () => false): void {
    const untilMs = this.#nowMs + forMs;
    while (!isOver()) {
      const next = this.#heap.first;
      if (next === undefined || next.atMs > untilMs) {
        this.#nowMs = untilMs;
        return;
      }
      this.#heap.pop();
      this.#nowMs = next.atMs;
      next.run();
    }
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs === b.atMs ? a.order < b.order : a.atMs < b.atMs;
}
