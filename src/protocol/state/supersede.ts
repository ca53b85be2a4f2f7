/**
 * The one law of the state: which entries of a key supersede which. For every class it is a strict partial order, so
 * the live set (the maximal entries) does not depend on the order of arrival, whatever hostile writers write. Ties
 * break by hash. DESIGN: docs/architecture.md, "Replicated state".
 */
import { bytesName, compareBytes, equalBytes } from "../../core/codec.ts";
import { classes, type Entry } from "./entry.ts";

/** An entry where it stands: who wrote it and when. */
export type Standing = {
  readonly entry: Entry;
  readonly writer: Uint8Array;
  readonly stamp: bigint;
  readonly hash: Uint8Array;
};

/** True when x supersedes y; both are entries of the same class, type and key. */
export function supersedes(x: Standing, y: Standing): boolean {
  if (x.entry.class === classes.last) return laterThan(x, y);
  const epochs = (x.entry.epoch ?? 0n) - (y.entry.epoch ?? 0n);
  if (epochs !== 0n) return epochs > 0n;
  switch (x.entry.class) {
    case classes.context:
      return covers(x, y);
    case classes.slot:
      return equalBytes(x.writer, y.writer) && laterThan(x, y);
    default:
      return equalBytes(x.writer, y.writer) && contains(x, y);
  }
}

/** Larger by (stamp, hash). */
export function laterThan(
  x: { readonly stamp: bigint; readonly hash: Uint8Array },
  y: { readonly stamp: bigint; readonly hash: Uint8Array },
): boolean {
  if (x.stamp !== y.stamp) return x.stamp > y.stamp;
  return compareBytes(x.hash, y.hash) > 0;
}

/** x's context is pointwise at least y's and covers y's own stamp. */
function covers(x: Standing, y: Standing): boolean {
  const seen = new Map(
    (x.entry.context ?? []).map(({ writer, stamp }) => [bytesName(writer), stamp]),
  );
  const seenOf = (writer: Uint8Array): bigint => seen.get(bytesName(writer)) ?? -1n;
  if (seenOf(y.writer) < y.stamp) return false;
  return (y.entry.context ?? []).every(({ writer, stamp }) => seenOf(writer) >= stamp);
}

/** x is a checkpoint whose range contains y's; of equal ranges of two checkpoints the later one wins. */
function contains(x: Standing, y: Standing): boolean {
  const outer = x.entry.range;
  if (outer === undefined) return false;
  const inner = y.entry.range ?? { from: y.stamp, to: y.stamp };
  if (outer.from > inner.from || outer.to < inner.to) return false;
  const equal = outer.from === inner.from && outer.to === inner.to;
  return !equal || y.entry.range === undefined || laterThan(x, y);
}
