import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeUtf8, toHex } from "../../src/core/codec.ts";
import { limits } from "../../src/core/limits.ts";
import { classes } from "../../src/protocol/state/entry.ts";
import type { Write } from "../../src/protocol/state/intent.ts";
import { liveKeys } from "../../src/protocol/state/live-keys.ts";
import {
  encodeCheckpoint,
  itemHash,
  itemsOf,
  logAppend,
  logDelete,
  logSubject,
  logType,
} from "../../src/protocol/state/log.ts";
import { logCompact } from "../../src/protocol/state/log-compaction.ts";
import { LogTail, parsePosition, positionText } from "../../src/protocol/state/log-tail.ts";
import { codedError } from "../coded-error.ts";
import { makeBatch, somePeer, stampOf, testWriter, wallMs } from "./fixture.ts";
import { meet, Node, ns, text, twoNodes } from "./writing-node.ts";

describe("a log", () => {
  test("has the items of all in the order of their stamps", () => {
    const [a, b] = twoNodes();
    a.write(logAppend("k", text("1")));
    meet(a, b);
    b.write(logAppend("k", text("2")));
    meet(a, b);
    a.writeBatch(logAppend("k", text("3")), logAppend("k", text("4")));
    meet(a, b);
    expect(a.log()).toEqual(["1", "2", "3", "4"]);
    expect(b.log()).toEqual(a.log());
    expect(b.log(2)).toEqual(["3", "4"]);
  });

  test("that is deleted begins again, without what was appended meanwhile", () => {
    const [a, b] = twoNodes();
    a.write(logAppend("k", text("old")));
    meet(a, b);
    a.write(logDelete("k"));
    b.write(logAppend("k", text("meanwhile")));
    a.write(logAppend("k", text("new")));
    meet(a, b);
    expect([a.log(), b.log()]).toEqual([["new"], ["new"]]);
    const before = a.bundles.length;
    a.write(logDelete("none"));
    expect(a.bundles).toHaveLength(before);
  });

  test("is the same after its writers have put their items into checkpoints, whoever has seen what", () => {
    const step = fc.record({
      node: fc.nat({ max: 1 }),
      what: fc.constantFrom("one", "some", "some", "large", "compact", "take"),
    });
    const property = fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const nodes = twoNodes();
      const all: string[] = [];
      let number = 0;
      const item = (size = 1): Write => {
        all.push(`${String(++number).padStart(4, "0")}${"x".repeat(size)}`);
        return logAppend("k", text(all.at(-1)!));
      };
      for (const { node, what } of steps) {
        const at = nodes[node]!;
        if (what === "one") at.write(item());
        if (what === "some") at.writeBatch(...Array.from({ length: 20 }, () => item(700)));
        if (what === "large") at.write(item(limits.logCheckpointBytesMax + 1));
        if (what === "compact") at.write(logCompact("k"));
        if (what === "take") at.take(nodes[1 - node]!);
      }
      meet(...nodes);
      for (const node of nodes) expect(node.log().toSorted()).toEqual(all.toSorted());
      expect(nodes[0].log()).toEqual(nodes[1].log());
    });
    fc.assert(property, { numRuns: 80 });
  });

  test("is compacted into checkpoints that fit a message, in few entries", () => {
    const [a, b] = twoNodes();
    for (let index = 0; index < 40; index++) {
      a.writeBatch(...Array.from({ length: 10 }, (_, n) => logAppend("k", text(`${index} ${n}`))));
    }
    const before = a.log();
    expect(a.live(logSubject(ns, "k"))).toHaveLength(400);
    a.write(logCompact("k"));
    const [entry, ...others] = a.live(logSubject(ns, "k"));
    expect(others).toEqual([]);
    expect(entry!.body!.length).toBeLessThanOrEqual(limits.logCheckpointBytesMax);
    expect(a.log()).toEqual(before);
    for (const bundle of a.bundles.toReversed()) b.state.ingest(bundle, somePeer, wallMs);
    expect(b.log()).toEqual(before);
    a.write(logAppend("k", text("one more")), logCompact("k"));
    expect(a.live(logSubject(ns, "k"))).toHaveLength(2);
    expect([
      ...liveKeys(a.state.store, { namespace: ns, class: 4, type: logType }, { prefix: "" }),
    ]).toEqual(["k"]);
  });

  test("keeps what a checkpoint holds when items from before and after it would fit another", () => {
    const [a] = twoNodes();
    const items = (count: number, size: number): void => {
      const body = text("x".repeat(size));
      for (let index = 0; index < count; index++) a.write(logAppend("k", body));
    };
    items(11, 4_000);
    items(1, 6_000); // does not fit beside them, and with what follows makes the longer run
    items(30, 100);
    a.write(logCompact("k"));
    expect(a.live(logSubject(ns, "k"))).toHaveLength(12);
    items(5, 100);
    a.write(logCompact("k"));
    expect(a.log()).toHaveLength(47);
    items(20, 100);
    a.write(logCompact("k"));
    expect([a.log().length, a.live(logSubject(ns, "k")).length]).toEqual([67, 13]);
  });

  test("is listed whether its items live, stand in a checkpoint, or both", () => {
    const [a] = twoNodes();
    for (const key of ["b", "d", "e"]) {
      a.writeBatch(...Array.from({ length: 20 }, () => logAppend(key, text("x"))));
      a.write(logCompact(key));
    }
    for (const key of ["a", "c", "d", "f"]) a.write(logAppend(key, text("x")));
    const space = { namespace: ns, class: classes.append, type: logType };
    const keysOf = (options: { prefix: string; after?: string }): string =>
      [...liveKeys(a.state.store, space, options)].join("");
    expect(keysOf({ prefix: "" })).toBe("abcdef");
    expect(keysOf({ prefix: "", after: "b" })).toBe("cdef");
    expect(keysOf({ prefix: "d" })).toBe("d");
  });

  test("counts an item once that lives and is listed too, and nothing of a checkpoint that is wrong", () => {
    const alice = testWriter("alice");
    const at = (counter: number): bigint => stampOf(wallMs - 1_000, counter);
    const item = { class: classes.append, type: logType, key: "k" };
    const list = (...items: readonly [bigint, number, string][]): Uint8Array =>
      Uint8Array.from(
        items.flatMap(([stamp, index, value]) => {
          const head = Buffer.alloc(10);
          head.writeBigUInt64BE(stamp);
          head.writeUInt16BE(index, 8);
          return [...head, value.length + 1, 1, ...encodeUtf8(value)];
        }),
      );
    const logOf = (...bodies: readonly (Uint8Array | undefined)[]): string[] => {
      const node = new Node("reader");
      const entries = bodies.map((body, index) => ({
        ...item,
        body,
        range: { from: at(2), to: at(4 + index) },
      }));
      const first = makeBatch({
        writer: alice,
        stamp: at(1),
        entries: [{ ...item, body: encodeUtf8("\u0001one") }],
      });
      node.state.ingest(first.bundle(), somePeer, wallMs);
      for (const [index, entry] of entries.entries()) {
        const batch = makeBatch({
          writer: alice,
          seq: BigInt(index + 2),
          prev: first.hash,
          stamp: at(20 + index),
          entries: [entry],
        });
        node.state.ingest(batch.bundle(), somePeer, wallMs);
      }
      return node.log();
    };
    const good = list([at(2), 0, "two"], [at(3), 0, "three"], [at(3), 1, "four"]);
    expect(logOf(good)).toEqual(["one", "two", "three", "four"]);
    expect(logOf(undefined)).toEqual(["one"]);
    for (const wrong of [
      list([at(1), 0, "before its range"]),
      list([at(5), 0, "after its range"]),
      list([at(3), 0, "b"], [at(2), 0, "a"]),
      list([at(3), 0, "twice"], [at(3), 0, "twice"]),
      list([at(3), 128, "no such index"]),
      good.subarray(0, -1),
      Uint8Array.of(1),
    ]) {
      expect(logOf(wrong)).toEqual(["one"]);
    }
    // two ranges of which none contains the other, and both list one item
    const node = new Node("reader");
    const checkpoints = [
      { ...item, range: { from: at(1), to: at(3) }, body: list([at(2), 0, "two"]) },
      {
        ...item,
        range: { from: at(2), to: at(4) },
        body: list([at(2), 0, "two"], [at(4), 0, "x"]),
      },
    ];
    const batch = makeBatch({ writer: alice, stamp: at(30), entries: checkpoints });
    node.state.ingest(batch.bundle(), somePeer, wallMs);
    expect(node.live(logSubject(ns, "k"))).toHaveLength(2);
    expect(node.log()).toEqual(["two", "x"]);
  });

  test("is read in pages from its end, in bounded memory", () => {
    const [a] = twoNodes();
    for (let index = 0; index < 30; index++) {
      a.writeBatch(
        ...Array.from({ length: 10 }, (_, n) => logAppend("k", text(`${index * 10 + n}`))),
      );
    }
    a.write(logCompact("k"));
    const pages: string[][] = [];
    let before: string | undefined;
    for (;;) {
      const place = before === undefined ? undefined : parsePosition(before);
      const tail = new LogTail({ limit: 70, bytesMax: 1e6, before: place });
      for (const row of a.state.live(logSubject(ns, "k"))) tail.add(row);
      const { items, isWhole } = tail.finish();
      pages.unshift(items.map(({ body }) => Buffer.from(body.subarray(1)).toString()));
      if (isWhole) break;
      before = positionText(items[0]!);
    }
    expect(pages.map((page) => page.length)).toEqual([20, 70, 70, 70, 70]);
    expect(pages.flat()).toEqual(Array.from({ length: 300 }, (_, index) => String(index)));
    const few = new LogTail({ limit: 70, bytesMax: 9 });
    for (const row of a.state.live(logSubject(ns, "k"))) few.add(row);
    expect(few.finish().items).toHaveLength(2);
  });

  test("has hashes and checkpoints of these bytes", () => {
    const writer = Uint8Array.from({ length: 40 }, (_, index) => index);
    const item = { writer, stamp: 0x0102030405060708n, index: 3, body: encodeUtf8("\u0001hi") };
    // SHA-256 of 10 "coterie/log-item", 00 to 27, 0102030405060708 0003 016869
    expect(toHex(itemHash(item))).toBe(
      "c4402ceab0411a042287fef16592a76a3651a0b685074905fb59d7dd874822c6",
    );
    const items = [item, { ...item, index: 4, body: new Uint8Array(0) }];
    expect(toHex(encodeCheckpoint(items))).toBe(
      "01020304050607080003030168690102030405060708000400",
    );
  });

  test("a position is its item's stamp, writer and index, and nothing else is one", async () => {
    const [a] = twoNodes();
    a.write(logAppend("k", text("1")));
    const [row] = [...a.state.live(logSubject(ns, "k"))];
    const [item] = itemsOf(row!);
    expect(parsePosition(positionText(item!))).toEqual({
      stamp: item!.stamp,
      writer: item!.writer,
      index: 0,
    });
    for (const wrong of ["", "0", positionText(item!).toUpperCase(), `${positionText(item!)}0`]) {
      await codedError(() => parsePosition(wrong), "BAD_CURSOR");
    }
  });
});
