import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import type { DocPiece } from "../../src/protocol/state/doc.ts";
import type { DocId, DocStruct } from "../../src/protocol/state/doc-update.ts";
import { DocView } from "../../src/protocol/state/doc-view.ts";
import { DocNode, inOrder, letter, updateOf, viewOf } from "./doc-fixture.ts";

const act = fc.record({
  who: fc.nat(2),
  what: fc.constantFrom("edit", "edit", "take"),
  whom: fc.nat(2),
  at: fc.nat(20),
  remove: fc.nat(4),
  insert: fc.string({ maxLength: 4 }),
});

/** Three honest writers who edit and hear of one another in any way; all their updates. */
function honest(
  acts: readonly (typeof act extends fc.Arbitrary<infer Act> ? Act : never)[],
): DocPiece[] {
  const nodes = ["a", "b", "c"].map((name) => new DocNode(name));
  for (const { who, what, whom, at, remove, insert } of acts) {
    if (what === "edit") nodes[who]!.edit(at, remove, insert);
    else nodes[who]!.takeFrom(nodes[whom]!);
  }
  return [...new Set(nodes.flatMap(({ seen }) => seen))];
}

test("with all updates in their order nothing of honest writers is left out", () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 30 }), (acts) => {
      const outcomes = new DocView().apply(inOrder(honest(acts)));
      expect(outcomes.every((outcome) => outcome === "applied")).toBe(true);
    }),
    { numRuns: 200 },
  );
});

const anyId = (clients: readonly number[]): fc.Arbitrary<DocId | undefined> =>
  fc.option(fc.record({ client: fc.constantFrom(...clients), clock: fc.nat(4) }), {
    nil: undefined,
  });

/** Letters at any clock between any neighbours, clocks used twice among them, by writers that forge all they can. */
function hostilePieces(): fc.Arbitrary<DocPiece[]> {
  const nodes = ["x", "y", "z"].map((name) => new DocNode(name));
  const clients = nodes.map(({ client }) => client);
  const struct = fc.record({
    who: fc.nat(2),
    stamp: fc.bigInt(1n, 6n),
    clock: fc.nat(4),
    text: fc.string({ minLength: 1, maxLength: 2 }).filter((text) => text.isWellFormed()),
    origin: anyId(clients),
    rightOrigin: anyId(clients),
  });
  return fc.array(struct, { maxLength: 14 }).map((structs) =>
    structs.map(({ who, stamp, clock, text, origin, rightOrigin }, index) => {
      const { writer, client } = nodes[who]!;
      const past = (id: DocId | undefined): DocId | undefined =>
        id?.client === client && id.clock >= clock ? undefined : id;
      const made: DocStruct = letter(text, clock, past(origin), past(rightOrigin));
      const hash = Uint8Array.of(index);
      return { stamp, writer, index, hash, update: updateOf(client, made) };
    }),
  );
}

describe("hostile updates", () => {
  test("give one text in whatever order they came", () => {
    fc.assert(
      fc.property(hostilePieces(), fc.infiniteStream(fc.nat()), (pieces, draws) => {
        const shuffled = [...pieces];
        for (let index = shuffled.length - 1; index > 0; index--) {
          const other = draws.next().value % (index + 1);
          [shuffled[index], shuffled[other]] = [shuffled[other]!, shuffled[index]!];
        }
        expect(viewOf(shuffled).toString()).toBe(viewOf(pieces).toString());
      }),
      { numRuns: 300 },
    );
  });

  test("give one text whether they were applied at once, or as each came last", () => {
    fc.assert(
      fc.property(hostilePieces(), (pieces) => {
        const slowly = new DocView();
        for (const each of inOrder(pieces)) slowly.apply([each]);
        expect(slowly.toString()).toBe(viewOf(pieces).toString());
      }),
      { numRuns: 500 },
    );
  });

  test("leave no debt: what cannot be applied at its turn is not tried again", () => {
    const [x, y] = [new DocNode("x"), new DocNode("y")];
    const waits = updateOf(x.client, letter("!", 0, { client: y.client, clock: 0 }, undefined));
    const base = updateOf(y.client, letter("a", 0, undefined, undefined));
    const view = new DocView();
    const outcomes = view.apply([
      { client: x.client, update: waits },
      { client: y.client, update: base },
    ]);
    expect(outcomes).toEqual(["partly", "applied"]);
    expect(view.toString()).toBe("a");
  });
});

