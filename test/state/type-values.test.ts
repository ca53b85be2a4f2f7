/** What keys hold, whoever wrote what: equal live entries give equal values, however they came and whatever is in them. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes, encodeUtf8, toHex, Writer } from "../../src/core/codec.ts";
import { acceptBundle } from "../../src/protocol/state/bundle.ts";
import { counterType, encodeSums, getCounter } from "../../src/protocol/state/counter.ts";
import type { Entry, EntryClass } from "../../src/protocol/state/entry.ts";
import { logSubject, logType } from "../../src/protocol/state/log.ts";
import { LogTail } from "../../src/protocol/state/log-tail.ts";
import { getMulti, multiType } from "../../src/protocol/state/multi.ts";
import { getMember, setKey, setType } from "../../src/protocol/state/set.ts";
import type { State } from "../../src/protocol/state/state.ts";
import { memoryStore } from "../memory-store.ts";
import { network, openState, somePeer, stampOf, wallMs, type Batch } from "./fixture.ts";
import { batchOf, plansOf, someEntry, someStamp } from "./hostile.ts";
import { liveSet, type Placed } from "./law.ts";

type Case = {
  readonly class: EntryClass;
  readonly type: string;
  readonly key: string;
  /** Bodies of the type, and others. */
  readonly body: fc.Arbitrary<Uint8Array | undefined>;
  readonly valueOf: (state: State) => unknown;
  /** The same from the model's live entries. */
  readonly modelOf: (live: readonly Placed[]) => unknown;
};

