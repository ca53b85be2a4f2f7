import fc from "fast-check";
import { expect, test } from "vitest";
import { cutFrom } from "../../testnet/cut.ts";

test("a cut holds in both directions, between groups alone", () => {
  const groupOf = fc.array(fc.option(fc.nat(3), { nil: undefined }), { minLength: 2 });
  fc.assert(
    fc.property(groupOf, (groups) => {
      const nodes = [...groups.keys()];
      const partition = [0, 1, 2, 3].map((group) => nodes.filter((node) => groups[node] === group));
      for (const a of nodes) {
        for (const b of nodes) {
          const apart =
            groups[a] !== undefined && groups[b] !== undefined && groups[a] !== groups[b];
          expect(cutFrom(partition, a).includes(b)).toBe(apart);
        }
      }
    }),
  );
});

test("healed, nobody is cut from anybody", () => {
  expect(cutFrom(null, 0)).toEqual([]);
});
