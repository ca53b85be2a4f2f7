/**
 * Range-based set reconciliation over a `Replica` (A. Meyer, "Range-Based Set Reconciliation", 2023; the buckets and
 * the treatment of the frame limit are those of the Negentropy reference). A range that differs is split into 16 with
 * a fingerprint each, or listed when it holds fewer than 32 items. The responder answers each message at once. The
 * initiator takes a response in two steps: `readResponse` finds what either side lacks in the ranges that were listed;
 * once that is transferred and applied, `nextMessage` compares the remaining, older ranges with what is here *now*.
 *
 * A message that reaches its limit of bytes or of reading closes with one fingerprint of all that is left, which
 * the other side then splits: older ranges wait, and no message costs more than a bounded amount of work.
 */
import { equalBytes } from "../../core/codec.ts";
import { limits } from "../../core/limits.ts";
import type { Bound, ReconItem, Replica } from "../../core/ports.ts";
import { decodeMessage, fingerprintOf, MessageWriter, type Summary } from "./negentropy.ts";
import { compareBounds, endBound, idKey, laterBound, separator } from "./position.ts";
import { RangeReader, summaryOf } from "./range-reader.ts";
import type { Job } from "./job.ts";

const buckets = 16;
/** A range of so few items is split by reading them all, which is cheaper than a walk for every bucket. */
const scanItems = 2_048;
/** More than any split with the closing fingerprint after it: 16 bounds, or 31 ids, and two Skips. */
const splitBytesMax = 1_300;
/** About 200 ms of reading, in slices. */
const messageRowsMax = 200_000;

/** Where and how to reconcile: entries of one namespace at or after `lower`, in messages of at most `bytesMax`. */
export type Scope = {
  readonly replica: Replica;
  readonly namespace: string;
  readonly lower: Bound;
  /** At least 4,096, as in the reference. */
  readonly bytesMax: number;
};

/** A range that is not settled: it differs from ours if the fingerprint does, for certain when there is none. */
export type OpenRange = {
  readonly from: Bound;
  readonly to: Bound;
  readonly fingerprint: Uint8Array | undefined;
};

/** An id that the peer holds and we do not, with its place among all that the message lists. */
export type Needed = { readonly id: Uint8Array; readonly place: number };

export type Response = {
  readonly need: readonly Needed[];
  /** What we hold and the peer does not. */
  readonly have: readonly ReconItem[];
  readonly open: readonly OpenRange[];
};

export function* firstMessage(scope: Scope): Job<Uint8Array> {
  const composer = new Composer(scope);
  const whole = composer.reader.summary(scope.lower, endBound);
  yield* composer.split(scope.lower, endBound, whole);
  return composer.finish();
}

/** A message that lists all our ids in a range, so many at most. */
export function listingMessage(scope: Scope, from: Bound, to: Bound, most: number): Uint8Array {
  const composer = new Composer(scope);
  const items = composer.reader.items(from, to, most + 1);
  const [last, after] = [items[most - 1], items[most]];
  composer.ids(from, last && after ? separator(last, after) : to, items.slice(0, most));
  return composer.finish();
}

/** `message` is empty when nothing differs; `listed` are the items whose ids it lists. */
export type Answer = { readonly message: Uint8Array; readonly listed: readonly ReconItem[] };

/** The responder's answer. Throws `BAD_FORMAT`. */
export function* respond(scope: Scope, message: Uint8Array): Job<Answer> {
  const composer = new Composer(scope);
  for (const range of decodeMessage(message)) {
    yield* composer.reader.pause();
    const from = laterBound(range.from, scope.lower);
    if (range.mode === "skip" || compareBounds(from, range.to) >= 0) continue;
    const on =
      range.mode === "ids"
        ? composer.list(from, range.to)
        : yield* composer.compare({ from, to: range.to, fingerprint: range.fingerprint });
    if (!on) break;
  }
  return { message: composer.finish(), listed: composer.listed };
}

/** Reads a responder's answer; a list for a range in which we hold too many items stays open. Throws `BAD_FORMAT`. */
export function* readResponse(scope: Scope, message: Uint8Array): Job<Response> {
  const reader = new RangeReader(scope.replica, scope.namespace);
  const need: Needed[] = [];
  let listed = 0;
  const have: ReconItem[] = [];
  const open: OpenRange[] = [];
  let itemsLeft = limits.syncListedItemsMax;
  for (const range of decodeMessage(message)) {
    yield* reader.pause();
    const first = listed;
    if (range.mode === "ids") listed += range.ids.length;
    const from = laterBound(range.from, scope.lower);
    if (range.mode === "skip" || compareBounds(from, range.to) >= 0) continue;
    if (range.mode === "fingerprint") {
      open.push({ from, to: range.to, fingerprint: range.fingerprint });
      continue;
    }
    const ours = reader.items(from, range.to, itemsLeft + 1);
    if (ours.length > itemsLeft) {
      open.push({ from, to: range.to, fingerprint: undefined });
      continue;
    }
    itemsLeft -= ours.length;
    const theirs = new Map<string, Needed>();
    for (const [index, id] of range.ids.entries()) {
      if (!theirs.has(idKey(id))) theirs.set(idKey(id), { id, place: first + index });
    }
    for (const item of ours) {
      if (!theirs.delete(idKey(item.id))) have.push(item);
    }
    need.push(...theirs.values());
  }
  return { need, have, open };
}

