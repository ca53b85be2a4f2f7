/** What reconciliation is given of a state: positions, entries in bundles, and streams that can be broken off. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toHex } from "../../src/core/codec.ts";
import { CoterieError } from "../../src/core/errors.ts";
import { limits } from "../../src/core/limits.ts";
import type { Bound, ReconItem, Replica, Store } from "../../src/core/ports.ts";
import { acceptBundle } from "../../src/protocol/state/bundle.ts";
import { classes, type Entry } from "../../src/protocol/state/entry.ts";
import { StateReplica } from "../../src/protocol/state/replica.ts";
import { endBound, orderOf, startBound } from "../../src/protocol/state/rows.ts";
import type { State } from "../../src/protocol/state/state.ts";
import { memoryStore } from "../memory-store.ts";
import { failingStore } from "./failing-store.ts";
import {
  dump,
  makeBatch,
  network,
  openState,
  register,
  somePeer,
  stampOf,
  testWriter,
  wallMs,
} from "./fixture.ts";
import { checkTables } from "./tables.ts";

type Node = { readonly store: Store; readonly state: State; readonly replica: Replica };

function open(): Node {
  const store = memoryStore();
  const state = openState(store);
  const replica = new StateReplica(state, (error) => {
    throw error;
  });
  return { store, state, replica };
}

const all = { namespace: "default", count: Number.MAX_SAFE_INTEGER };

function itemsOf({ replica }: Node): ReconItem[] {
  return replica.items(all.namespace, startBound, endBound, all.count);
}

function names(items: Iterable<{ id: Uint8Array }>): string[] {
  return [...items].map(({ id }) => toHex(id));
}

/** Hashes of the entries of bundles, each accepted. */
function hashesOf(bundles: readonly Uint8Array[]): string[] {
  return bundles.flatMap((bundle) => {
    const { entries, refusals } = acceptBundle(bundle, network);
    expect(refusals).toEqual([]);
    return entries.map(({ hash }) => toHex(hash));
  });
}

/** A few writers with batches of many sizes, of which much has been superseded again. */
function filled(): Node {
  const node = open();
  for (const [name, sizes] of Object.entries({ alice: [1, 5, 128, 40], bob: [128, 17, 64] })) {
    for (const [index, size] of sizes.entries()) {
      const entries = Array.from({ length: size }, (_, number) =>
        register(`${name} ${number * (index + 1)}`, `of batch ${index}`),
      );
      const batch = makeBatch({
        writer: testWriter(name),
        seq: BigInt(index + 1),
        prev: index === 0 ? new Uint8Array(32) : new Uint8Array(32).fill(index),
        stamp: stampOf(wallMs, index * 7 + name.length),
        entries,
      });
      // in parts, so that headers, leaves and live entries come together bit by bit
      const middle = Math.ceil(size / 2);
      const order = [...batch.entries.keys()];
      for (const part of [order.slice(middle), order.slice(0, middle)]) {
        if (part.length > 0) node.state.ingest(batch.bundle(part), somePeer, wallMs);
      }
    }
  }
  return node;
}

describe("items", () => {
  test("are the live entries, newest first, and each is here", () => {
    const node = filled();
    const items = itemsOf(node);
    expect(items.length).toBe(node.state.summary("default").count);
    const stamps = items.map(({ ts }) => ts);
    expect(stamps).toEqual(stamps.toSorted((a, b) => (a < b ? -1 : 1)));
    for (const [index, item] of items.entries()) {
      expect(node.replica.has("default", item)).toBe(true);
      if (index % 13 === 0) expect(node.replica.nth("default", startBound, index)).toEqual(item);
      if (index % 29 === 0) {
        expect(node.replica.nth("default", item, 3)).toEqual(items[index + 3]);
        expect(names(node.replica.items("default", item, endBound, 2))).toEqual(
          names(items.slice(index, index + 2)),
        );
      }
    }
    const [first] = items;
    expect(node.replica.has("default", { ts: first!.ts + 1n, id: first!.id })).toBe(false);
    expect(node.replica.has("other", first!)).toBe(false);
    expect(node.replica.items("default", endBound, startBound, 10)).toEqual([]);
    expect(node.replica.items("nowhere", startBound, endBound, 10)).toEqual([]);
  });
});

