/**
 * Bulk transfer into a namespace that is nearly empty here: windows of entries in reconciliation order, without ids.
 * The cursor outlives the session; what it passed over since is found by the rounds that follow.
 */
import { limits } from "../../core/limits.ts";
import type { Bound } from "../../core/ports.ts";
import type { Digest } from "./digests.ts";
import type { Now } from "./effects.ts";
import { violation } from "./faults.ts";
import type { Frame } from "./frames.ts";
import { compareBounds, endBound, laterBound } from "./position.ts";
import type { Session, Shared } from "./session.ts";
import type { Task, TaskResult } from "./task.ts";

/** Windows grow while they take less than this, and shrink when they take longer than that. */
const quickMs = 1_000;
const slowMs = 5_000;
const firstWindowBytes = limits.syncWindowBytes / 4;
const windowBytesMin = limits.syncWindowBytes / 16;

/** So many times as many, and so many more, are worth a stream; or any number where there is none. */
const bulkFactor = 16;
const bulkEntries = 1_000;

/** True when `count` entries are next to nothing beside those that are missing. */
export function lacksMuch(count: number, missing: number): boolean {
  return missing > count * (bulkFactor - 1) && (missing > bulkEntries || count === 0);
}

/** True when a stream from the peer, from where the last one stopped, would bring mostly news. */
export function isWorthPulling(
  { replica, cursors }: Shared,
  { peer, lower }: Session,
  namespace: string,
  theirs: Digest,
): boolean {
  const missing = theirs.count - replica.summary(namespace, lower, endBound).count;
  const from = laterBound(lower, cursors.position(peer, namespace) ?? lower);
  return lacksMuch(replica.summary(namespace, from, endBound).count, missing);
}

export class StreamPull implements Task {
  readonly #shared: Shared;
  readonly #session: Session;
  readonly #namespace: string;
  #from: Bound;
  #windowBytes = firstWindowBytes;
  #askedMs = 0;
  result: TaskResult | undefined;

  constructor(shared: Shared, session: Session, namespace: string) {
    this.#shared = shared;
    this.#session = session;
    this.#namespace = namespace;
    const cursor = shared.cursors.position(session.peer, namespace);
    this.#from = laterBound(session.lower, cursor ?? session.lower);
  }

  start(now: Now): void {
    this.#askedMs = now.monotonicMs;
    this.#session.intake.open(this.#windowBytes);
    this.#session.send({
      kind: "stream",
      namespace: this.#namespace,
      from: this.#from,
      windowBytes: this.#windowBytes,
    });
  }

  frame(frame: Frame, now: Now): void {
    if (frame.kind === "end" && frame.namespace === this.#namespace) this.#end(frame, now);
    else violation("not an answer to a stream");
  }

  #end({ next, digest }: Extract<Frame, { kind: "end" }>, now: Now): void {
    const tally = this.#session.intake.close();
    if (next !== undefined) {
      const some = tally.applied + tally.known + tally.quarantined + tally.refused > 0;
      if (!some || compareBounds(this.#from, next) >= 0) violation("a stream that does not move");
      this.#from = next;
    }
    this.#shared.cursors.moved(this.#session.peer, this.#namespace, next);
    if (next === undefined || this.#session.late(now)) {
      this.result = { verdict: "compare", digest };
      return;
    }
    this.#adaptWindow(now.monotonicMs - this.#askedMs);
    this.start(now);
  }

  #adaptWindow(tookMs: number): void {
    if (tookMs < quickMs)
      this.#windowBytes = Math.min(limits.syncWindowBytes, this.#windowBytes * 2);
    if (tookMs > slowMs) this.#windowBytes = Math.max(windowBytesMin, this.#windowBytes / 2);
  }
}