/** The initiator's next message, or undefined when no range is left that differs. */
export function* nextMessage(
  scope: Scope,
  open: readonly OpenRange[],
): Job<Uint8Array | undefined> {
  const composer = new Composer(scope);
  for (const range of open) {
    yield* composer.reader.pause();
    if (!(yield* composer.compare(range))) break;
  }
  return composer.empty ? undefined : composer.finish();
}

/** A response with more open ranges than this has differences all over. */
const scatteredRanges = 64;
/** With fewer entries to compare, a round trip is dearer than comparing them all at once. */
const manyEntries = 8_192;

/**
 * Of many open ranges keeps those in the newest bucket of our first message that differs, and puts off all that is
 * older. Every entry that was overwritten while a peer was away is a difference twice, at its new place and at its old
 * one; once the new ones are applied, the old ones are gone on both sides, and finding them costs nothing.
 */
export function putOff(
  { replica, namespace, lower }: Scope,
  first: Uint8Array,
  open: readonly OpenRange[],
): { readonly now: readonly OpenRange[]; readonly later: OpenRange | undefined } {
  const newest = open[0];
  const few =
    open.length <= scatteredRanges ||
    replica.summary(namespace, lower, endBound).count < manyEntries;
  const bucket = decodeMessage(first).find(
    ({ to }) => newest && compareBounds(newest.from, to) < 0,
  );
  const cut = bucket?.to ?? endBound;
  if (few || cut.ts === endBound.ts) return { now: open, later: undefined };
  const now = open
    .filter(({ from }) => compareBounds(from, cut) < 0)
    .map((range) =>
      compareBounds(range.to, cut) <= 0 ? range : { ...range, to: cut, fingerprint: undefined },
    );
  return { now, later: { from: cut, to: endBound, fingerprint: undefined } };
}

/** Writes one message within its limits. Its methods answer false once the message is closed. */
class Composer {
  readonly reader: RangeReader;
  readonly listed: ReconItem[] = [];
  readonly #out = new MessageWriter();
  readonly #bytesMax: number;

  constructor(scope: Scope) {
    this.reader = new RangeReader(scope.replica, scope.namespace);
    this.#bytesMax = scope.bytesMax;
  }

  get empty(): boolean {
    return this.#out.empty;
  }

  finish(): Uint8Array {
    return this.#out.finish();
  }

  *compare({ from, to, fingerprint }: OpenRange): Job<boolean> {
    if (this.#full) return this.#closeAt(from);
    const summary = this.reader.summary(from, to);
    if (fingerprint !== undefined && equalBytes(fingerprint, fingerprintOf(summary))) return true;
    yield* this.split(from, to, summary);
    return true;
  }

  *split(from: Bound, to: Bound, { count }: Summary): Job<void> {
    if (count < 2 * buckets) this.ids(from, to, this.reader.items(from, to, count));
    else if (count <= scanItems) this.#splitByScan(from, to, this.reader.items(from, to, count));
    else yield* this.#splitByNumber(from, to, count);
  }

  /** All our ids in a range, or as many as there is room for. */
  list(from: Bound, to: Bound): boolean {
    if (this.#full) return this.#closeAt(from);
    const room = Math.floor((this.#bytesMax - this.#out.length - 200) / 32);
    const items = this.reader.items(from, to, room + 1);
    const whole = items.length <= room;
    const end = whole ? to : separator(items[room - 1]!, items[room]!);
    this.ids(from, end, items.slice(0, room));
    return whole || this.#closeAt(end);
  }

  ids(from: Bound, to: Bound, items: readonly ReconItem[]): void {
    this.listed.push(...items);
    const ids = items.map(({ id }) => id);
    this.#out.ids(from, to, ids);
  }

  get #full(): boolean {
    return this.#out.length + splitBytesMax > this.#bytesMax || this.reader.rows > messageRowsMax;
  }

  #closeAt(from: Bound): false {
    this.#fingerprint(from, endBound, this.reader.summary(from, endBound));
    return false;
  }

  #splitByScan(from: Bound, to: Bound, items: readonly ReconItem[]): void {
    let at = from;
    let index = 0;
    for (const size of bucketSizes(items.length)) {
      const next = index + size;
      const end = next < items.length ? separator(items[next - 1]!, items[next]!) : to;
      this.#fingerprint(at, end, summaryOf(items.slice(index, next)));
      at = end;
      index = next;
    }
  }

  /** Entries may come and go in its pauses, so the last bucket is the one that reaches the end of the range. */
  *#splitByNumber(from: Bound, to: Bound, count: number): Job<void> {
    let at = from;
    for (const [index, size] of bucketSizes(count).entries()) {
      yield* this.reader.pause();
      const pair = index === buckets - 1 ? undefined : this.reader.pair(at, size - 1);
      const cut = pair === undefined ? to : separator(...pair);
      const end = compareBounds(cut, to) < 0 ? cut : to;
      this.#fingerprint(at, end, this.reader.summary(at, end));
      if (end === to) return;
      at = end;
    }
  }

  #fingerprint(from: Bound, to: Bound, summary: Summary): void {
    this.#out.fingerprint(from, to, fingerprintOf(summary));
  }
}

/** The first buckets take what does not divide evenly. */
function bucketSizes(count: number): number[] {
  const size = Math.floor(count / buckets);
  const larger = count % buckets;
  return Array.from({ length: buckets }, (_, index) => (index < larger ? size + 1 : size));
}
