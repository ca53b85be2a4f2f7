/**
 * What every `Store` must do, as a suite that a backend passes or not: the daemon's over lmdb, the simulator's in
 * memory. A value is right when it is what a sorted list says.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CoterieError } from "../../src/core/errors.ts";
import type { Row, Store, StoreReader } from "../../src/core/ports.ts";

export type StoreFixture = {
  /** A new, empty store. */
  open(): Store;
  /** The same store once more, after it was closed; undefined for stores that do not outlive a close. */
  reopen: ((store: Store) => Promise<Store>) | undefined;
};

const keyBytesMax = 1_978;
const start = Uint8Array.of(0);
const end = new Uint8Array(keyBytesMax).fill(0xff);

type Pair = readonly [key: string, value: string];

function bytes(digits: string): Uint8Array {
  return Uint8Array.from(Buffer.from(digits, "hex"));
}

function hex(data: Uint8Array): string {
  return Buffer.from(data).toString("hex");
}

function pairs(rows: Iterable<Row>): Pair[] {
  return [...rows].map(({ key, value }) => [hex(key), hex(value)]);
}

function all(store: StoreReader): Pair[] {
  return pairs(store.range({ from: start, to: end }));
}

/** Hexadecimal strings sort as their bytes do. */
function sorted(model: ReadonlyMap<string, string>): Pair[] {
  return [...model].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

const shortBytes = fc.uint8Array({ minLength: 1, maxLength: 3, max: 3 });
/** Many share prefixes; some are as long as can be. */
const key = fc
  .oneof(
    { weight: 6, arbitrary: shortBytes },
    { weight: 2, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 40 }) },
    {
      weight: 1,
      arbitrary: shortBytes.map((tail) => Buffer.concat([Buffer.alloc(keyBytesMax - 3, 1), tail])),
    },
  )
  .map(hex);
const value = fc
  .oneof(
    { weight: 5, arbitrary: fc.uint8Array({ maxLength: 60 }) },
    { weight: 1, arbitrary: fc.constantFrom(4_096, 40_000).map((size) => Buffer.alloc(size, 7)) },
  )
  .map(hex);
const change = fc.oneof({
  weight: 3,
  arbitrary: fc.record({ key, value: fc.option(value, { nil: undefined, freq: 4 }) }),
});
const changes = fc.array(change, { maxLength: 40 });

function applyTo(
  model: Map<string, string>,
  list: readonly { key: string; value?: string | undefined }[],
): void {
  for (const one of list) {
    if (one.value === undefined) model.delete(one.key);
    else model.set(one.key, one.value);
  }
}

function write(store: Store, list: readonly { key: string; value?: string | undefined }[]): void {
  store.transaction((tx) => {
    for (const one of list) {
      if (one.value === undefined) tx.remove(bytes(one.key));
      else tx.put(bytes(one.key), bytes(one.value));
    }
  });
}

function emptied(store: Store): void {
  store.transaction((tx) => {
    for (const [name] of all(tx)) tx.remove(bytes(name));
  });
}

function expectRange(
  reader: StoreReader,
  model: ReadonlyMap<string, string>,
  range: { from: string; to: string; reverse: boolean; limit: number | undefined },
): void {
  const { from, to, reverse, limit } = range;
  const inside = sorted(model).filter(([name]) => name >= from && name < to);
  const ordered = reverse ? inside.toReversed() : inside;
  const options = { from: bytes(from), to: bytes(to), reverse };
  const found = reader.range(limit === undefined ? options : { ...options, limit });
  expect(pairs(found)).toEqual(ordered.slice(0, limit ?? ordered.length));
}

const range = fc.record({
  from: key,
  to: key,
  reverse: fc.boolean(),
  limit: fc.option(fc.nat({ max: 8 }), { nil: undefined }),
});

