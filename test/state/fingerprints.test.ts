/** Range fingerprints over a real store against counting by hand, with items enough for nodes on all three levels. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { concatBytes, encodeUtf8, toHex } from "../../src/core/codec.ts";
import { sha256 } from "../../src/core/identity.ts";
import type { Bound, ReconItem, Store } from "../../src/core/ports.ts";
import { openLmdbStore } from "../../src/host/lmdb-store.ts";
import { FingerprintWriter, select, summarise } from "../../src/protocol/state/fingerprints.ts";
import { endBound, orderKey, startBound } from "../../src/protocol/state/rows.ts";
import { seededRandom } from "../seeded-random.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const namespace = "default";

function itemOf(number: number): ReconItem {
  return { ts: BigInt(number % 40), id: new Uint8Array(sha256(encodeUtf8(`item ${number}`))) };
}

function compare(a: Bound, b: Bound): number {
  return a.ts === b.ts ? Buffer.compare(a.id, b.id) : a.ts < b.ts ? -1 : 1;
}

function levelOf(salt: Uint8Array, { id }: ReconItem): number {
  const digest = sha256(concatBytes(salt, id));
  const bits = (digest[0]! << 16) | (digest[1]! << 8) | digest[2]!;
  return [6, 12, 18].filter((zeros) => bits % 2 ** zeros === 0).length;
}

const salt = encodeUtf8("sixteen bytes ok");
/** Found by trying: items that are boundaries of level 3 and 2 under this salt. */
const tops = [37_549, 78_322, 393_020];
const middles = [4_200, 10_667, 12_991, 13_412, 14_465, 15_196, 28_744, 29_117];

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

/** Applies changes in one transaction, as the live set does. */
function change(
  store: Store,
  model: Model,
  added: readonly ReconItem[],
  removed: readonly ReconItem[],
): void {
  store.transaction((tx) => {
    const writer = new FingerprintWriter(tx, salt);
    for (const item of removed) {
      writer.remove(namespace, item);
      tx.remove(orderKey(namespace, item));
    }
    for (const item of added) {
      writer.insert(namespace, item);
      tx.put(orderKey(namespace, item), Uint8Array.of(1));
    }
    writer.flush();
  });
  const gone = new Set(removed.map(({ id }) => toHex(id)));
  model.items = [...model.items.filter(({ id }) => !gone.has(toHex(id))), ...added];
  model.items.sort(compare);
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
const someNumber = fc.oneof(fc.nat({ max: 2_500 }), fc.constantFrom(...tops, ...middles));
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
  const levels = items.map((item) => levelOf(salt, item));
  expect([1, 2, 3].map((level) => levels.filter((other) => other >= level).length)).toEqual([
    44, 11, 3,
  ]);
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
  const boundaries = shuffled.filter((item) => levelOf(salt, item) > 0);
  const gone = boundaries.filter((_, index) => index % 2 === 0);
  change(store, model, [], gone);
  check(15);
  const others = model.items.filter((item) => levelOf(salt, item) === 0);
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
  const steep = [4_200, 37_549, 10_667, 78_322, 28_744];
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
