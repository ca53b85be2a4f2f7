import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as Y from "yjs";
import { encodeUtf8, Writer } from "../../src/core/codec.ts";
import { docClient } from "../../src/protocol/state/doc.ts";
import { joinDocUpdates } from "../../src/protocol/state/doc-join.ts";
import { decodeDocUpdate, encodeDocUpdate } from "../../src/protocol/state/doc-update.ts";
import { DocView } from "../../src/protocol/state/doc-view.ts";
import { key, letter, updateOf, writerNamed } from "./doc-fixture.ts";

const client = 2 ** 52 + 77;
const badFormat = expect.objectContaining({ code: "BAD_FORMAT" });

/** What Yjs itself makes of some typing, an update each. */
function typed(work: (text: Y.Text) => void, by = client): Uint8Array {
  const doc = new Y.Doc();
  doc.clientID = by;
  const text = doc.getText("text");
  text.insert(0, "abcdef");
  let update: Uint8Array | undefined;
  doc.once("update", (made: Uint8Array) => (update = made));
  doc.transact(() => work(text));
  return update!;
}

test("the client id of a writer is the first 53 bits of a hash of it and the key", () => {
  const writer = Uint8Array.from({ length: 40 }, (_, index) => index);
  expect(docClient(writer, "notes")).toBe(431_156_623_984_461);
  expect(docClient(writer, "other")).not.toBe(docClient(writer, "notes"));
});

test("what Yjs writes of a text is read and written back byte for byte", () => {
  const updates = [
    typed((text) => text.insert(3, "x\u{1f600}é")),
    typed((text) => text.delete(1, 3)),
    typed((text) => {
      text.insert(6, "gone");
      text.delete(7, 2);
      text.delete(0, 1);
      text.insert(0, "first");
    }),
  ];
  for (const update of updates) {
    expect(encodeDocUpdate(decodeDocUpdate(update, client), client)).toEqual(update);
  }
});

describe("refused is", () => {
  const other = typed((text) => text.insert(3, "x"), 5);
  const rich = (work: (doc: Y.Doc) => void): Uint8Array => {
    const doc = new Y.Doc();
    doc.clientID = client;
    work(doc);
    return Y.encodeStateAsUpdate(doc);
  };
  const two = Y.mergeUpdates([other, typed((text) => text.insert(3, "x"))]);
  const own = typed((text) => text.insert(3, "x"));
  test.each<[string, Uint8Array]>([
    ["text under the client id of another writer", other],
    ["text of two clients, one of them the writer's", two],
    ["an update of nothing", Uint8Array.of(0, 0)],
    ["no update at all", encodeUtf8("hello")],
    ["a cut one", own.subarray(0, -2)],
    ["one with bytes after it", Uint8Array.of(...own, 0)],
    ["a map", rich((doc) => doc.getMap("text").set("a", 1))],
    ["a format", rich((doc) => doc.getText("text").insert(0, "b", { bold: true }))],
    ["an embedded document", rich((doc) => doc.getArray("text").insert(0, [new Y.Doc()]))],
    ["a nested type", rich((doc) => doc.getArray("text").insert(0, [new Y.Text("a")]))],
    ["text under another root", rich((doc) => doc.getText("other").insert(0, "a"))],
    [
      "a struct beside its own future",
      updateOf(client, letter("a", 0, { client, clock: 3 }, undefined)),
    ],
    ["an empty struct", updateOf(client, letter("", 0, undefined, undefined))],
    [
      "a claim of many structs",
      new Writer()
        .varint(1)
        .varint(2 ** 50)
        .varint(client)
        .varint(0)
        .finish(),
    ],
    [
      "a claim of many deletions",
      new Writer()
        .varint(0)
        .varint(1)
        .varint(9)
        .varint(2 ** 50)
        .finish(),
    ],
    ["deletions out of order", Uint8Array.of(0, 1, 9, 2, 5, 1, 3, 1)],
    ["deletions of one client twice", Uint8Array.of(0, 2, 9, 1, 5, 1, 9, 1, 7, 1)],
  ])("%s", (_what, update) => {
    expect(() => decodeDocUpdate(update, client)).toThrow(badFormat);
    const view = new DocView();
    view.edit(3, [{ at: 0, remove: 0, insert: "as it was" }]);
    expect(view.apply([{ client, update }])).toEqual(["refused"]);
    expect(view.toString()).toBe("as it was");
  });
});

test("random bytes are refused or read, and never more", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), (bytes, led) => {
      const view = new DocView();
      const head = led ? [1, 2, ...new Writer().varint(client).finish(), 0] : [];
      view.apply([{ client, update: Uint8Array.of(...head, ...bytes) }]);
    }),
    { numRuns: 500 },
  );
});

describe("joined", () => {
  test("letters typed one after the other are one struct", () => {
    const view = new DocView();
    const updates = "the quick brown fox"
      .split("")
      .flatMap((insert, at) => view.edit(client, [{ at, remove: 0, insert }]));
    const joined = joinDocUpdates(updates, client);
    expect(decodeDocUpdate(joined, client).structs).toHaveLength(1);
    expect(joined.length).toBeLessThan(60);
  });

  test("letters with somebody else's between them when they were typed stay apart", () => {
    const view = new DocView();
    const [a] = view.edit(client, [{ at: 0, remove: 0, insert: "a" }]);
    view.edit(3, [{ at: 1, remove: 0, insert: "x" }]);
    const [b] = view.edit(client, [{ at: 1, remove: 0, insert: "b" }]);
    expect(view.toString()).toBe("abx");
    expect(decodeDocUpdate(joinDocUpdates([a!, b!], client), client).structs).toHaveLength(2);
  });

  test("updates do what they did apart, however they were grouped", () => {
    const splice = fc.record({
      at: fc.nat(60),
      remove: fc.nat(6),
      insert: fc.string({ unit: "grapheme", maxLength: 8 }),
    });
    fc.assert(
      fc.property(fc.array(splice, { maxLength: 40 }), fc.nat(40), (splices, cut) => {
        const view = new DocView();
        const updates = splices.flatMap(({ at, remove, insert }) => {
          const text = view.toString();
          const from = whole(text, Math.min(at, text.length));
          const to = whole(text, Math.min(from + remove, text.length));
          return view.edit(client, [{ at: from, remove: Math.max(0, to - from), insert }]);
        });
        const groups = [updates.slice(0, cut), updates.slice(cut)].filter(
          ({ length }) => length > 0,
        );
        const joined = groups.map((group) => joinDocUpdates(group, client));
        const again = new DocView();
        again.apply(joined.map((update) => ({ client, update })));
        expect(again.toString()).toBe(view.toString());
      }),
      { numRuns: 300 },
    );
  });

  test("a gap between updates is refused", () => {
    const a = updateOf(client, letter("a", 0, undefined, undefined));
    const c = updateOf(client, letter("c", 2, { client, clock: 0 }, undefined));
    expect(() => joinDocUpdates([a, c], client)).toThrow(badFormat);
  });
});

test("two writers never share a client id by chance", () => {
  const ids = Array.from({ length: 1_000 }, (_, index) => docClient(writerNamed(`${index}`), key));
  expect(new Set(ids).size).toBe(1_000);
  expect(ids.every(Number.isSafeInteger)).toBe(true);
});

function whole(text: string, at: number): number {
  const before = text.charCodeAt(at - 1);
  return before >= 0xd800 && before <= 0xdbff ? at - 1 : at;
}
