/** A reader of the log as it grows, with a bounded queue. */
import { limits } from "../core/limits.ts";
import type { Clock } from "../core/ports.ts";
import type { LogRecord } from "./log-record.ts";

export class LogFollower {
  /** Records up to this rank are wanted. */
  readonly rank: number;
  readonly #clock: Pick<Clock, "wallMs">;
  #queue: LogRecord[] = [];
  #dropped = 0;
  #wake: () => void = () => undefined;

  constructor(rank: number, clock: Pick<Clock, "wallMs">) {
    this.rank = rank;
    this.#clock = clock;
  }

  push(record: LogRecord): void {
    if (this.#queue.length < limits.logFollowerRecordsMax) this.#queue.push(record);
    else this.#dropped++;
    this.#wake();
  }

  /** Ends when the signal aborts. */
  async *records(signal: AbortSignal): AsyncGenerator<LogRecord, void> {
    const onAbort = (): void => this.#wake();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      while (!signal.aborted) {
        yield* this.#take();
        if (this.#queue.length === 0) await this.#pushed(signal);
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  #take(): LogRecord[] {
    const records = this.#queue;
    if (this.#dropped > 0) records.push(this.#loss());
    this.#queue = [];
    this.#dropped = 0;
    return records;
  }

  #pushed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (signal.aborted) resolve();
    });
  }

  #loss(): LogRecord {
    const message = "records dropped, this reader is too slow";
    const time = this.#clock.wallMs();
    return { time, level: "warn", room: "log", message, fields: { dropped: this.#dropped } };
  }
}
