/** Range fingerprints over a real store against counting by hand, with items enough for nodes on all three levels. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeUtf8, toHex } from "../../src/core/codec.ts";
import { sha256 } from "../../src/core/identity.ts";
import type { Bound, ReconItem, Store } from "../../src/core/ports.ts";
import { openLmdbStore } from "../../src/host/lmdb-store.ts";
import { Boundaries } from "../../src/protocol/state/boundaries.ts";
import { select, summarise } from "../../src/protocol/state/fingerprints.ts";
import { locate } from "../../src/protocol/state/order-pages.ts";
import { OrderWriter } from "../../src/protocol/state/order-writer.ts";
import { endBound, startBound } from "../../src/protocol/state/rows.ts";
import { seededRandom } from "../seeded-random.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const namespace = "default";

function itemOf(number: number): ReconItem {
  return { ts: BigInt(number % 40), id: new Uint8Array(sha256(encodeUtf8(`item ${number}`))) };
}

function compare(a: Bound, b: Bound): number {
  return a.ts === b.ts ? Buffer.compare(a.id, b.id) : a.ts < b.ts ? -1 : 1;
}

const boundaries = new Boundaries(encodeUtf8("sixteen bytes ok"));
const heightOf = (number: number): number => boundaries.heightOf(itemOf(number).id);

/** Items that begin a page (1), and sums of the levels above it (2 to 4), the rare ones found by trying. */
const byHeight: number[][] = [[], [], [], [], []];
for (let number = 2_500; byHeight[4]!.length < 2; number++)
  byHeight[heightOf(number)]!.push(number);
const tops = byHeight[4]!;
const middles = [...byHeight[3]!.slice(0, 3), ...byHeight[2]!.slice(0, 5)];
const pages = byHeight[1]!.slice(0, 6);

type Model = { items: ReconItem[] };

function within(model: Model, from: Bound, to: Bound): ReconItem[] {
  return model.items.filter((item) => compare(item, from) >= 0 && compare(item, to) < 0);
}

function sumHex(items: readonly ReconItem[]): string {
  let sum = 0n;
  for (const { id } of items) sum += BigInt(`0x${toHex(id.toReversed())}`);
  const bytes = Buffer.from((sum % 2n ** 256n).toString(16).padStart(64, "0"), "hex");
  return toHex(bytes.toReversed());
}

function expectSummary(store: Store, model: Model, from: Bound, to: Bound): void {
  const sum = summarise(store, namespace, from, to);
  const wanted = within(model, from, to);
  expect([sum.count, toHex(sum.bytes())]).toEqual([wanted.length, sumHex(wanted)]);
}

function open(): Store {
  return openLmdbStore(temporaryFolder());
}

function locatorOf({ id }: ReconItem): { arrival: number; index: number } {
  return { arrival: id[0]! * 2 ** 32 + id[1]!, index: id[2]! % 128 };
}

/** Applies changes in one transaction, as the live set does. */
function change(
  store: Store,
  model: Model,
  added: readonly ReconItem[],
  removed: readonly ReconItem[],
): void {
  store.transaction((tx) => {
    const writer = new OrderWriter(tx, boundaries);
    for (const item of removed) writer.remove(namespace, item);
    for (const item of added) writer.insert(namespace, item, locatorOf(item));
    writer.flush();
  });
  const gone = new Set(removed.map(({ id }) => toHex(id)));
  model.items = [...model.items.filter(({ id }) => !gone.has(toHex(id))), ...added];
  model.items.sort(compare);
  for (const item of added) {
    expect(locate(store, namespace, item)).toMatchObject(locatorOf(item));
  }
  for (const item of removed) expect(locate(store, namespace, item)).toBeUndefined();
}

/** `select` at some places, the last and the one past it. */
function expectPlaces(store: Store, { items }: Model, step: number): void {
  for (let index = 0; index < items.length; index += step) {
    expect(select(store, namespace, index)).toEqual(plain(items[index]));
  }
  expect(select(store, namespace, items.length - 1)).toEqual(plain(items.at(-1)));
  expect(select(store, namespace, items.length)).toBeUndefined();
}

