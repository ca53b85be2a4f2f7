import { expect, test } from "vitest";
import { kinds, planOf, planOfWords } from "../../scripts/partition/kinds.ts";
import { seeded } from "../../testnet/draw.ts";

test.each([
  [
    "0-1 2-4",
    [
      [0, 1],
      [2, 3, 4],
    ],
  ],
  ["0-2 2-4", [[0, 1, 2, 3, 4]]],
  ["0,1 1,2 2,3 3,4 4,0", [[0, 1, 2, 3, 4]]],
  [
    "0-1>2-4",
    [
      [0, 1],
      [2, 3, 4],
    ],
  ],
  ["0 1-4", [[0], [1, 2, 3, 4]]],
])("%s leaves those sides that reach one another both ways", (words, sides) => {
  expect(planOfWords(words.split(" "), 5).sides).toEqual(sides);
});

test("a one-way cut is heard in the other direction", () => {
  const { hears } = planOfWords(["0-1>2-4"], 5);
  expect(hears(0, 3)).toBe(true);
  expect(hears(3, 0)).toBe(false);
});

test.each(kinds)("%s can be drawn for any number of nodes from four", (kind) => {
  const random = seeded(1);
  for (let count = 4; count <= 12; count++) {
    const { sides, flaps } = planOf(kind, count, random);
    expect(sides.flat().toSorted((a, b) => a - b)).toEqual([...Array(count).keys()]);
    if (["full", "majority", "isolated", "asymmetric"].includes(kind)) {
      expect(sides.length).toBeGreaterThan(1);
    }
    expect(flaps).toBe(kind === "flapping");
  }
});