describe("bundles", () => {
  test("hold any items asked for, wherever the rest of their batches went, and nothing else", () => {
    const node = filled();
    const items = itemsOf(node);
    const property = fc.property(fc.subarray(items), (wanted) => {
      const { bundles, sent } = node.replica.bundles("default", wanted, Number.MAX_SAFE_INTEGER);
      expect(sent).toBe(wanted.length);
      expect(hashesOf(bundles).toSorted()).toEqual(names(wanted).toSorted());
    });
    fc.assert(property, { numRuns: 40 });
  });

  test("stop at so many bytes and say how many items were dealt with, those that are gone included", () => {
    const node = filled();
    const items = itemsOf(node);
    const gone = items.map(({ ts, id }, index) =>
      index % 3 === 0 ? { ts, id: id.toReversed() } : { ts, id },
    );
    const found: string[] = [];
    let at = 0;
    let calls = 0;
    while (at < gone.length) {
      const { bundles, sent } = node.replica.bundles("default", gone.slice(at), 2_000);
      expect(sent).toBeGreaterThan(0);
      found.push(...hashesOf(bundles));
      at += sent;
      calls++;
    }
    expect(calls).toBeGreaterThan(5);
    expect(found.toSorted()).toEqual(names(items.filter((_, index) => index % 3 !== 0)).toSorted());
  });

  test("are about a frame at most, unless one entry alone is larger", () => {
    const node = open();
    const sizes = [...Array(40).keys()].map((index) => (index === 20 ? 250_000 : 9_000));
    const entries: Entry[] = sizes.map((size, index) => ({
      class: classes.last,
      type: "register",
      key: `k${index}`,
      body: new Uint8Array(size),
    }));
    node.state.ingest(
      makeBatch({ writer: testWriter("alice"), entries }).bundle(),
      somePeer,
      wallMs,
    );
    const items = itemsOf(node).filter((_, index) => index % 2 === 0);
    for (const bundles of [
      node.replica.bundles("default", items, Number.MAX_SAFE_INTEGER).bundles,
      node.replica.stream("default", startBound, endBound, Number.MAX_SAFE_INTEGER).bundles,
    ]) {
      for (const bundle of bundles) {
        const count = acceptBundle(bundle, network).entries.length;
        if (count > 1) expect(bundle.length).toBeLessThanOrEqual(limits.syncFrameBytesMax);
      }
    }
  });
});

describe("a stream", () => {
  test("brings everything in order, from wherever the last part ended, to a node that then is equal", () => {
    const from = filled();
    const items = names(itemsOf(from));
    for (const maxBytes of [1, 3_000, Number.MAX_SAFE_INTEGER]) {
      const to = open();
      const found: string[] = [];
      let at: Bound | undefined = startBound;
      while (at !== undefined) {
        const part = from.replica.stream("default", at, endBound, maxBytes);
        expect(part.bundles.length).toBeGreaterThan(0);
        for (const bundle of part.bundles) {
          expect(to.replica.ingestAll([bundle], somePeer, wallMs)[0]?.refused).toBe(0);
        }
        const hashes = hashesOf(part.bundles).toSorted();
        expect(hashes).toEqual(items.slice(found.length, found.length + hashes.length).toSorted());
        found.push(...hashes);
        at = part.next;
      }
      expect(found.length).toBe(items.length);
      expect(to.state.summary("default").bytes()).toEqual(from.state.summary("default").bytes());
      checkTables(to.store, []);
    }
  });

  test("keeps within its bounds", () => {
    const node = filled();
    const items = itemsOf(node);
    const [from, to] = [items[10]!, items[40]!];
    const { bundles, next } = node.replica.stream("default", from, to, Number.MAX_SAFE_INTEGER);
    expect(next).toBeUndefined();
    expect(hashesOf(bundles).toSorted()).toEqual(names(items.slice(10, 40)).toSorted());
  });
});

