import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import { sha256 } from "../../src/core/identity.ts";
import { equalBytes, toHex } from "../../src/core/codec.ts";
import {
  docCheckpoint,
  docFault,
  docSubject,
  encodeCheckpoint,
  piecesOf,
  type DocPiece,
} from "../../src/protocol/state/doc.ts";
import { planCheckpoints, type OwnRow } from "../../src/protocol/state/doc-compaction.ts";
import { joinDocUpdates } from "../../src/protocol/state/doc-join.ts";
import { comparePieces } from "../../src/protocol/state/doc.ts";
import { classes, encodeEntry, entryFault, type Entry } from "../../src/protocol/state/entry.ts";
import type { WriteAt } from "../../src/protocol/state/intent.ts";
import { supersedes } from "../../src/protocol/state/supersede.ts";
import { DocNode, key, letter, updateOf, viewOf } from "./doc-fixture.ts";

/** Live entries of one writer, as rows. */
type Row = OwnRow & {
  readonly entry: Entry;
  readonly writer: Uint8Array;
  readonly hash: Uint8Array;
};

function rowOf(entry: Entry, writer: Uint8Array, stamp: bigint): Row {
  const encoded = encodeEntry(entry);
  const hash = sha256(encoded);
  const place = {
    subject: docSubject("default", key),
    writer,
    stamp,
    index: 0,
    hash,
    range: entry.range,
  };
  return { entry, writer, hash, stamp, range: entry.range, pieces: piecesOf({ place, encoded }) };
}

function itemOf({ writer, stamp, update }: DocPiece): Row {
  return rowOf({ class: classes.append, type: "doc", key, body: update }, writer, stamp);
}

/** Writes the checkpoints that are due, and drops what they supersede; all rows of all writers. */
function compacted(rows: readonly Row[], node: DocNode): Row[] {
  const pieces = rows.flatMap((row) => row.pieces).toSorted(comparePieces);
  const own = rows.filter(({ writer }) => equalBytes(writer, node.writer));
  const stamp = rows.reduce((most, row) => (row.stamp > most ? row.stamp : most), 0n) + 1n;
  const made = planCheckpoints(own, pieces, node.writer).map(({ range, runs }) => {
    const joined = runs.map((run) => {
      const updates = run.map(({ update }) => update);
      return { ...run[0]!, update: joinDocUpdates(updates, node.client) };
    });
    const basis = { epoch: 0n, writer: node.writer };
    const at: WriteAt = { writer: node.writer, stamp };
    const entry = docCheckpoint(key, basis, range, joined).make([], at);
    expect(entryFault(entry!, stamp)).toBeUndefined();
    return rowOf(entry!, node.writer, stamp);
  });
  return [...rows, ...made].filter((y) => !made.some((x) => x !== y && supersedes(x, y)));
}

const text = (rows: readonly Row[]): string => viewOf(rows.flatMap((row) => row.pieces)).toString();

