/** The law of the state once more, written down from the design's table as directly as can be, over plain values. */
import { toHex } from "../../src/core/codec.ts";
import type { Entry } from "../../src/protocol/state/entry.ts";

export type Placed = {
  readonly namespace: string;
  readonly entry: Entry;
  readonly writer: Uint8Array;
  readonly stamp: bigint;
  readonly hash: Uint8Array;
};

export function subjectOf({ namespace, entry }: Placed): string {
  return JSON.stringify([namespace, entry.class, entry.type, entry.key]);
}

function later(x: Placed, y: Placed): boolean {
  return x.stamp > y.stamp || (x.stamp === y.stamp && toHex(x.hash) > toHex(y.hash));
}

function contextOf(x: Placed): Map<string, bigint> {
  return new Map(x.entry.context?.map(({ writer, stamp }) => [toHex(writer), stamp]));
}

export function beats(x: Placed, y: Placed): boolean {
  if (x.entry.class === 1) return later(x, y);
  const xEpoch = x.entry.epoch ?? 0n;
  const yEpoch = y.entry.epoch ?? 0n;
  if (xEpoch > yEpoch) return true;
  if (xEpoch < yEpoch) return false;
  if (x.entry.class === 2) {
    const seen = contextOf(x);
    const needed: [string, bigint][] = [...contextOf(y), [toHex(y.writer), y.stamp]];
    return needed.every(([writer, stamp]) => {
      const have = seen.get(writer);
      return have !== undefined && have >= stamp;
    });
  }
  if (toHex(x.writer) !== toHex(y.writer)) return false;
  if (x.entry.class === 3) return later(x, y);
  const range = x.entry.range;
  if (range === undefined) return false;
  if (y.entry.range === undefined) return range.from <= y.stamp && y.stamp <= range.to;
  const { from, to } = y.entry.range;
  if (range.from === from && range.to === to) return later(x, y);
  return range.from <= from && to <= range.to;
}

/** The maximal elements, each hash once, by comparing everything with everything. */
export function liveSet(entries: readonly Placed[]): Placed[] {
  const distinct = [...new Map(entries.map((entry) => [toHex(entry.hash), entry])).values()];
  const subjects = Map.groupBy(distinct, subjectOf);
  return [...subjects.values()].flatMap((same) =>
    same.filter((y) => !same.some((x) => beats(x, y))),
  );
}
