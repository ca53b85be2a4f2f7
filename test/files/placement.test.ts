import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  drawOf,
  dutyOf,
  ranked,
  scoreOf,
  weightOf,
  type Placement,
} from "../../src/share/files/placement.ts";
import type { Candidate } from "../../src/share/files/ports.ts";

const GiB = 2 ** 30;
const root = "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354";

function share(copiesMin: number, copiesMax: number, of = root): Placement {
  return { root: of, bytes: 1_000, copiesMin, copiesMax };
}

function alive(peer: string, freeBytes: number | undefined = GiB): Candidate {
  return { peer, standing: "alive", freeBytes };
}

/** Everybody does its duty once, on what all see; returns who holds it then. */
function round(
  of: Placement,
  owner: string,
  holders: readonly string[],
  members: readonly Candidate[],
) {
  const after = new Set(holders);
  for (const { peer, standing } of members) {
    if (standing !== "alive") continue;
    const duty = dutyOf(peer, owner, of, holders, members);
    if (duty === "fetch") after.add(peer);
    if (duty === "drop") after.delete(peer);
  }
  return [...after];
}

const members = fc.uniqueArray(
  fc.record({
    peer: fc.stringMatching(/^[a-z]{1,6}$/),
    standing: fc.constantFrom("alive", "alive", "alive", "suspect", "failed", "left"),
    freeBytes: fc.option(fc.integer({ min: 0, max: 100 * GiB }), { nil: undefined }),
  }),
  { minLength: 1, maxLength: 20, selector: ({ peer }) => peer },
) as fc.Arbitrary<Candidate[]>;
const copies = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 3 }));

test("draws and scores never change: what one version places, the next finds", () => {
  expect(["a", "b", "c"].map((peer) => drawOf(root, peer))).toMatchInlineSnapshot(`
    [
      0.48014051110227596,
      0.0303058191270279,
      0.2800520852675704,
    ]
  `);
  expect(scoreOf(root, "a", 8)).toMatchInlineSnapshot(`10.903988539497533`);
  expect(
    ranked(
      share(2, 3),
      ["a", "b", "c", "d", "e"].map((peer) => alive(peer)),
    ),
  ).toMatchInlineSnapshot(`
    [
      "d",
      "a",
      "e",
      "c",
      "b",
    ]
  `);
});

test("a member gets shares as it has room", () => {
  const some = [
    alive("small", GiB),
    alive("large", 4 * GiB),
    alive("full", 0),
    alive("silent", undefined),
  ];
  some[3] = { peer: "silent", standing: "alive", freeBytes: undefined };
  const first = new Map<string, number>();
  for (let index = 0; index < 5_000; index++) {
    const [best = ""] = ranked(share(1, 2, `root-${index}`), some);
    first.set(best, (first.get(best) ?? 0) + 1);
  }
  expect([...first.keys()].toSorted()).toEqual(["large", "small"]);
  expect((first.get("large") ?? 0) / 5_000).toBeGreaterThan(0.77);
  expect((first.get("large") ?? 0) / 5_000).toBeLessThan(0.83);
});

test("a little more or less room changes nothing", () => {
  expect(weightOf(5 * GiB)).toBe(weightOf(5 * GiB - 1_000_000));
  expect(weightOf(1_000)).toBe(0);
});

test("when a member goes, what others hold stays where it is", () => {
  fc.assert(
    fc.property(members, copies, fc.nat(), (all, [min, spare], which) => {
      const before = ranked(share(min, min + spare), all);
      const gone = before[which % Math.max(1, before.length)];
      const after = ranked(
        share(min, min + spare),
        all.filter(({ peer }) => peer !== gone),
      );
      expect(after).toEqual(before.filter((peer) => peer !== gone));
    }),
  );
});

describe("copies", () => {
  test("come to what is wanted in one round, where so many can take them, and stay there", () => {
    fc.assert(
      fc.property(
        members,
        copies,
        fc.array(fc.nat(), { maxLength: 8 }),
        (all, [min, spare], picks) => {
          const of = share(min, min + spare);
          const owner = all[0]!.peer;
          const holders = [...new Set(picks.map((pick) => all[pick % all.length]!.peer))];
          const after = round(of, owner, holders, all);
          const standing = new Map(all.map((one) => [one.peer, one.standing]));
          const present = after.filter((peer) =>
            ["alive", "suspect"].includes(standing.get(peer)!),
          );
          const room = ranked(of, all).filter((peer) => !holders.includes(peer)).length;
          const before = holders.filter((peer) =>
            ["alive", "suspect"].includes(standing.get(peer)!),
          );
          expect(present.length).toBeGreaterThanOrEqual(Math.min(min, before.length + room));
          const living = after.filter((peer) => standing.get(peer) === "alive");
          expect(living.length).toBeLessThanOrEqual(of.copiesMax);
          expect(round(of, owner, after, all).toSorted()).toEqual(after.toSorted());
        },
      ),
      { numRuns: 500 },
    );
  });

  test("are made by the survivors when the owner and a holder are lost", () => {
    const all = ["a", "b", "c", "d", "e"].map((peer) => alive(peer));
    const lost = all.map((one) => (one.peer < "c" ? { ...one, standing: "failed" as const } : one));
    const after = round(share(3, 4), "a", ["a", "b", "c"], lost);
    expect(after.filter((peer) => peer >= "c")).toHaveLength(3);
  });

  test("of a returning holder are shed, and the owner's never", () => {
    const all = ["a", "b", "c", "d", "e"].map((peer) => alive(peer));
    const after = round(share(2, 3), "e", ["a", "b", "c", "d", "e"], all);
    expect(after).toHaveLength(3);
    expect(after).toContain("e");
  });

  test("of a suspected member count, and none is dropped in trust of it", () => {
    const all = ["a", "b", "c"].map((peer) => alive(peer));
    const suspect = all.map((one) =>
      one.peer === "c" ? { ...one, standing: "suspect" as const } : one,
    );
    expect(round(share(3, 3), "a", ["a", "b", "c"], suspect)).toEqual(["a", "b", "c"]);
    expect(round(share(2, 2), "a", ["a", "b", "c"], suspect)).toEqual(["a", "b", "c"]);
  });

  test("that nobody has room for wait until somebody comes", () => {
    const of = { ...share(3, 4), bytes: 2 * GiB };
    const all = [alive("a", 0), alive("b", GiB)];
    expect(round(of, "a", ["a"], all)).toEqual(["a"]);
    expect(round(of, "a", ["a"], [...all, alive("c", 8 * GiB)]).toSorted()).toEqual(["a", "c"]);
  });
});
