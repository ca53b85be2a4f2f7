/**
 * Local writes: queued for a few milliseconds, committed in batches, acknowledged once they are on disk, published right
 * after. One transaction a turn of the loop, so that a bulk load leaves room for everything else.
 */
import { CoterieError, toCoterieError } from "./core/errors.ts";
import type { Clock, Metrics, Store } from "./core/ports.ts";
import { WriteQueue, type Queued } from "./protocol/gossip/coalesce.ts";
import { classes, encodeEntry, type Entry } from "./protocol/state/entry.ts";
import type { LocalBatch, State } from "./protocol/state/state.ts";

export type WritesParts = {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly store: Store;
  readonly state: State;
  readonly coalesceMs: number;
  /** Takes batches that are on disk, in the order they were written. */
  readonly publish: (batch: LocalBatch) => void;
  /** Hears how each commit went; undefined for well. */
  readonly outcome: (error: CoterieError | undefined) => void;
};

type Waiter = {
  readonly resolve: (stamp: bigint) => void;
  readonly reject: (reason: Error) => void;
};

export class Writes {
  readonly #parts: WritesParts;
  readonly #queue: WriteQueue<Entry>;
  readonly #waiters = new Map<number, Waiter>();
  #lastRequest = 0;
  #cancelPump: (() => void) | undefined;
  #pumping = false;
  #stopped = false;

  constructor(parts: WritesParts) {
    this.#parts = parts;
    this.#queue = new WriteQueue(parts.coalesceMs);
  }

  /** Resolves with the stamp of the last entry once all entries are on disk here; they are published right after. */
  write(namespace: string, entries: readonly Entry[], signal?: AbortSignal): Promise<bigint> {
    if (this.#stopped) return Promise.reject(stopping());
    if (signal?.aborted === true) return Promise.reject(givenUp());
    if (entries.length === 0) return Promise.resolve(0n);
    const id = ++this.#lastRequest;
    const nowMs = this.#parts.clock.monotonicMs();
    if (!this.#queue.add(id, namespace, entries.map(queuedOf), nowMs)) {
      this.#parts.metrics.count("write.queue_full");
      return Promise.reject(
        new CoterieError("OVERLOADED", "too many writes are waiting", { hint: "try again" }),
      );
    }
    this.#schedulePump();
    return this.#wait(id, signal);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelPump?.();
    for (const id of this.#waiters.keys()) this.#settle(id)?.reject(stopping());
  }

  #wait(id: number, signal: AbortSignal | undefined): Promise<bigint> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        if (this.#queue.cancel(id)) this.#settle(id)?.reject(givenUp());
      };
      signal?.addEventListener("abort", abort, { once: true });
      const done = (): void => signal?.removeEventListener("abort", abort);
      this.#waiters.set(id, {
        resolve: (stamp) => {
          done();
          resolve(stamp);
        },
        reject: (reason) => {
          done();
          reject(reason);
        },
      });
    });
  }

  #settle(id: number): Waiter | undefined {
    const waiter = this.#waiters.get(id);
    this.#waiters.delete(id);
    return waiter;
  }

  #schedulePump(): void {
    const dueAt = this.#queue.dueAt();
    if (dueAt === undefined || this.#pumping || this.#stopped) return;
    this.#cancelPump?.();
    const delay = Math.max(0, dueAt - this.#parts.clock.monotonicMs());
    this.#cancelPump = this.#parts.clock.after(delay, () => void this.#pump());
  }

  async #pump(): Promise<void> {
    if (this.#stopped || this.#pumping) return;
    this.#pumping = true;
    const { batches, done, touched } = this.#queue.flush();
    try {
      const written = this.#parts.state.write(batches, this.#parts.clock.wallMs());
      await this.#parts.store.flushed();
      this.#parts.outcome(undefined);
      for (const { id, batch } of done) this.#settle(id)?.resolve(written[batch]?.stamp ?? 0n);
      for (const batch of written) this.#parts.publish(batch);
    } catch (error) {
      const reason = toCoterieError(error);
      this.#parts.outcome(reason);
      this.#queue.drop(touched);
      for (const id of touched) this.#settle(id)?.reject(reason);
    } finally {
      this.#pumping = false;
      this.#schedulePump();
    }
  }
}

function queuedOf(entry: Entry): Queued<Entry> {
  const subject = `${entry.class} ${entry.type} ${entry.key}`;
  return {
    entry,
    subject: entry.class === classes.append ? undefined : subject,
    bytes: encodeEntry(entry).length,
  };
}

function givenUp(): CoterieError {
  return new CoterieError("ABORTED", "given up by the caller");
}

function stopping(): CoterieError {
  return new CoterieError("SHUTTING_DOWN", "the daemon is stopping");
}
