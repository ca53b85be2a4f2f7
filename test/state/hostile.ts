/** Arbitrary entries and batches as hostile members could write them: few keys and stamps, so that much collides. */
import fc from "fast-check";
import { encodeUtf8, Writer } from "../../src/core/codec.ts";
import { limits } from "../../src/core/limits.ts";
import { sha256 } from "../../src/core/identity.ts";
import { noHash } from "../../src/protocol/state/header.ts";
import {
  classes,
  type Context,
  type Entry,
  type EntryClass,
} from "../../src/protocol/state/entry.ts";
import { makeBatch, stampOf, testWriter, wallMs, writerBytesOf, type Batch } from "./fixture.ts";

/** Three writers, two of them of one author. */
export const hostileWriters = [testWriter("mallory"), testWriter("mallory", 2), testWriter("eve")];
const names = hostileWriters.map(writerBytesOf).toSorted(Buffer.compare);

/** Few of them, all before `wallMs`, some in one millisecond. */
export const someStamp: fc.Arbitrary<bigint> = fc
  .integer({ min: 4, max: 11 })
  .map((count) => stampOf(wallMs - 1_000 + (count >> 2), count & 3));

/** What an entry may claim: mostly a stamp in use, now and then an end of all numbers. */
const claimed: fc.Arbitrary<bigint> = fc.oneof(
  { weight: 20, arbitrary: someStamp },
  { weight: 1, arbitrary: fc.constantFrom(0n, 1n, 2n ** 64n - 2n, 2n ** 64n - 1n) },
);

const narrowContext: fc.Arbitrary<Context> = fc
  .tuple(...names.map(() => fc.option(claimed, { nil: undefined })))
  .map((stamps) =>
    stamps.flatMap((stamp, index) =>
      stamp === undefined ? [] : [{ writer: names[index]!, stamp }],
    ),
  );

/** With these a context of all three writers is as large as any may be. */
const fillers: Context = Array.from(
  { length: limits.contextWritersMax - names.length },
  (_, n) => ({
    writer: new Writer().bytes(new Uint8Array(36)).u32(n).finish(),
    stamp: 1n,
  }),
);
const wideContext = narrowContext.map((context) =>
  [...context, ...fillers].toSorted((a, b) => Buffer.compare(a.writer, b.writer)),
);
const context = fc.oneof(
  { weight: 20, arbitrary: narrowContext },
  { weight: 1, arbitrary: wideContext },
);

/** Often two that overlap, one that contains both, or of one stamp; now and then the wrong way round. */
const range = fc.oneof(
  fc.constantFrom(
    { from: 0n, to: stampOf(wallMs - 998, 2) },
    { from: 0n, to: stampOf(wallMs - 999, 1) },
    { from: stampOf(wallMs - 999), to: stampOf(wallMs - 998) },
  ),
  someStamp.map((stamp) => ({ from: stamp, to: stamp })),
  fc.tuple(claimed, claimed, fc.nat({ max: 9 })).map(([a, b, backwards]) => {
    return a < b === backwards > 0 ? { from: a, to: b } : { from: b, to: a };
  }),
);

/** Mostly none, and else few, so that the rules within an epoch have their turn too. */
const epoch = fc.option(
  fc.oneof(
    { weight: 2, arbitrary: fc.constant(0n) },
    { weight: 3, arbitrary: fc.constantFrom(1n, stampOf(wallMs - 999)) },
    { weight: 1, arbitrary: claimed },
  ),
  { nil: undefined, freq: 2 },
);
const body = fc.option(fc.uint8Array({ maxLength: 4 }), { nil: undefined });
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined, freq: 2 });

/** Fields that this version does not know, encoded. */
const unknownFields = fc.constantFrom(Uint8Array.of(9, 1, 7), Uint8Array.of(12, 0));