const prefix = fc.uint8Array({ maxLength: 3 });
const someNumber = fc.oneof(fc.nat({ max: 2_500 }), fc.constantFrom(...tops, ...middles, ...pages));
const arbitraryBound: fc.Arbitrary<Bound> = fc.oneof(
  fc.record({ ts: fc.bigInt(0n, 41n), id: prefix }),
  someNumber.map(itemOf),
  fc.tuple(someNumber, fc.nat({ max: 32 })).map(([number, length]) => {
    const { ts, id } = itemOf(number);
    return { ts, id: id.subarray(0, length) };
  }),
  fc.constantFrom(startBound, endBound, { ts: endBound.ts, id: Uint8Array.of(1) }),
);

test("any range of thousands of items sums as by hand, while they come and go", async () => {
  const store = open();
  const numbers = [...Array(2_500).keys(), ...middles, ...tops];
  const items = numbers.map(itemOf);
  const heights = numbers.map(heightOf);
  const begun = [1, 2, 4].map((height) => heights.filter((other) => other >= height).length);
  expect(begun[0]).toBeGreaterThan(2_500 / 32 / 2);
  expect(begun[0]).toBeLessThan((2_500 / 32) * 2);
  expect(begun[1]).toBeGreaterThanOrEqual(8);
  expect(begun[2]).toBeGreaterThanOrEqual(2);
  const model: Model = { items: [] };
  const random = seededRandom(7);
  const shuffled = items
    .map((item) => ({ item, at: random.float() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);
  const check = (numRuns: number): void => {
    const property = fc.property(arbitraryBound, arbitraryBound, (a, b) => {
      expectSummary(store, model, a, b);
      expectSummary(store, model, startBound, a);
      expectSummary(store, model, b, endBound);
    });
    fc.assert(property, { numRuns });
    expectSummary(store, model, startBound, endBound);
    expectPlaces(store, model, 97);
  };
  for (let at = 0; at < shuffled.length; at += 500) {
    change(store, model, shuffled.slice(at, at + 500), []);
    check(5);
  }
  check(25);
  const begins = shuffled.filter((item) => boundaries.heightOf(item.id) > 0);
  const gone = begins.filter((_, index) => index % 2 === 0);
  change(store, model, [], gone);
  check(15);
  const others = model.items.filter((item) => boundaries.heightOf(item.id) === 0);
  change(store, model, gone.slice(0, 10), others.slice(0, 1_500));
  check(15);
  change(store, model, [], [...model.items]);
  expectSummary(store, model, startBound, endBound);
  await store.close();
});

function plain(item: ReconItem | undefined): unknown {
  return item === undefined ? undefined : { ts: item.ts, id: Buffer.from(item.id) };
}

test("short lists with boundaries in every place sum as by hand after every change", async () => {
  const store = open();
  const steep = [middles[0]!, tops[0]!, pages[0]!, middles[1]!, tops[1]!, pages[1]!];
  const pool = [...steep, ...Array(30).keys()].map(itemOf);
  const sets = fc.array(fc.uniqueArray(fc.nat({ max: pool.length - 1 })), {
    minLength: 1,
    maxLength: 5,
  });
  const property = fc.property(sets, arbitraryBound, arbitraryBound, (rounds, a, b) => {
    const model: Model = { items: [] };
    for (const round of rounds) {
      const toggled = round.map((index) => pool[index]!);
      const known = new Set(model.items.map(({ id }) => toHex(id)));
      const removed = toggled.filter(({ id }) => known.has(toHex(id)));
      const added = toggled.filter((item) => !removed.includes(item));
      change(store, model, added, removed);
      expectSummary(store, model, a, b);
      for (const item of [...steep.map(itemOf), startBound]) {
        expectSummary(store, model, startBound, item);
        expectSummary(store, model, item, endBound);
      }
      if (model.items.length > 0) expectPlaces(store, model, 1);
    }
    change(store, model, [], [...model.items]);
    expectSummary(store, model, startBound, endBound);
  });
  fc.assert(property, { numRuns: 25 });
  await store.close();
});
