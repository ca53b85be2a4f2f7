/**
 * Local writes: queued for a few milliseconds, committed in batches, acknowledged once they are on disk, published right
 * after. One transaction a turn of the loop, so that a bulk load leaves room for everything else.
 */
import { CoterieError, toCoterieError } from "../core/errors.ts";
import type { Clock, Metrics, Store } from "../core/ports.ts";
import { WriteQueue, type Queued } from "../protocol/gossip/coalesce.ts";
import { limits } from "../core/limits.ts";
import { classes, entryBytesAtMost } from "../protocol/state/entry.ts";
import { isIntent, type Write } from "../protocol/state/intent.ts";
import type { LocalBatch, State } from "../protocol/state/state.ts";

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

/** `atomic`: all in one batch, or nothing. */
export type WriteOptions = { readonly atomic?: boolean };

/** A write in the queue, with the request it is of. */
type Part = { readonly write: Write; readonly request: number };

type Waiter = {
  readonly resolve: (stamp: bigint) => void;
  readonly reject: (reason: Error) => void;
};

export class Writes {
  readonly #parts: WritesParts;
  readonly #queue: WriteQueue<Part>;
  readonly #waiters = new Map<number, Waiter>();
  #lastRequest = 0;
  #cancelPump: (() => void) | undefined;
  #pumping = false;
  #stopped = false;

  constructor(parts: WritesParts) {
    this.#parts = parts;
    this.#queue = new WriteQueue(parts.coalesceMs);
  }

  /**
   * Resolves with the stamp of the last entry once all are on disk here; they are published right after. An atomic
   * request is refused with `TOO_LARGE` or `BAD_REQUEST` when it is more than one batch can hold.
   */
  write(
    namespace: string,
    writes: readonly Write[],
    signal?: AbortSignal,
    { atomic = false }: WriteOptions = {},
  ): Promise<bigint> {
    if (this.#stopped) return Promise.reject(stopping());
    if (signal?.aborted === true) return Promise.reject(givenUp());
    if (writes.length === 0) return Promise.resolve(0n);
    const id = ++this.#lastRequest;
    const queued = writes.map((write) => queuedOf(write, id));
    const fault = atomic ? atomicFault(queued) : undefined;
    if (fault !== undefined) return Promise.reject(fault);
    const nowMs = this.#parts.clock.monotonicMs();
    if (!this.#queue.add(id, namespace, queued, nowMs, { atomic })) {
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
    const { batches, done, touched } = this.#queue.flush(this.#parts.clock.monotonicMs());
    try {
      const plain = batches.map(({ namespace, entries }) => {
        return { namespace, entries: entries.map(({ write }) => write) };
      });
      const written = this.#parts.state.write(plain, this.#parts.clock.wallMs());
      await this.#parts.store.flushed();
      this.#parts.outcome(undefined);
      for (const [index, { refused }] of written.entries()) {
        for (const [place, reason] of refused) {
          this.#refuse(batches[index]!.entries[place]!.request, reason);
        }
      }
      for (const { id, batch } of done) this.#settle(id)?.resolve(written[batch]?.stamp ?? 0n);
      for (const batch of written) if (batch.entries > 0) this.#parts.publish(batch);
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

  /** The request fails; what is left of it is not written. */
  #refuse(request: number, reason: CoterieError): void {
    this.#parts.metrics.count("write.refused");
    this.#queue.drop([request]);
    this.#settle(request)?.reject(reason);
  }
}

function queuedOf(write: Write, request: number): Queued<Part> {
  return {
    entry: { write, request },
    subject: `${write.class} ${write.type} ${write.key}`,
    many: write.class === classes.append && !(isIntent(write) && write.alone === true),
    bytes: isIntent(write) ? write.bytes : entryBytesAtMost(write),
  };
}

function atomicFault(queued: readonly Queued<Part>[]): CoterieError | undefined {
  if (queued.length > limits.batchEntriesMax) {
    return tooLarge(`at most ${limits.batchEntriesMax} keys; these are ${queued.length}`);
  }
  const bytes = queued.reduce((sum, one) => sum + one.bytes, 0);
  if (bytes > limits.batchBytesMax) {
    return tooLarge(`at most ${limits.batchBytesMax} bytes; these are ${bytes}`);
  }
  const seen = new Set<string>();
  for (const { subject, many, entry } of queued) {
    if (seen.has(subject) && !many) {
      const key = JSON.stringify(entry.write.key);
      return new CoterieError("BAD_REQUEST", `the key ${key} is written twice in one batch`);
    }
    seen.add(subject);
  }
  return undefined;
}

function tooLarge(what: string): CoterieError {
  return new CoterieError("TOO_LARGE", `an atomic batch holds ${what}`, {
    hint: "write in several batches, or without asking for an atomic one",
  });
}

function givenUp(): CoterieError {
  return new CoterieError("ABORTED", "given up by the caller");
}

function stopping(): CoterieError {
  return new CoterieError("SHUTTING_DOWN", "the daemon is stopping");
}