/** Not all of them keep the rules: contexts, epochs and ranges may reach past the entry's stamp. */
export function someEntry(entryClass: EntryClass, keys: readonly string[]): fc.Arbitrary<Entry> {
  return fc
    .record({
      key: fc.constantFrom(...keys),
      body,
      epoch: entryClass === 1 ? fc.constant(undefined) : epoch,
      context: entryClass === 2 ? maybe(context) : fc.constant(undefined),
      range: entryClass === 4 ? maybe(range) : fc.constant(undefined),
      expires: entryClass < 3 ? maybe(fc.constant(BigInt(wallMs + 5_000))) : fc.constant(undefined),
      unknown: maybe(unknownFields),
    })
    .map((fields) => ({ class: entryClass, type: `type${entryClass}`, ...fields }));
}

const keys = ["a", "a\u0001", "é", "members/nobody"];

export const anyEntry: fc.Arbitrary<Entry> = fc.oneof(
  ...([1, 2, 3, 4] as const).map((entryClass) => someEntry(entryClass, keys)),
);

/** Where a hostile writer puts its entries. */
export type Plan = {
  readonly writer: number;
  readonly namespace?: string;
  readonly seq: bigint;
  readonly stamp: bigint;
  readonly entries: readonly Entry[];
};

/** Positions are few, so that writers fork. */
export const somePlan: fc.Arbitrary<Plan> = fc.record({
  writer: fc.nat({ max: hostileWriters.length - 1 }),
  namespace: fc.constantFrom("default", "sys", "other"),
  seq: fc.bigInt(1n, 3n),
  stamp: someStamp,
  entries: fc.array(anyEntry, { minLength: 1, maxLength: 6 }),
});

/** Batches of entries that all fall on few keys; `entry` makes them. */
export function plansOf(
  entry: fc.Arbitrary<Entry>,
  size: { readonly plansMax: number; readonly entriesMax: number },
): fc.Arbitrary<Plan[]> {
  const plan = fc.record({
    writer: fc.constantFrom(0, 0, 1, 2),
    seq: fc.bigInt(1n, 3n),
    stamp: someStamp,
    entries: fc.array(entry, { minLength: 1, maxLength: size.entriesMax }),
  });
  return fc.array(plan, { minLength: 1, maxLength: size.plansMax });
}

/** Signed and well-formed. */
export function batchOf(plan: Plan): Batch {
  const writer = hostileWriters[plan.writer]!;
  const prev = plan.seq === 1n ? noHash : sha256(encodeUtf8("some header before"));
  return makeBatch({ ...plan, writer, prev });
}

const u64 = fc.bigInt(0n, 2n ** 64n - 1n);

/** Entries of any contents: what can be written, not what the rules allow. */
export const encodableEntry: fc.Arbitrary<Entry> = fc.record({
  class: fc.constantFrom(...Object.values(classes)),
  type: fc.stringMatching(/^[a-z][a-z0-9.-]{0,31}$/),
  key: fc
    .array(fc.integer({ min: 1, max: 0x10ffff }), { minLength: 1, maxLength: 12 })
    .map((points) => String.fromCodePoint(...points))
    .filter((text) => text.isWellFormed()),
  body: maybe(fc.uint8Array({ maxLength: 40 })),
  epoch: maybe(u64),
  context: maybe(
    fc
      .uniqueArray(fc.tuple(fc.uint8Array({ minLength: 40, maxLength: 40 }), u64), {
        maxLength: 5,
        selector: ([writer]) => Buffer.from(writer).toString("hex"),
      })
      .map((list) => list.map(([writer, stamp]) => ({ writer, stamp })))
      .map((list) => list.toSorted((a, b) => Buffer.compare(a.writer, b.writer))),
  ),
  range: maybe(fc.record({ from: u64, to: u64 })),
  expires: maybe(u64),
  unknown: maybe(
    fc
      .uniqueArray(fc.tuple(fc.integer({ min: 9, max: 2 ** 53 - 1 }), fc.uint8Array()), {
        selector: ([number]) => number,
        minLength: 1,
        maxLength: 3,
      })
      .map((fields) => {
        const out = new Writer();
        for (const [number, bytes] of fields.toSorted(([a], [b]) => a - b)) {
          out.varint(number).prefixed(bytes);
        }
        return out.finish();
      }),
  ),
});
