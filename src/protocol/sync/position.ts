/**
 * Positions in the reconciliation order of one namespace (see `Bound` in core/ports.ts): ascending (ts, id) with
 * ts = 2^64 - 2 - stamp, so that the newest entry comes first and a range that reaches to the end leaves out
 * whatever is newer than its lower bound.
 */
import { compareBytes } from "../../core/codec.ts";
import type { Bound, ReconItem } from "../../core/ports.ts";

const noId = new Uint8Array(0);
const newestStamp = 2n ** 64n - 2n;

export const firstBound: Bound = { ts: 0n, id: noId };
export const endBound: Bound = { ts: 2n ** 64n - 1n, id: noId };

/** A prefix sorts before every id it begins. Items are positions too. */
export function compareBounds(a: Bound, b: Bound): number {
  if (a.ts !== b.ts) return a.ts < b.ts ? -1 : 1;
  return compareBytes(a.id, b.id);
}

export function laterBound(a: Bound, b: Bound): Bound {
  return compareBounds(a, b) < 0 ? b : a;
}

/** Where the entries stamped in or before this millisecond begin. */
export function notAfter(wallMs: number): Bound {
  const stamp = (BigInt(Math.max(0, Math.floor(wallMs))) << 16n) | 0xffffn;
  return { ts: stamp < newestStamp ? newestStamp - stamp : 0n, id: noId };
}

/** The shortest bound between two neighbouring items: at or before `next`, after `previous`. */
export function separator(previous: ReconItem, next: ReconItem): Bound {
  if (previous.ts !== next.ts) return { ts: next.ts, id: noId };
  let shared = 0;
  while (shared < next.id.length && previous.id[shared] === next.id[shared]) shared++;
  return { ts: next.ts, id: next.id.subarray(0, shared + 1) };
}

/** Index of the first item at or after a position, in items that are in order. */
export function firstAtOrAfter(items: readonly ReconItem[], position: Bound): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareBounds(items[middle]!, position) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** An id as a map key. */
export function idKey(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString("latin1");
}
