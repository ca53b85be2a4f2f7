/**
 * Coalescing of local writes: what programs put within a few milliseconds becomes one batch under one signature, which
 * is what makes signed state cheap. A request is one or more entries of one namespace; it is done when the last batch
 * that holds a part of it is on disk. Batches keep to the duties of a writer: 128 entries, one entry a key, and (unless
 * one entry alone is larger) small enough for one gossip message. An atomic request is a batch of its own, whatever its
 * size.
 */
import { limits } from "../../core/limits.ts";

/** What the queue must know of an entry. */
export type Queued<Entry> = {
  readonly entry: Entry;
  /** Class, type and key. */
  readonly subject: string;
  /** Those of a batch may share a subject if all of them say so (the items of a log). */
  readonly many: boolean;
  readonly bytes: number;
};

export type PendingBatch<Entry> = {
  readonly namespace: string;
  readonly entries: readonly Entry[];
};

export type Flush<Entry> = {
  readonly batches: readonly PendingBatch<Entry>[];
  /** Requests that these batches complete, each with the number of the batch that holds its last entry. */
  readonly done: readonly { readonly id: number; readonly batch: number }[];
  /** Requests with a part in these batches, those of `done` included. */
  readonly touched: readonly number[];
};

type Request<Entry> = {
  readonly id: number;
  readonly namespace: string;
  readonly entries: readonly Queued<Entry>[];
  readonly atomic: boolean;
  next: number;
};

/** Room for the header, its signature and the lengths of 128 entries beside the entries themselves. */
const batchBytes = limits.gossipMessageBytesMax - 6 * 1024;
/** Full batches of one flush, which is one transaction: about 10 ms of work. */
const batchesPerFlush = 4;
/** A batch costs this part of a full one at least: for its signature, and what is kept of it. */
const batchCostMin = 1 / 4;

export class WriteQueue<Entry> {
  #requests: Request<Entry>[] = [];
  #bytes = 0;
  #entries = 0;
  #since: number | undefined;
  #flushedMs = Number.NEGATIVE_INFINITY;
  readonly #coalesceMs: number;

  constructor(coalesceMs: number) {
    this.#coalesceMs = coalesceMs;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** False when the queue is full and nothing was taken. */
  add(
    id: number,
    namespace: string,
    entries: readonly Queued<Entry>[],
    nowMs: number,
    { atomic = false } = {},
  ): boolean {
    const bytes = entries.reduce((sum, queued) => sum + queued.bytes, 0);
    if (this.#bytes > 0 && this.#bytes + bytes > limits.writeQueueBytesMax) return false;
    this.#requests.push({ id, namespace, entries, atomic, next: 0 });
    this.#bytes += bytes;
    this.#entries += entries.length;
    this.#since ??= nowMs;
    return true;
  }

  /** Takes back a request of which nothing has been flushed yet. */
  cancel(id: number): boolean {
    const index = this.#requests.findIndex((request) => request.id === id && request.next === 0);
    const request = this.#requests[index];
    if (request === undefined) return false;
    this.#requests.splice(index, 1);
    for (const { bytes } of request.entries) this.#bytes -= bytes;
    this.#entries -= request.entries.length;
    if (this.#requests.length === 0) this.#since = undefined;
    return true;
  }

  /** Forgets what is left of requests whose batch could not be written. */
  drop(ids: readonly number[]): void {
    for (const request of this.#requests.filter(({ id }) => ids.includes(id))) {
      const rest = request.entries.slice(request.next);
      for (const { bytes } of rest) this.#bytes -= bytes;
      this.#entries -= rest.length;
    }
    this.#requests = this.#requests.filter(({ id }) => !ids.includes(id));
    if (this.#requests.length === 0) this.#since = undefined;
  }

  /**
   * When to flush (monotonic ms), or undefined when nothing waits: so long after the last flush, or at once if that is
   * long ago, so that a write that comes alone does not wait for company. A full batch does not wait.
   */
  dueAt(): number | undefined {
    if (this.#since === undefined) return undefined;
    if (this.#entries >= limits.batchEntriesMax) return this.#since;
    return Math.max(this.#since, this.#flushedMs + this.#coalesceMs);
  }

  /** The next batches in the order of the requests; what is left is due at once. */
  flush(nowMs: number): Flush<Entry> {
    const batches: PendingBatch<Entry>[] = [];
    const done: { id: number; batch: number }[] = [];
    const touched = new Set<number>();
    let room = batchesPerFlush;
    while (room > 0 && this.#requests.length > 0) {
      const finished: number[] = [];
      const { batch, cost } = this.#nextBatch(finished, touched);
      batches.push(batch);
      room -= cost;
      done.push(...finished.map((id) => ({ id, batch: batches.length - 1 })));
    }
    const isEmpty = this.#requests.length === 0;
    if (isEmpty) this.#since = undefined;
    this.#flushedMs = isEmpty ? nowMs : Number.NEGATIVE_INFINITY;
    return { batches, done, touched: [...touched] };
  }

  /** One batch of the first request's namespace, from requests in order while they fit. */
  #nextBatch(done: number[], touched: Set<number>): { batch: PendingBatch<Entry>; cost: number } {
    const { namespace, atomic } = this.#requests[0]!;
    const batch = new Draft<Entry>();
    while (this.#requests[0]?.namespace === namespace && this.#requests[0].atomic === atomic) {
      const request = this.#requests[0];
      const queued = request.entries[request.next];
      if (queued === undefined) {
        this.#requests.shift();
        done.push(request.id);
        touched.add(request.id);
        if (atomic) break;
        continue;
      }
      if (!atomic && !batch.fits(queued)) break;
      batch.add(queued);
      touched.add(request.id);
      request.next++;
      this.#bytes -= queued.bytes;
      this.#entries--;
    }
    return { batch: { namespace, entries: batch.entries }, cost: batch.cost };
  }
}

/** A batch while it is filled. */
class Draft<Entry> {
  readonly entries: Entry[] = [];
  /** Subjects, with true for those that may come again. */
  readonly #subjects = new Map<string, boolean>();
  #bytes = 0;

  /** In full batches. */
  get cost(): number {
    const share = Math.max(this.entries.length / limits.batchEntriesMax, this.#bytes / batchBytes);
    return Math.max(batchCostMin, share);
  }

  /** The first entry always fits. */
  fits({ subject, many, bytes }: Queued<Entry>): boolean {
    if (this.entries.length === 0) return true;
    const known = this.#subjects.get(subject);
    const clash = known !== undefined && !(known && many);
    return (
      !clash && this.entries.length < limits.batchEntriesMax && this.#bytes + bytes <= batchBytes
    );
  }

  add({ entry, subject, many, bytes }: Queued<Entry>): void {
    this.entries.push(entry);
    this.#subjects.set(subject, many);
    this.#bytes += bytes;
  }
}
