import { expect, test } from "vitest";
import { faultsOf } from "../../testnet/faults.ts";
import { parseDirections, parseRate, withShape } from "../../testnet/link.ts";
import type { NodeRecord } from "../../testnet/record.ts";
import { codedError } from "../coded-error.ts";

const nodes = [0, 1, 2].map((index) => ({ index, peerId: `peer-${index}` }) as NodeRecord);

test("a link is both ways, or one way with an arrow, between all nodes of its ends", () => {
  expect(parseDirections(["0", "1"], 3)).toEqual([
    { from: 0, to: 1 },
    { from: 1, to: 0 },
  ]);
  expect(parseDirections(["0>1-2"], 3)).toEqual([
    { from: 0, to: 1 },
    { from: 0, to: 2 },
  ]);
  expect(parseDirections(["0-2", "0-2"], 3)).toHaveLength(6);
});

test("a link's shape is its reader's; the last word about a link counts, and clearing ends it", () => {
  const [both, oneWay] = [parseDirections(["0", "1"], 3), parseDirections(["0>1"], 3)];
  let links = withShape([], both, { latencyMs: 50 });
  links = withShape(links, oneWay, { bitsPerSecond: 1e6 });
  const plan = { nodes, partition: null, oneWay: [], links };
  expect(faultsOf(plan, 1).links).toEqual([{ peerId: "peer-0", bitsPerSecond: 1e6 }]);
  expect(faultsOf(plan, 0).links).toEqual([{ peerId: "peer-1", latencyMs: 50 }]);
  expect(faultsOf(plan, 2)).toEqual({ blockedPeers: [], links: [] });
  expect(withShape(links, both, undefined)).toEqual([]);
});

test("a one-way cut outweighs a link's shape and leaves it on record", () => {
  const links = withShape([], parseDirections(["0", "1"], 3), { latencyMs: 50 });
  const plan = { nodes, partition: null, oneWay: [{ from: [0], to: [1, 2] }], links };
  expect(faultsOf(plan, 1).links).toEqual([{ peerId: "peer-0", stall: true }]);
  expect(faultsOf(plan, 0).links).toEqual([{ peerId: "peer-1", latencyMs: 50 }]);
});

test.each([
  ["1mbit", 1e6],
  ["512kbit", 512e3],
  ["2.5gbit", 2.5e9],
])("%s is a rate", (text, bits) => {
  expect(parseRate(text)).toBe(bits);
});

test.each(["1", "1mb", "0mbit", "-1mbit", "0.1kbit", "99999gbit", ""])(
  "%j is none",
  async (text) => {
    await codedError(() => parseRate(text), "USAGE");
  },
);
