/** A store that the program wrote when its schema was 1, kept as a file: it opens, with all that lived in it. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, onTestFinished, test } from "vitest";
import { toHex } from "../../src/core/codec.ts";
import type { Store } from "../../src/core/ports.ts";
import { openLmdbStore } from "../../src/host/lmdb-store.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { failingStore } from "./failing-store.ts";
import { dump, makeBatch, openState, register, somePeer, stampOf, testWriter } from "./fixture.ts";
import { checkTables } from "./tables.ts";

type Expected = {
  readonly storeId: string;
  readonly writer: string;
  readonly forks: number;
  readonly namespaces: Readonly<Record<string, { readonly entries: number; readonly sum: string }>>;
  readonly live: readonly { readonly hash: string; readonly encoded: string }[];
};

const fixtures = join(import.meta.dirname, "../fixtures");
const read = (name: string): Buffer => gunzipSync(readFileSync(join(fixtures, name)));
const expected = JSON.parse(read("store-v1.json.gz").toString()) as Expected;

function oldStore(): Store {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "data.mdb"), read("store-v1.mdb.gz"));
  const store = openLmdbStore(folder);
  onTestFinished(() => store.close());
  return store;
}

const open = (store: Store): ReturnType<typeof openState> =>
  openState(store, { origin: "the fixture" });

describe("a store of schema 1", () => {
  test("opens with its entries, digests, writer and forks, every table in order", () => {
    const store = oldStore();
    const state = open(store);
    expect(state.migratedFrom).toBe(1);
    const live = checkTables(store, [expected.writer]);
    const bytes = live.map(({ hash, encoded }) => ({ hash, encoded: encoded.toString("hex") }));
    const wanted = expected.live.map(({ hash, encoded }) => ({ hash, encoded }));
    expect(bytes.toSorted((a, b) => (a.hash < b.hash ? -1 : 1))).toEqual(wanted);
    expect(state.namespaces()).toEqual(Object.keys(expected.namespaces).toSorted());
    for (const [name, { entries, sum }] of Object.entries(expected.namespaces)) {
      expect(state.summary(name).count).toBe(entries);
      expect(toHex(state.summary(name).bytes())).toBe(sum);
    }
    expect(toHex(state.writer)).toBe(expected.writer);
    expect(state.forks).toBe(expected.forks);
    const old = dump(store).filter((row) => /^0[1-79]/.test(row));
    expect(old).toEqual([]);
  });

  test("goes on: the same writer, no position used twice, forks still seen, cursors of before void", () => {
    const store = oldStore();
    open(store);
    const again = open(store);
    expect(again.migratedFrom).toBeUndefined();
    expect(toHex(again.storeId)).not.toBe(expected.storeId);
    const told = again.changesAfter(0n, 1_000);
    expect(told).toHaveLength(expected.live.length);
    const now = 1_800_000_100_000;
    const [written] = again.write([{ namespace: "default", entries: [register("after")] }], now);
    expect(again.changesAfter(told.at(-1)!.seq, 10)).toHaveLength(1);
    const other = open(oldStore());
    expect(other.ingest(written!.bundle, somePeer, now)).toMatchObject({ applied: 1 });
    const { forks } = again;
    const third = makeBatch({
      writer: testWriter("eve"),
      entries: [register("third")],
      stamp: stampOf(now - 1),
    });
    again.ingest(third.bundle(), somePeer, now);
    expect(again.forks).toBe(forks + 1);
    checkTables(store, [expected.writer]);
  });

  test("stays as it was when the disk refuses some of it, and opens the next time", () => {
    const inner = oldStore();
    const store = failingStore(inner);
    const before = dump(inner);
    for (const writes of [1, 50, 400, 900]) {
      store.failAfter(writes);
      expect(() => open(store)).toThrow(expect.objectContaining({ code: "STORE_FULL" }));
      expect(dump(inner)).toEqual(before);
    }
    store.failAfter(undefined);
    open(store);
    expect(checkTables(inner, [expected.writer])).toHaveLength(expected.live.length);
  });
});