const anyBytes = fc.uint8Array({ maxLength: 20 });
const body = (good: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array | undefined> =>
  fc.oneof(
    { weight: 6, arbitrary: good },
    { weight: 1, arbitrary: anyBytes },
    { weight: 1, arbitrary: good.map((bytes) => bytes.subarray(0, -1)) },
    { weight: 1, arbitrary: good.map((bytes) => concatBytes(bytes, Uint8Array.of(0))) },
    { weight: 1, arbitrary: fc.constant(undefined) },
  );

const byLater = (a: Placed, b: Placed): number =>
  a.stamp === b.stamp ? (toHex(a.hash) > toHex(b.hash) ? -1 : 1) : a.stamp > b.stamp ? -1 : 1;
const withBody = (live: readonly Placed[]): Placed[] =>
  live.filter(({ entry }) => entry.body !== undefined).toSorted(byLater);

const smallSum = fc.bigInt(0n, 5n);
const sum = fc.oneof(smallSum, fc.constantFrom(2n ** 64n - 1n, 2n ** 63n));
const item = fc.record({
  stamp: fc.oneof(someStamp, fc.constantFrom(0n, stampOf(wallMs))),
  index: fc.constantFrom(0, 1, 2, 127, 128),
  body: fc.constantFrom(encodeUtf8("\u0001a"), encodeUtf8("\u0001b"), new Uint8Array(0)),
});
const order = (a: { stamp: bigint; index: number }, b: { stamp: bigint; index: number }): number =>
  a.stamp === b.stamp ? a.index - b.index : a.stamp < b.stamp ? -1 : 1;

function listed(items: readonly { stamp: bigint; index: number; body: Uint8Array }[]): Uint8Array {
  const out = new Writer();
  for (const one of items) out.u64(one.stamp).u16(one.index).prefixed(one.body);
  return out.finish();
}

/** The checkpoint's items by the rules of docs/formats.md, read naively; none unless all of it is right. */
function modelItems({ entry, stamp, writer }: Placed, index: number): string[] {
  const name = (at: bigint, place: number, bytes: Uint8Array): string =>
    [
      at.toString(16).padStart(16, "0"),
      toHex(writer),
      String(place).padStart(5, "0"),
      toHex(bytes),
    ].join(" ");
  const bytes = Buffer.from(entry.body ?? []);
  if (entry.body === undefined) return [];
  if (entry.range === undefined) return [name(stamp, index, bytes)];
  const items: { stamp: bigint; index: number; body: Buffer }[] = [];
  for (let at = 0; at < bytes.length;) {
    if (bytes.length - at < 11) return [];
    const length = bytes[at + 10]!; // bodies of these tests are short
    if (length >= 128 || bytes.length - at - 11 < length) return [];
    const one = {
      stamp: bytes.readBigUInt64BE(at),
      index: bytes.readUInt16BE(at + 8),
      body: bytes.subarray(at + 11, at + 11 + length),
    };
    const { from, to } = entry.range;
    const last = items.at(-1);
    if (one.index > 127 || one.stamp < from || one.stamp > to) return [];
    if (last !== undefined && order(last, one) >= 0) return [];
    items.push(one);
    at += 11 + length;
  }
  return items.map((one) => name(one.stamp, one.index, one.body));
}

const cases: Readonly<Record<string, Case>> = {
  multi: {
    class: 2,
    type: multiType,
    key: "k",
    body: body(fc.constantFrom("\u0001a", "\u00021", "\u0000x", "\u0009y").map(encodeUtf8)),
    valueOf: (state) =>
      getMulti(state, "default", "k", wallMs)?.values.map(({ stamp, value }) => [
        stamp,
        value.kind,
        toHex(value.bytes),
      ]),
    modelOf: (live) => {
      const values = withBody(live).map(({ stamp, entry }) => {
        const [kind = 0] = entry.body!;
        const known = (["bytes", "text", "json"] as const)[kind];
        const bytes = known === undefined ? entry.body! : entry.body!.subarray(1);
        return [stamp, known ?? "bytes", toHex(bytes)];
      });
      return values.length === 0 ? undefined : values;
    },
  },
  counter: {
    class: 3,
    type: counterType,
    key: "k",
    body: body(fc.tuple(sum, sum).map(([added, taken]) => encodeSums({ added, taken }))),
    valueOf: (state) => getCounter(state, "default", "k")?.value,
    modelOf: (live) => {
      const sums = withBody(live)
        .map(({ entry }) => Buffer.from(entry.body!))
        .filter((bytes) => bytes.length === 16);
      if (sums.length === 0) return undefined;
      return sums.reduce((n, b) => n + b.readBigUInt64BE(0) - b.readBigUInt64BE(8), 0n);
    },
  },
  set: {
    class: 2,
    type: setType,
    key: setKey("s", "é"),
    body: body(fc.constant(new Uint8Array(0))),
    valueOf: (state) => getMember(state, "default", "s", "é", wallMs)?.stamp,
    modelOf: (live) => withBody(live)[0]?.stamp,
  },
  log: {
    class: 4,
    type: logType,
    key: "k",
    body: body(
      fc.oneof(
        fc.constantFrom("\u0001a", "\u0001b").map(encodeUtf8),
        fc.array(item, { maxLength: 4 }).map((items) => listed(items.toSorted(order))),
        fc.array(item, { maxLength: 3 }).map(listed),
      ),
    ),
    valueOf: (state) => {
      const tail = new LogTail({ limit: 1_000, bytesMax: 1e6 });
      for (const row of state.live(logSubject("default", "k"))) tail.add(row);
      return tail
        .finish()
        .items.map(({ stamp, writer, index, body: bytes }) =>
          [
            stamp.toString(16).padStart(16, "0"),
            toHex(writer),
            String(index).padStart(5, "0"),
            toHex(bytes),
          ].join(" "),
        )
        .toSorted();
    },
    modelOf: () => undefined, // below, since it needs the index
  },
};

function apply(state: State, batch: Batch, part?: readonly number[]): void {
  state.ingest(batch.bundle(part), somePeer, wallMs);
}

describe.each(Object.entries(cases))("a %s", (name, one) => {
  test("has one value, whatever its entries say and however they came", () => {
    const entry = fc
      .tuple(someEntry(one.class, [one.key]), one.body, fc.boolean())
      .map(([given, bytes, plain]): Entry => {
        const range = plain ? undefined : given.range;
        return { ...given, type: one.type, body: bytes, range };
      });
    const plans = plansOf(entry, { plansMax: 8, entriesMax: 3 });
    const property = fc.property(plans, fc.func(fc.nat()), (made, draw) => {
      const batches = made.map(batchOf);
      const [first, second] = [openState(memoryStore()), openState(memoryStore())];
      for (const batch of batches) apply(first, batch);
      // in another order, entry by entry, and some twice
      const pieces = batches.flatMap((batch) =>
        batch.entries.map((_, index) => ({ batch, index })),
      );
      const shuffled = pieces.toSorted(
        (a, b) => draw(toHex(a.batch.leaves[a.index]!)) - draw(toHex(b.batch.leaves[b.index]!)),
      );
      for (const { batch, index } of [...shuffled, ...pieces]) apply(second, batch, [index]);
      expect(one.valueOf(second)).toEqual(one.valueOf(first));
      expect(one.valueOf(first)).toEqual(modelValue(name, one, batches));
    });
    fc.assert(property, { numRuns: 100 });
  });
});

function modelValue(name: string, one: Case, batches: readonly Batch[]): unknown {
  const indexes = new Map<string, number>();
  const all = batches.flatMap((batch) => {
    const { header, writer, entries } = acceptBundle(batch.bundle(), network);
    return entries.map(({ entry, hash, index }): Placed => {
      indexes.set(toHex(hash), index);
      return { namespace: header.namespace, entry, writer, stamp: header.stamp, hash };
    });
  });
  const live = liveSet(all);
  if (name !== "log") return one.modelOf(live);
  const items = live.flatMap((placed) => modelItems(placed, indexes.get(toHex(placed.hash))!));
  return [...new Set(items)].toSorted();
}
