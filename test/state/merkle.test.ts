import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CoterieError } from "../../src/core/errors.ts";
import { LeafSet, merkleRoot, PrunedTree } from "../../src/protocol/state/merkle.ts";
import { leafSet } from "./fixture.ts";

function leavesOf(count: number, seed = 0): Uint8Array[] {
  return Array.from({ length: count }, (_, index) =>
    Uint8Array.from(createHash("sha256").update(`${seed} ${index}`).digest()),
  );
}

/** RFC 6962, section 2.1, word by word, with our tags: k is the largest power of two smaller than n. */
function naiveRoot(leaves: readonly Uint8Array[]): Buffer {
  if (leaves.length === 1) return Buffer.from(leaves[0]!);
  const k = 2 ** (Math.ceil(Math.log2(leaves.length)) - 1);
  return createHash("sha256")
    .update("\x0ccoterie/node")
    .update(naiveRoot(leaves.slice(0, k)))
    .update(naiveRoot(leaves.slice(k)))
    .digest();
}

function whole(leaves: readonly Uint8Array[]): PrunedTree {
  const none = (): never => {
    throw new Error("a whole tree needs no other hashes");
  };
  return PrunedTree.build(LeafSet.all(leaves.length), (index) => leaves[index]!, none);
}

/** Builds from known leaves and listed hashes; all of them must be used up. */
function rebuilt(known: LeafSet, leaves: readonly Uint8Array[], hashes: Uint8Array[]): PrunedTree {
  const rest = [...hashes];
  const tree = PrunedTree.build(
    known,
    (index) => leaves[index]!,
    () => rest.shift()!,
  );
  expect(rest).toEqual([]);
  return tree;
}

const size = fc.integer({ min: 1, max: 128 });
/** A tree and a set of its leaves, at least one. */
const chosen = size.chain((count) =>
  fc.tuple(fc.constant(count), fc.subarray([...Array(count).keys()], { minLength: 1 })),
);

describe("the root", () => {
  test("is that of RFC 6962's tree for every size", () => {
    for (let count = 1; count <= 128; count++) {
      const leaves = leavesOf(count);
      expect(Buffer.from(merkleRoot(leaves))).toEqual(naiveRoot(leaves));
      expect(Buffer.from(whole(leaves).root)).toEqual(naiveRoot(leaves));
    }
  });
});

describe("a pruned tree", () => {
  test("has the root of the whole one, and knows the chosen leaves and those that stand alone", () => {
    const property = fc.property(chosen, ([count, indexes]) => {
      const leaves = leavesOf(count);
      const known = leafSet(count, indexes);
      const tree = rebuilt(known, leaves, whole(leaves).prune(known));
      expect(Buffer.from(tree.root)).toEqual(naiveRoot(leaves));
      for (let index = 0; index < count; index++) {
        const leaf = tree.leaf(index);
        if (known.has(index)) expect(leaf).toEqual(leaves[index]);
        if (leaf !== undefined) expect(Buffer.from(leaf)).toEqual(Buffer.from(leaves[index]!));
      }
    });
    fc.assert(property, { numRuns: 120 });
  });

  test("can be pruned again to fewer leaves", () => {
    const property = fc.property(
      chosen,
      fc.infiniteStream(fc.boolean()),
      ([count, indexes], keep) => {
        const leaves = leavesOf(count);
        const known = leafSet(count, indexes);
        const tree = rebuilt(known, leaves, whole(leaves).prune(known));
        expect(Buffer.from(tree.root)).toEqual(naiveRoot(leaves));
        const fewer = leafSet(
          count,
          indexes.filter(() => keep.next().value!),
        );
        if (fewer.size === 0) return;
        expect(tree.prune(fewer).map(hex)).toEqual(whole(leaves).prune(fewer).map(hex));
      },
    );
    fc.assert(property, { numRuns: 200 });
  });

  test("never has the root when one of its hashes or leaves is wrong, or has changed places", () => {
    const property = fc.property(
      chosen,
      fc.nat(),
      fc.nat({ max: 255 }),
      ([count, indexes], at, bit) => {
        const leaves = leavesOf(count);
        const known = leafSet(count, indexes);
        const hashes = whole(leaves).prune(known);
        const pieces = [...indexes.map((index) => leaves[index]!), ...hashes].map((hash) =>
          hash.slice(),
        );
        const build = (): Buffer => {
          const wrong = [...leaves];
          for (const [order, index] of indexes.entries()) wrong[index] = pieces[order]!;
          return Buffer.from(rebuilt(known, wrong, pieces.slice(indexes.length)).root);
        };
        expect(build()).toEqual(naiveRoot(leaves));
        pieces[at % pieces.length]![bit >> 3]! ^= 1 << (bit & 7);
        expect(build()).not.toEqual(naiveRoot(leaves));
        pieces[at % pieces.length]![bit >> 3]! ^= 1 << (bit & 7);
        if (pieces.length < 2) return;
        const [a, b] = [at % pieces.length, (at + 1) % pieces.length];
        [pieces[a], pieces[b]] = [pieces[b]!, pieces[a]!];
        expect(build()).not.toEqual(naiveRoot(leaves));
      },
    );
    fc.assert(property, { numRuns: 200 });
  });
});

describe("a set of leaves", () => {
  test("holds what was added and not removed, and comes back from its bytes", () => {
    const property = fc.property(chosen, fc.nat(), ([count, indexes], drop) => {
      const set = leafSet(count, indexes);
      const dropped = indexes[drop % indexes.length]!;
      set.remove(dropped);
      const expected = indexes.filter((index) => index !== dropped);
      expect([...set]).toEqual(expected);
      expect(set.size).toBe(expected.length);
      expect([...LeafSet.decode(count, set.bits)]).toEqual(expected);
      expect(set.bits.length).toBe(Math.ceil(count / 8));
    });
    fc.assert(property, { numRuns: 200 });
  });

  test("does not share its bytes with what it was read from", () => {
    const bytes = Buffer.of(0b101);
    LeafSet.decode(3, bytes).add(1);
    expect([...bytes]).toEqual([0b101]);
  });

  test("is refused when it names leaves that are not there", () => {
    for (let count = 1; count <= 128; count++) {
      const bytes = new Uint8Array(Math.ceil(count / 8));
      if (count % 8 === 0) continue;
      bytes[bytes.length - 1] = 1 << (count % 8);
      expect(() => LeafSet.decode(count, bytes)).toThrow(CoterieError);
    }
  });
});

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
