import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cutFrom, deafTo, formatCut, parseCut } from "../../testnet/cut.ts";
import { codedError } from "../coded-error.ts";

test("a cut holds in both directions, between nodes that share no group alone", () => {
  const groupsOf = fc.array(fc.subarray([0, 1, 2, 3]), { minLength: 2 });
  fc.assert(
    fc.property(groupsOf, (groups) => {
      const nodes = [...groups.keys()];
      const partition = [0, 1, 2, 3].map((group) =>
        nodes.filter((node) => groups[node]?.includes(group)),
      );
      for (const a of nodes) {
        for (const b of nodes) {
          const [ofA = [], ofB = []] = [groups[a], groups[b]];
          const apart =
            ofA.length > 0 && ofB.length > 0 && !ofA.some((group) => ofB.includes(group));
          expect(cutFrom(partition, a).includes(b)).toBe(apart);
        }
      }
    }),
  );
});

test("a node in two groups is a bridge between them", () => {
  const { partition } = parseCut(["0-2", "2-4"], 5);
  expect(cutFrom(partition, 2)).toEqual([]);
  expect(cutFrom(partition, 0)).toEqual([3, 4]);
  expect(cutFrom(partition, 4)).toEqual([0, 1]);
});

test("one way, those behind the arrow hear nothing of those before it", () => {
  const cut = parseCut(["0-1>2-3"], 5);
  expect(cut.partition).toBeNull();
  expect([0, 1, 2, 3, 4].map((index) => deafTo(cut.oneWay, index))).toEqual([
    [],
    [],
    [0, 1],
    [0, 1],
    [],
  ]);
});

test("both kinds at once are read and shown", () => {
  expect(formatCut(parseCut(["0-1", "3>0", "3-4"], 5))).toBe("0-1 | 3-4, 3 > 0");
});

test("healed, nobody is cut from anybody", () => {
  expect(cutFrom(null, 0)).toEqual([]);
  expect(formatCut({ partition: null, oneWay: [] })).toBe("");
});

describe("a partition", () => {
  test("has groups that may leave nodes out", () => {
    expect(parseCut(["0-1", "3", "4,5"], 10).partition).toEqual([[0, 1], [3], [4, 5]]);
  });

  test.each([
    [["0-4"]],
    [["0-4", "0-4"]],
    [["0-4", "5-10"]],
    [["0-4", ""]],
    [["3>3"]],
    [["1>2>3"]],
  ])("%j is refused", async (words) => {
    await codedError(() => parseCut(words, 10), "USAGE");
  });
});