describe("headers", () => {
  test("are kept with ever fewer entries as these are superseded, and go with the last", () => {
    const node = open();
    const entries = Array.from({ length: 128 }, (_, number) => register(`key ${number}`));
    const batch = makeBatch({ writer: testWriter("alice"), entries });
    node.state.ingest(batch.bundle(), somePeer, wallMs);
    const headerBytes = (): number => {
      const rows = node.store.range({ from: Uint8Array.of(13), to: Uint8Array.of(14) });
      const row = [...rows].find(({ value }) => toHex(value).includes(toHex(batch.encoded)));
      return row?.value.length ?? 0;
    };
    const full = headerBytes();
    const bob = testWriter("bob");
    let smallest = full;
    for (const [round, number] of scattered(128).entries()) {
      const stamp = stampOf(wallMs, round + 1);
      const one = makeBatch({ writer: bob, stamp, entries: [register(`key ${number}`)] });
      node.state.ingest(one.bundle(), somePeer, wallMs);
      if (round % 16 === 15) checkTables(node.store, []);
      smallest = Math.min(smallest, headerBytes() || smallest);
      const left = itemsOf(node).filter(({ ts }) => ts === orderOf(batch.header.stamp));
      expect(left).toHaveLength(127 - round);
      const { bundles } = node.replica.bundles("default", left, Number.MAX_SAFE_INTEGER);
      expect(hashesOf(bundles)).toHaveLength(127 - round);
    }
    expect(full).toBe(batch.bundle().length);
    expect(smallest).toBeLessThan(full / 2);
    expect(headerBytes()).toBe(0);
  });
});

/** 0..count-1 in an order that jumps about. */
function scattered(count: number): number[] {
  return Array.from({ length: count }, (_, index) => (index * 37 + 11) % count);
}

test("what the store refuses is told and counts as refused for now", () => {
  const store = failingStore(memoryStore());
  const failures: CoterieError[] = [];
  const replica = new StateReplica(openState(store), (error) => failures.push(error));
  const bundle = makeBatch({ writer: testWriter("alice"), entries: [register("k")] }).bundle();
  store.failAfter(0);
  expect(replica.ingestAll([bundle], somePeer, wallMs)[0]).toMatchObject({
    refused: 1,
    applied: 0,
    invalid: false,
  });
  expect(failures.map(({ code }) => code)).toEqual(["STORE_FULL"]);
  const future = makeBatch({
    writer: testWriter("alice"),
    stamp: stampOf(wallMs + 90_000),
    entries: [register("f")],
  });
  replica.ingestAll([future.bundle()], somePeer, wallMs);
  replica.promote(wallMs + 90_000);
  expect(failures).toHaveLength(2);
  store.failAfter(undefined);
  expect(replica.ingestAll([bundle], somePeer, wallMs)[0]?.applied).toBe(1);
  replica.promote(wallMs + 90_000);
  expect(replica.summary("default", startBound, endBound).count).toBe(2);
});

test("what is no sound bundle is refused, whatever it is, and changes nothing", () => {
  const node = open();
  const sound = makeBatch({ writer: testWriter("alice"), entries: [register("a"), register("b")] });
  const damaged = fc
    .tuple(fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 8 }))
    .map(([at, patch]) => {
      const bytes = sound.bundle();
      for (const [index, byte] of patch.entries()) bytes[(at + index) % bytes.length]! ^= byte | 1;
      return bytes;
    });
  const before = dump(node.store);
  const property = fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 400 })), (bytes) => {
    const [result] = node.replica.ingestAll([bytes], somePeer, wallMs);
    expect(result).toMatchObject({ applied: 0, quarantined: 0, refused: 1, invalid: true });
    expect(result?.reason).not.toBe("");
  });
  fc.assert(property, { numRuns: 500 });
  expect(dump(node.store)).toEqual(before);
});