describe("checkpoints", () => {
  const steps = fc.array(
    fc.record({
      who: fc.nat(1),
      take: fc.boolean(),
      at: fc.nat(400),
      insert: fc.constantFrom("a", "bc", ""),
    }),
    { minLength: 330, maxLength: 400 },
  );

  test("of two who type at once hold the same text as their items, in fewer entries", () => {
    fc.assert(
      fc.property(steps, fc.nat(300), (edits, early) => {
        const nodes = [new DocNode("a"), new DocNode("b")] as const;
        let rows: Row[] = [];
        const shown = new Set<DocPiece>();
        for (const [index, { who, take, at, insert }] of edits.entries()) {
          const node = nodes[who]!;
          if (take) node.takeFrom(nodes[1 - who]!);
          // mostly typing on where it was, as people do
          node.edit(index % 7 === 0 ? at : index, insert === "" ? 1 : 0, insert);
          for (const piece of node.seen) {
            if (!shown.has(piece)) rows.push(itemOf(piece));
            shown.add(piece);
          }
          if (index === early) rows = compacted(rows, node);
        }
        const before = text(rows);
        const count = rows.length;
        for (const node of nodes) rows = compacted(rows, node);
        expect(text(rows)).toBe(before);
        const items = nodes.map(({ writer }) => {
          return rows.filter((row) => row.range === undefined && equalBytes(row.writer, writer))
            .length;
        });
        expect(Math.max(...items)).toBeLessThan(limits.docItemsKept);
        if (count > 2 * limits.docItemsKept) expect(rows.length).toBeLessThan(count);
      }),
      { numRuns: 4, endOnFailure: true },
    );
  });

  test("keep what was written after others' text behind that text", () => {
    const [a, b] = [new DocNode("a"), new DocNode("b")];
    for (let edit = 0; edit < limits.docItemsKept; edit++) a.edit(edit, 0, "x");
    b.takeFrom(a);
    b.edit(3, 0, "theirs");
    a.takeFrom(b);
    a.edit(6, 0, "-mine-");
    const rows = compacted(a.seen.map(itemOf), a);
    const checkpoint = rows.find(({ range }) => range !== undefined);
    expect(checkpoint?.pieces).toHaveLength(2);
    expect(text(rows)).toBe(a.text);
    expect(text(rows)).toContain("the-mine-irs");
  });

  test("take earlier ones in, so that their number grows with the logarithm of the edits", () => {
    const node = new DocNode("a");
    let rows: Row[] = [];
    for (let edit = 0; edit < 1_500; edit++) {
      node.edit(edit, 0, "x");
      const piece = node.seen.at(-1)!;
      // its view is made anew for each edit, which a long history would make slow
      node.seen.splice(0, node.seen.length, {
        ...piece,
        update: joinDocUpdates(
          node.seen.map(({ update }) => update),
          node.client,
        ),
      });
      rows = compacted([...rows, itemOf(piece)], node);
    }
    expect(rows.length).toBeLessThan(limits.docItemsKept + 12);
    expect(text(rows)).toBe("x".repeat(1_500));
  });

  test("are not written for a few items", () => {
    const node = new DocNode("a");
    for (let edit = 0; edit < 20; edit++) node.edit(edit, 0, "x");
    const rows = node.seen.map(itemOf);
    expect(compacted(rows, node)).toHaveLength(rows.length);
  });
});

test("the body of a checkpoint is byte for byte as documented", () => {
  const piece = { stamp: 0x0102n, index: 3, update: Uint8Array.of(0xaa, 0xbb) };
  expect(toHex(encodeCheckpoint([piece]))).toBe("0000000000000102000302aabb");
});

describe("a live entry contributes nothing, and explain says why, if it is", () => {
  const { writer, client } = new DocNode("a");
  const own = updateOf(client, letter("a", 0, undefined, undefined));
  const alien = updateOf(client + 1, letter("a", 0, undefined, undefined));
  const at = (stamp: bigint, update: Uint8Array) => ({ stamp, index: 0, update });
  const fault = (range: { from: bigint; to: bigint } | undefined, body: Uint8Array) => {
    const entry: Entry = { class: classes.append, type: "doc", key, body, range };
    const place = {
      subject: docSubject("default", key),
      writer,
      stamp: 100n,
      index: 0,
      hash: sha256(body),
      range,
    };
    return docFault({ place, encoded: encodeEntry(entry) });
  };
  const checkpoint = (...pieces: { stamp: bigint; index: number; update: Uint8Array }[]) => {
    const made = docCheckpoint(key, { epoch: 0n, writer }, { from: 1n, to: 9n }, pieces);
    return made.make([], { writer, stamp: 100n })!.body!;
  };
  const range = { from: 1n, to: 9n };

  test.each<[string, string | undefined]>([
    ["its writer's own text: then it counts", fault(undefined, own)],
    ["a checkpoint of it: then it counts", fault(range, checkpoint(at(1n, own), at(9n, own)))],
  ])("%s", (_what, found) => expect(found).toBeUndefined());

  test.each<[string, string | undefined, string]>([
    ["text under a stolen client id", fault(undefined, alien), "another writer"],
    [
      "a checkpoint with such text in it",
      fault(range, checkpoint(at(1n, own), at(2n, alien))),
      "another writer",
    ],
    ["a checkpoint of stamps beyond its range", fault(range, checkpoint(at(10n, own))), "outside"],
    [
      "a checkpoint out of order",
      fault(range, checkpoint(at(3n, own), at(2n, own))),
      "out of order",
    ],
    [
      "a checkpoint that is cut off",
      fault(range, checkpoint(at(3n, own)).subarray(0, -1)),
      "truncated",
    ],
  ])("%s", (_what, found, why) => expect(found).toContain(why));
});
