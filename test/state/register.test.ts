import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../src/core/codec.ts";
import { keyFault } from "../../src/core/ids.ts";
import { classes } from "../../src/protocol/state/entry.ts";
import { getRegister, listRegisters, registerEntry } from "../../src/protocol/state/register.ts";
import type { State } from "../../src/protocol/state/state.ts";
import { decodeValue, encodeValue } from "../../src/protocol/state/value.ts";
import { memoryStore } from "../memory-store.ts";
import {
  makeBatch,
  openState,
  register,
  somePeer,
  stampOf,
  testWriter,
  wallMs,
} from "./fixture.ts";

const alice = testWriter("alice");

function open(): State {
  return openState(memoryStore());
}

const kind = fc.constantFrom("bytes" as const, "text" as const, "json" as const);

describe("a value", () => {
  test("comes back with its kind and bytes", () => {
    const property = fc.property(kind, fc.uint8Array({ maxLength: 50 }), (name, bytes) => {
      const value = decodeValue(encodeValue({ kind: name, bytes }));
      expect([value.kind, [...value.bytes]]).toEqual([name, [...bytes]]);
    });
    fc.assert(property, { numRuns: 100 });
  });

  test("of a kind of tomorrow, or of none, is bytes", () => {
    expect(decodeValue(Uint8Array.of(9, 1, 2))).toEqual({
      kind: "bytes",
      bytes: Uint8Array.of(9, 1, 2),
    });
    expect(decodeValue(new Uint8Array(0))).toEqual({ kind: "bytes", bytes: new Uint8Array(0) });
  });
});

describe("a register", () => {
  test("is the latest write, with its author and stamp; a deleted one is none", () => {
    const state = open();
    state.write([{ namespace: "n", entries: [register("k", "1")] }], wallMs);
    const record = getRegister(state, "n", "k", wallMs)!;
    expect(Buffer.from(record.value.bytes).toString()).toBe("1");
    expect(record.author).toBe(testWriter("here").identity.peer);
    const stamp = record.stamp + 1n;
    const theirs = makeBatch({
      writer: alice,
      namespace: "n",
      stamp,
      entries: [register("k", "2")],
    });
    state.ingest(theirs.bundle(), somePeer, wallMs);
    expect(getRegister(state, "n", "k", wallMs)).toMatchObject({
      stamp,
      author: alice.identity.peer,
    });
    state.write([{ namespace: "n", entries: [registerEntry("k", undefined)] }], wallMs);
    expect(getRegister(state, "n", "k", wallMs)).toBeUndefined();
    expect(getRegister(state, "other", "k", wallMs)).toBeUndefined();
    state.ingest(theirs.bundle(), somePeer, wallMs);
    expect(getRegister(state, "n", "k", wallMs)).toBeUndefined();
  });

  test("is another thing than an entry of another type or class under the same key", () => {
    const state = open();
    const entries = [
      { ...register("k", "1"), type: "tuple" },
      { ...register("k", "2"), class: classes.context },
    ];
    state.write([{ namespace: "n", entries }], wallMs);
    expect(state.summary("n").count).toBe(2);
    expect(getRegister(state, "n", "k", wallMs)).toBeUndefined();
    expect(listRegisters(state, "n", { prefix: "", limit: 10 }, wallMs).items).toEqual([]);
  });

  test("is hidden from the moment it expires, and goes on superseding what was before", () => {
    const state = open();
    const older = makeBatch({
      writer: alice,
      stamp: stampOf(wallMs - 1),
      entries: [register("k", "old")],
    });
    const expires = BigInt(wallMs + 1_000);
    const entries = [{ ...register("k", "1"), expires }];
    state.ingest(older.bundle(), somePeer, wallMs);
    state.write([{ namespace: "default", entries }], wallMs);
    const listed = (ms: number): number =>
      listRegisters(state, "default", { prefix: "", limit: 10 }, ms).items.length;
    expect([
      getRegister(state, "default", "k", wallMs + 999) !== undefined,
      listed(wallMs + 999),
    ]).toEqual([true, 1]);
    expect([getRegister(state, "default", "k", wallMs + 1_000), listed(wallMs + 1_000)]).toEqual([
      undefined,
      0,
    ]);
    state.ingest(older.bundle(), somePeer, wallMs);
    expect(state.summary("default").count).toBe(1);
  });
});

const key = fc
  .oneof(
    fc.string({
      unit: fc.constantFrom("a", "b", "\u0001", "é", "ÿ", "\u{1f600}", "\uffff"),
      minLength: 1,
      maxLength: 4,
    }),
    fc.string({ unit: "binary", minLength: 1, maxLength: 5 }),
  )
  .filter((text) => keyFault(text) === undefined);

describe("a listing", () => {
  test("gives the keys that live, in bytewise order, by prefix and after a key, page by page", () => {
    const state = open();
    let runs = 0;
    const property = fc.property(
      fc.uniqueArray(fc.tuple(key, fc.constantFrom("lives", "lives", "deleted", "expired")), {
        maxLength: 40,
        selector: ([text]) => text,
      }),
      fc.oneof(fc.constant(""), key),
      fc.option(key, { nil: undefined }),
      fc.integer({ min: 1, max: 7 }),
      (list, prefix, after, limit) => {
        const namespace = `n${runs++}`;
        const entries = list.map(([text, fate]) => {
          if (fate === "deleted") return register(text);
          const entry = register(text, text);
          return fate === "expired" ? { ...entry, expires: BigInt(wallMs + 1) } : entry;
        });
        if (entries.length > 0) state.write([{ namespace, entries }], wallMs);
        const wanted = list
          .filter(([, fate]) => fate === "lives")
          .map(([text]) => text)
          .filter((text) => text.startsWith(prefix))
          .filter(
            (text) =>
              after === undefined || Buffer.compare(encodeUtf8(text), encodeUtf8(after)) > 0,
          )
          .toSorted((a, b) => Buffer.compare(encodeUtf8(a), encodeUtf8(b)));
        const found: string[] = [];
        let from = after;
        for (let pages = 0; pages <= 40; pages++) {
          const page = listRegisters(
            state,
            namespace,
            { prefix, after: from, limit },
            wallMs + 61_000,
          );
          expect(page.items.length).toBeLessThanOrEqual(limit);
          for (const item of page.items) {
            found.push(item.key);
            expect(Buffer.from(item.value.bytes).toString()).toBe(item.key);
          }
          if (page.next === undefined) break;
          from = page.next;
        }
        expect(found).toEqual(wanted);
      },
    );
    fc.assert(property, { numRuns: 150 });
  });

  test("gets past thousands of deleted keys in pages that may be empty", () => {
    const state = open();
    const count = 5_200;
    for (let at = 0; at < count; at += 104) {
      const batches = [0, 1].map((half) => ({
        namespace: "n",
        entries: Array.from({ length: 52 }, (_, index) => {
          const number = at + half * 52 + index;
          return register(
            String(number).padStart(5, "0"),
            number === count - 1 ? "last" : undefined,
          );
        }),
      }));
      state.write(batches, wallMs);
    }
    const first = listRegisters(state, "n", { prefix: "", limit: 10 }, wallMs);
    expect(first.items).toEqual([]);
    expect(first.next).toBe("04999");
    const second = listRegisters(state, "n", { prefix: "", after: first.next, limit: 10 }, wallMs);
    expect(second.items.map((item) => item.key)).toEqual(["05199"]);
    expect(second.next).toBeUndefined();
  });
});
