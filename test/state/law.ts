/**
 * The law of the state once more, written down from the design's table as directly as can be, over plain values: no
 * index, no early dropping, everything compared with everything. Nothing of src's rules is used here.
 */
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

/** The rules of acceptance that concern one entry: nobody reaches into the future. */
export function keepsRules(entry: Entry, stamp: bigint): boolean {
  const { class: entryClass, epoch, context, range, expires } = entry;
  const fields = [
    epoch === undefined || entryClass !== 1,
    context === undefined || entryClass === 2,
    range === undefined || entryClass === 4,
    expires === undefined || entryClass === 1 || entryClass === 2,
  ];
  const bounds = [
    epoch === undefined || epoch <= stamp,
    context === undefined || context.every((seen) => seen.stamp < stamp),
    range === undefined || (range.from <= range.to && range.to < stamp),
    expires === undefined || expires > stamp / 65_536n,
  ];
  return [...fields, ...bounds].every(Boolean);
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
export function liveSet<T extends Placed>(entries: readonly T[]): T[] {
  const distinct = [...new Map(entries.map((entry) => [toHex(entry.hash), entry])).values()];
  const subjects = Map.groupBy(distinct, subjectOf);
  return [...subjects.values()].flatMap((same) =>
    same.filter((y) => !same.some((x) => beats(x, y))),
  );
}

/** Digest of a live set: the hashes, read as little-endian integers, summed mod 2^256. */
export function digestOf(entries: readonly Placed[]): { count: number; sum: string } {
  let sum = 0n;
  for (const { hash } of entries) sum += BigInt(`0x${toHex(hash.toReversed())}`);
  const digits = (sum % 2n ** 256n).toString(16).padStart(64, "0");
  return { count: entries.length, sum: toHex(Buffer.from(digits, "hex").toReversed()) };
}
