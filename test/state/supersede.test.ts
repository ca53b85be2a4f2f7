import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toHex } from "../../src/core/codec.ts";
import { sha256 } from "../../src/core/identity.ts";
import { encodeEntry, entryFault, type EntryClass } from "../../src/protocol/state/entry.ts";
import { supersedes, type Standing } from "../../src/protocol/state/supersede.ts";
import { writerBytesOf } from "./fixture.ts";
import { hostileWriters, someEntry, someStamp } from "./hostile.ts";
import { beats, liveSet, type Placed } from "./law.ts";

/** Entries of one key that all nodes accept; the same writer may use one stamp many times. */
function standing(entryClass: EntryClass): fc.Arbitrary<Standing & Placed> {
  return fc
    .record({
      entry: someEntry(entryClass, ["k"]),
      writer: fc.constantFrom(...hostileWriters.map(writerBytesOf)),
      stamp: someStamp,
      salt: fc.integer({ min: 0, max: 3 }),
    })
    .filter(({ entry, stamp }) => entryFault(entry, stamp) === undefined)
    .map(({ entry, writer, stamp, salt }) => {
      const named = [Uint8Array.of(salt), writer, encodeEntry(entry), Buffer.from(String(stamp))];
      return { namespace: "n", entry, writer, stamp, hash: sha256(Buffer.concat(named)) };
    });
}

describe.each([
  ["last", 1],
  ["context", 2],
  ["slot", 3],
  ["append", 4],
] as const)("class %s, whatever its writers write:", (_name, entryClass) => {
  const one = standing(entryClass);
  const options = { numRuns: 1_000 };

  test("nothing supersedes itself", () => {
    fc.assert(
      fc.property(one, (x) => !supersedes(x, x)),
      options,
    );
  });

  test("no two supersede each other", () => {
    fc.assert(
      fc.property(one, one, (x, y) => !(supersedes(x, y) && supersedes(y, x))),
      options,
    );
  });

  test("what supersedes a superseder supersedes the superseded", () => {
    const several = fc.array(one, { minLength: 3, maxLength: 12 });
    const property = fc.property(several, (entries) => {
      for (const x of entries) {
        for (const y of entries.filter((other) => supersedes(x, other))) {
          for (const z of entries) if (supersedes(y, z)) expect(supersedes(x, z)).toBe(true);
        }
      }
    });
    fc.assert(property, { numRuns: 300 });
  });

  test("it is the order of the design's table", () => {
    fc.assert(
      fc.property(one, one, (x, y) => supersedes(x, y) === beats(x, y)),
      options,
    );
  });

  test("what stays when each newcomer is weighed against what is there are the maximal entries", () => {
    const property = fc.property(fc.array(one, { maxLength: 12 }), (entries) => {
      let live: (Standing & Placed)[] = [];
      for (const x of entries) {
        if (live.some((y) => toHex(y.hash) === toHex(x.hash) || supersedes(y, x))) continue;
        live = [...live.filter((y) => !supersedes(x, y)), x];
      }
      const hashes = (set: readonly Placed[]): string[] => set.map(({ hash }) => toHex(hash));
      expect(hashes(live).toSorted()).toEqual(hashes(liveSet(entries)).toSorted());
    });
    fc.assert(property, { numRuns: 300 });
  });
});

test("the properties meet what they are about: in every class some supersede others by each of its rules", () => {
  const seen = new Set<string>();
  for (const entryClass of [1, 2, 3, 4] as const) {
    for (const [x, y] of fc.sample(fc.tuple(standing(entryClass), standing(entryClass)), 4_000)) {
      if (!supersedes(x, y)) continue;
      const newEpoch = (x.entry.epoch ?? 0n) > (y.entry.epoch ?? 0n);
      const rule = newEpoch ? "epoch" : y.entry.range === undefined ? "own rule" : "checkpoint";
      seen.add(`${entryClass} ${rule}`);
    }
  }
  expect([...seen].toSorted()).toEqual([
    "1 own rule",
    "2 epoch",
    "2 own rule",
    "3 epoch",
    "3 own rule",
    "4 checkpoint",
    "4 epoch",
    "4 own rule",
  ]);
});