test("of two updates with one clock the first in the order counts, whole", () => {
  const { client, writer } = new DocNode("forked");
  const piece = (stamp: bigint, text: string): DocPiece => {
    const update = updateOf(client, letter(text, 0, undefined, undefined));
    return { stamp, writer, index: 0, hash: Uint8Array.of(0), update };
  };
  expect(viewOf([piece(2n, "late"), piece(1n, "soon")]).toString()).toBe("soon");
});

describe("an edit", () => {
  const client = 9;
  const view = (text: string): DocView => {
    const made = new DocView();
    made.edit(client, [{ at: 0, remove: 0, insert: text }]);
    return made;
  };

  test.each([
    [{ at: 4, remove: 0, insert: "x" }],
    [{ at: 2, remove: 2, insert: "" }],
    [{ at: 0, remove: 0, insert: "\ud83d" }],
  ])("%j of three letters is refused, and those with it", (bad) => {
    const made = view("abc");
    expect(() => made.edit(client, [{ at: 0, remove: 1, insert: "" }, bad])).toThrow(
      expect.objectContaining({ code: "BAD_REQUEST" }),
    );
    expect(made.toString()).toBe("abc");
  });

  test("that would cut a character of two units is refused", () => {
    const made = view("a\u{1f600}b");
    for (const bad of [
      { at: 2, remove: 0, insert: "x" },
      { at: 0, remove: 2, insert: "" },
    ]) {
      expect(() => made.edit(client, [bad])).toThrow(
        expect.objectContaining({ code: "BAD_REQUEST" }),
      );
    }
    made.edit(client, [{ at: 1, remove: 2, insert: "\u{1f680}" }]);
    expect(made.toString()).toBe("a\u{1f680}b");
  });

  test("of a text beyond the limit is refused before it is made", () => {
    const made = view("abc");
    const insert = "x".repeat(limits.docUnitsMax - 2);
    expect(() => made.edit(client, [{ at: 0, remove: 0, insert }])).toThrow(
      expect.objectContaining({ code: "TOO_LARGE" }),
    );
    expect(made.toString()).toBe("abc");
  });

  test("of much text comes in updates that each fit an entry, no character cut between them", () => {
    const made = new DocView();
    const insert = `a${"\u{1f600}".repeat(100_000)}`;
    const updates = made.edit(client, [{ at: 0, remove: 0, insert }]);
    updates.push(...made.edit(client, [{ at: 1, remove: 150_000, insert: "x" }]));
    expect(updates.length).toBeGreaterThan(10);
    expect(Math.max(...updates.map(({ length }) => length))).toBeLessThan(limits.valueBytesMax / 2);
    const again = new DocView();
    again.apply(updates.map((update) => ({ client, update })));
    expect(again.toString()).toBe(`ax${insert.slice(150_001)}`);
  });

  test("is refused when this client's own text could not be applied, or its clock would be used twice", () => {
    const made = new DocView();
    const update = updateOf(client, letter("a", 0, { client: 4, clock: 0 }, undefined));
    expect(made.apply([{ client, update }])).toEqual(["partly"]);
    expect(() => made.edit(client, [{ at: 0, remove: 0, insert: "b" }])).toThrow(
      expect.objectContaining({ code: "REFUSED" }),
    );
  });
});

describe("an update made elsewhere", () => {
  test("is taken when it goes on where this client's text ends", () => {
    const here = new DocView();
    const there = new DocView();
    const [first] = there.edit(5, [{ at: 0, remove: 0, insert: "one" }]);
    const [second] = there.edit(5, [{ at: 3, remove: 0, insert: " two" }]);
    expect(() => here.adopt(5, second!)).toThrow(expect.objectContaining({ code: "CONFLICT" }));
    here.adopt(5, first!);
    here.adopt(5, second!);
    expect(here.toString()).toBe("one two");
    expect(() => here.adopt(5, second!)).toThrow(expect.objectContaining({ code: "CONFLICT" }));
  });

  test("that hangs on text or deletes text that is not here is not taken", () => {
    const there = new DocView();
    const here = new DocView();
    there.edit(6, [{ at: 0, remove: 0, insert: "theirs" }]);
    const [beside] = there.edit(5, [{ at: 3, remove: 0, insert: "x" }]);
    const [without] = there.edit(5, [{ at: 0, remove: 1, insert: "" }]);
    for (const update of [beside!, without!]) {
      expect(() => here.adopt(5, update)).toThrow(expect.objectContaining({ code: "CONFLICT" }));
    }
    expect(here.toString()).toBe("");
  });
});
