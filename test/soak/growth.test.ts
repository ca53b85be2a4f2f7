import { describe, expect, test } from "vitest";
import { growthOf, hasGrown } from "../../scripts/soak/growth.ts";
import type { Sample } from "../../scripts/soak/sample.ts";

const mib = 2 ** 20;
const forMs = 600_000;
const everyMs = 5_000;

/** Of one node that lives all the time; `at` is from 0 to 1. */
function samplesOf(change: (at: number) => Partial<Sample> = () => ({})): Sample[] {
  return Array.from({ length: forMs / everyMs }, (_, index) => ({
    node: 0,
    atMs: index * everyMs,
    pid: 7,
    rssBytes: 150 * mib,
    ownBytes: 100 * mib,
    heapBytes: 50 * mib,
    descriptors: 60,
    connections: 7,
    loopDelayMs: 20,
    storeBytes: 10 * mib,
    entries: 1_000,
    ...change((index * everyMs) / forMs),
  }));
}

function grown(samples: readonly Sample[]): string[] {
  return growthOf(samples, forMs)
    .filter(hasGrown)
    .map(({ what }) => what);
}

test("what stays as it is has not grown", () => {
  expect(growthOf(samplesOf(), forMs).map(({ what }) => what)).toHaveLength(5);
  expect(grown(samplesOf())).toEqual([]);
});

describe("growth without end is found:", () => {
  test.each<[string, (at: number) => Partial<Sample>]>([
    ["memory", (at) => ({ ownBytes: (100 + 200 * at) * mib })],
    ["heap", (at) => ({ heapBytes: (50 + 100 * at) * mib })],
    ["open files", (at) => ({ descriptors: 60 + Math.round(60 * at) })],
    ["store", (at) => ({ storeBytes: (10 + 30 * at) * mib })],
    ["event loop delay", (at) => ({ loopDelayMs: 20 + 900 * at })],
  ])("%s", (what, change) => {
    expect(grown(samplesOf(change))).toEqual([what]);
  });
});

test("what fills in the first quarter, what the entries explain and single peaks are no growth", () => {
  const filling = samplesOf((at) => ({ ownBytes: (100 + 400 * Math.min(at, 0.2)) * mib }));
  expect(grown(filling)).toEqual([]);
  const explained = samplesOf((at) => ({
    entries: Math.round(60_000 * at),
    storeBytes: Math.round(10 * mib + 60_000 * at * 1_500),
  }));
  expect(grown(explained)).toEqual([]);
  const peaks = samplesOf((at) => ({ loopDelayMs: Math.round(at * 120) % 3 === 0 ? 5_000 : 20 }));
  expect(grown(peaks)).toEqual([]);
});

test("more connections are no open files left behind", () => {
  const more = samplesOf((at) => ({
    connections: 7 + Math.round(40 * at),
    descriptors: 60 + Math.round(40 * at),
  }));
  expect(grown(more)).toEqual([]);
});

test("a node that was started anew meanwhile is not judged", () => {
  const restarted = samplesOf((at) => ({
    pid: at < 0.6 ? 7 : 8,
    ownBytes: (100 + 500 * at) * mib,
  }));
  expect(growthOf(restarted, forMs)).toEqual([]);
});
