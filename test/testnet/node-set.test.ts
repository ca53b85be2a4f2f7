import fc from "fast-check";
import { expect, test } from "vitest";
import { formatNodeSet, parseNodeSet } from "../../testnet/node-set.ts";
import { codedError } from "../coded-error.ts";

test.each([
  ["3", [3]],
  ["0-4", [0, 1, 2, 3, 4]],
  ["0,2,4", [0, 2, 4]],
  ["7,0-2,1", [0, 1, 2, 7]],
])("%s is a set of nodes", (text, nodes) => {
  expect(parseNodeSet(text, 10)).toEqual(nodes);
});

test.each([
  "",
  ",",
  "a",
  "-1",
  "1-",
  "1--2",
  "1 2",
  "0x1",
  "1.5",
  "99999999999",
  "5-3",
  "10",
  "0-10",
])("%j is none in a testnet of ten", async (text) => {
  await codedError(() => parseNodeSet(text, 10), "USAGE");
});

test("every set is read back from its shortest spelling", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(253), { minLength: 1 }), (drawn) => {
      const nodes = drawn.toSorted((a, b) => a - b);
      expect(parseNodeSet(formatNodeSet(nodes), 254)).toEqual(nodes);
    }),
  );
  expect(formatNodeSet([0, 1, 2, 3, 4, 7])).toBe("0-4,7");
});