export function describeStore(backend: string, fixture: StoreFixture): void {
  describe(`the store ${backend}`, () => {
    test("gives back what was put and not removed, by key and by range, inside and outside of transactions", async () => {
      const store = fixture.open();
      const property = fc.property(
        fc.array(changes, { maxLength: 4 }),
        fc.array(range, { minLength: 4, maxLength: 4 }),
        fc.array(key, { maxLength: 4 }),
        (rounds, ranges, keys) => {
          emptied(store);
          const model = new Map<string, string>();
          for (const round of rounds) {
            write(store, round);
            applyTo(model, round);
            for (const one of ranges) expectRange(store, model, one);
          }
          expect(all(store)).toEqual(sorted(model));
          for (const one of [...keys, ...model.keys()]) {
            const found = store.get(bytes(one));
            expect(found === undefined ? undefined : hex(found)).toBe(model.get(one));
          }
        },
      );
      fc.assert(property, { numRuns: 60 });
      await store.close();
    });

    test("lets a transaction read its own writes, by key and by range, before anybody else", async () => {
      const store = fixture.open();
      const property = fc.property(changes, changes, range, (before, during, one) => {
        emptied(store);
        const model = new Map<string, string>();
        write(store, before);
        applyTo(model, before);
        store.transaction((tx) => {
          for (const { key: name, value: given } of during) {
            if (given === undefined) tx.remove(bytes(name));
            else tx.put(bytes(name), bytes(given));
            applyTo(model, [{ key: name, value: given }]);
            expect(tx.get(bytes(name))?.length).toBe(
              given === undefined ? undefined : given.length / 2,
            );
          }
          expectRange(tx, model, one);
          expect(all(tx)).toEqual(sorted(model));
        });
        expect(all(store)).toEqual(sorted(model));
      });
      fc.assert(property, { numRuns: 60 });
      await store.close();
    });

    test("does nothing of a transaction that throws, and throws the error on", async () => {
      const store = fixture.open();
      const property = fc.property(changes, changes, fc.boolean(), (before, during, coded) => {
        emptied(store);
        write(store, before);
        const were = all(store);
        const failure = new CoterieError("STORE_FULL", "thrown by the test");
        const attempt = (): void =>
          store.transaction((tx) => {
            for (const { key: name, value: given } of during) {
              if (given === undefined) tx.remove(bytes(name));
              else tx.put(bytes(name), bytes(given));
            }
            if (coded) throw failure;
            throw new TypeError("thrown by the test");
          });
        if (coded) expect(attempt).toThrow(failure);
        else expect(attempt).toThrow("thrown by the test");
        expect(all(store)).toEqual(were);
        store.transaction((tx) => tx.put(Uint8Array.of(9), Uint8Array.of(9)));
        expect(hex(store.get(Uint8Array.of(9))!)).toBe("09");
      });
      fc.assert(property, { numRuns: 40 });
      await store.close();
    });

    test("makes nested transactions part of the outer one", async () => {
      const store = fixture.open();
      const nested = (fails: boolean): void =>
        store.transaction((outer) => {
          outer.put(Uint8Array.of(1), Uint8Array.of(1));
          const answer = store.transaction((inner) => {
            inner.put(Uint8Array.of(2), Uint8Array.of(2));
            return inner.get(Uint8Array.of(1));
          });
          expect(hex(answer!)).toBe("01");
          expect(hex(outer.get(Uint8Array.of(2))!)).toBe("02");
          if (fails) throw new CoterieError("STORE_FULL", "thrown by the test");
        });
      expect(() => nested(true)).toThrow(CoterieError);
      expect(all(store)).toEqual([]);
      nested(false);
      expect(all(store)).toEqual([
        ["01", "01"],
        ["02", "02"],
      ]);
      await store.close();
    });

    test("answers what the work of a transaction answers", async () => {
      const store = fixture.open();
      expect(store.transaction(() => 42)).toBe(42);
      expect(store.transaction(() => undefined)).toBeUndefined();
      await store.close();
    });

    test("hands out arrays that belong to the caller", async () => {
      const store = fixture.open();
      const value1 = new Uint8Array(100).fill(1);
      const value2 = new Uint8Array(100).fill(2);
      const given = value1.slice();
      const name = Uint8Array.of(1);
      store.transaction((tx) => {
        tx.put(name, given);
        given.fill(9);
        name.fill(7);
        tx.put(Uint8Array.of(2), value2);
      });
      const first = store.get(Uint8Array.of(1))!;
      const [row] = [...store.range({ from: start, to: end, limit: 1 })];
      const second = store.get(Uint8Array.of(2))!;
      expect(hex(first)).toBe(hex(value1));
      expect(hex(row!.value)).toBe(hex(value1));
      expect(hex(row!.key)).toBe("01");
      first.fill(0);
      row!.value.fill(0);
      row!.key.fill(0);
      second.fill(0);
      expect(all(store)).toEqual([
        ["01", hex(value1)],
        ["02", hex(value2)],
      ]);
      await store.close();
    });

    test("can be read and changed while a range is being read, and left in the middle", async () => {
      const store = fixture.open();
      const numbers = Array.from({ length: 50 }, (_, number) => number);
      store.transaction((tx) => {
        for (const number of numbers) tx.put(Uint8Array.of(1, number), Uint8Array.of(number));
      });
      const seen: number[] = [];
      for (const row of store.range({ from: start, to: end })) {
        expect(store.get(Uint8Array.of(1, 49))).toBeDefined();
        for (const other of store.range({ from: row.key, to: end, limit: 1 })) {
          expect(hex(other.key)).toBe(hex(row.key));
        }
        seen.push(row.key[1]!);
        if (seen.length === 30) break;
      }
      expect(seen).toEqual(numbers.slice(0, 30));
      store.transaction((tx) => {
        for (const row of tx.range({ from: start, to: end }))
          if (row.key[1]! % 2 === 0) tx.remove(row.key);
      });
      expect(all(store)).toHaveLength(25);
      await store.close();
    });

    test("takes keys of 1 and of 1,978 bytes, values of nothing and of 300 KB", async () => {
      const store = fixture.open();
      const longest = new Uint8Array(keyBytesMax).fill(0xfe);
      const largest = Uint8Array.from({ length: 300_000 }, (_, index) => index % 251);
      store.transaction((tx) => {
        tx.put(Uint8Array.of(0), new Uint8Array(0));
        tx.put(longest, largest);
        expect(tx.get(Uint8Array.of(0))).toHaveLength(0);
        expect(hex(tx.get(longest)!)).toBe(hex(largest));
      });
      expect(store.get(Uint8Array.of(0))).toHaveLength(0);
      const rows = [...store.range({ from: start, to: end })];
      expect(rows.map((row) => row.value.length)).toEqual([0, 300_000]);
      expect(hex(rows[1]!.key)).toBe(hex(longest));
      expect(hex(rows[1]!.value)).toBe(hex(largest));
      await store.close();
    });

    test("says how large it is", async () => {
      const store = fixture.open();
      write(store, [{ key: "01", value: "00".repeat(100_000) }]);
      await store.flushed();
      expect(store.sizeBytes()).toBeGreaterThan(100_000);
      await store.close();
    });

    test.runIf(fixture.reopen !== undefined)("keeps everything over a close", async () => {
      let store = fixture.open();
      const model = new Map<string, string>();
      await fc.assert(
        fc.asyncProperty(changes, async (list) => {
          write(store, list);
          applyTo(model, list);
          store = await fixture.reopen!(store);
          expect(all(store)).toEqual(sorted(model));
        }),
        { numRuns: 8 },
      );
      await store.close();
    });
  });
}
