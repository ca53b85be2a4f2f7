/**
 * Whether nodes hold ever more. Judged on those that lived all the time, by the medians of the second and of the last
 * quarter: the first quarter is for what fills once (caches, compiled code, the heap's own growth), and medians pass
 * over what a pause or a restart of others does to a few samples. Thresholds, beyond the second quarter:
 *
 *   memory        a quarter, 24 MiB, and 1 KiB for each entry that came
 *   heap          a quarter, 16 MiB, and 1 KiB for each entry that came
 *   open files    16, beside those of connections
 *   store         a quarter, 4 MiB, and 2 KiB for each entry that came
 *   event loop    twice, and 50 ms
 */
import { percentile } from "../show/measure.ts";
import type { Sample } from "./sample.ts";

export type Growth = {
  readonly node: number;
  readonly what: string;
  readonly unit: "MiB" | "" | "ms";
  /** Medians of the second and the last quarter. */
  readonly before: number;
  readonly after: number;
  readonly most: number;
};

const kib = 1_024;
const mib = 1_024 * kib;
/** Fewer say nothing. */
const samplesMin = 4;

type Rule = {
  readonly what: string;
  readonly unit: Growth["unit"];
  /** What one of the unit is. */
  readonly scale: number;
  readonly of: (sample: Sample) => number | null;
  readonly most: (before: number, newEntries: number) => number;
};

const rules: readonly Rule[] = [
  {
    what: "memory",
    unit: "MiB",
    scale: mib,
    of: ({ ownBytes, rssBytes }) => ownBytes ?? rssBytes,
    most: (before, news) => before * 1.25 + 24 * mib + news * kib,
  },
  {
    what: "heap",
    unit: "MiB",
    scale: mib,
    of: ({ heapBytes }) => heapBytes,
    most: (before, news) => before * 1.25 + 16 * mib + news * kib,
  },
  {
    what: "open files",
    unit: "",
    scale: 1,
    of: ({ descriptors, connections }) => descriptors && descriptors - connections,
    most: (before) => before + 16,
  },
  {
    what: "store",
    unit: "MiB",
    scale: mib,
    of: ({ storeBytes }) => storeBytes,
    most: (before, news) => before * 1.25 + 4 * mib + news * 2 * kib,
  },
  {
    what: "event loop delay",
    unit: "ms",
    scale: 1,
    of: ({ loopDelayMs }) => loopDelayMs,
    most: (before) => before * 2 + 50,
  },
];

/** One row for each node that lived from the second quarter to the end, and quantity. */
export function growthOf(samples: readonly Sample[], forMs: number): Growth[] {
  return [...Map.groupBy(samples, ({ node }) => node)].flatMap(([node, own]) => {
    const before = own.filter(({ atMs }) => atMs >= forMs / 4 && atMs < forMs / 2);
    const after = own.filter(({ atMs }) => atMs >= (forMs * 3) / 4);
    const pids = new Set([...before, ...after].map(({ pid }) => pid));
    if (before.length < samplesMin || after.length < samplesMin || pids.size > 1) return [];
    return rules.flatMap((rule) => rowOf(node, rule, before, after) ?? []);
  });
}

function rowOf(
  node: number,
  { what, unit, scale, of, most }: Rule,
  before: readonly Sample[],
  after: readonly Sample[],
): Growth | undefined {
  const values = [before, after].map((some) => some.flatMap((sample) => of(sample) ?? []));
  if (values.some((some) => some.length < samplesMin)) return undefined;
  const [then, now] = values.map((some) => percentile(some, 50)) as [number, number];
  const [had, has] = [before, after].map((some) => median(some.map(({ entries }) => entries)));
  const limit = most(then, Math.max(0, has! - had!));
  return {
    node,
    what,
    unit,
    before: round(then / scale),
    after: round(now / scale),
    most: round(limit / scale),
  };
}

export function hasGrown({ after, most }: Growth): boolean {
  return after > most;
}

function median(values: readonly number[]): number {
  return percentile(values, 50);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
