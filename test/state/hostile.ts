/** Arbitrary entries and batches as hostile members could write them: few keys and stamps, so that much collides. */
import fc from "fast-check";
import { encodeUtf8 } from "../../src/core/codec.ts";
import { sha256 } from "../../src/core/identity.ts";
import { noHash } from "../../src/protocol/state/header.ts";
import type { Context, Entry, EntryClass } from "../../src/protocol/state/entry.ts";
import { makeBatch, stampOf, testWriter, wallMs, writerBytesOf, type Batch } from "./fixture.ts";

/** Three writers, two of them of one author. */
export const hostileWriters = [testWriter("mallory"), testWriter("mallory", 2), testWriter("eve")];
const names = hostileWriters.map(writerBytesOf).toSorted(Buffer.compare);

/** Few of them, all before `wallMs`, some in one millisecond. */
export const someStamp: fc.Arbitrary<bigint> = fc
  .integer({ min: 4, max: 11 })
  .map((count) => stampOf(wallMs - 1_000 + (count >> 2), count & 3));

const context: fc.Arbitrary<Context> = fc
  .tuple(...names.map(() => fc.option(someStamp, { nil: undefined })))
  .map((stamps) =>
    stamps.flatMap((stamp, index) =>
      stamp === undefined ? [] : [{ writer: names[index]!, stamp }],
    ),
  );

const range = fc
  .tuple(someStamp, someStamp)
  .map(([a, b]) => (a < b ? { from: a, to: b } : { from: b, to: a }));
const epoch = fc.option(fc.oneof(fc.constant(0n), someStamp), { nil: undefined, freq: 3 });
const body = fc.option(fc.uint8Array({ maxLength: 4 }), { nil: undefined });
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined, freq: 2 });

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
      unknown: maybe(fc.constantFrom(Uint8Array.of(9, 1, 7), Uint8Array.of(12, 0))),
    })
    .map((fields) => ({ class: entryClass, type: `type${entryClass}`, ...fields }));
}

const keys = ["a", "a\u0001", "é", "members/nobody"];

export const anyEntry: fc.Arbitrary<Entry> = fc.oneof(
  ...([1, 2, 3, 4] as const).map((entryClass) => someEntry(entryClass, keys)),
);

/** Positions are few, so that writers fork. */
export const somePlan = fc.record({
  writer: fc.nat({ max: hostileWriters.length - 1 }),
  namespace: fc.constantFrom("default", "sys", "other"),
  seq: fc.bigInt(1n, 3n),
  stamp: someStamp,
  entries: fc.array(anyEntry, { minLength: 1, maxLength: 6 }),
});

/** Signed and well-formed. */
export function batchOf(
  plan: typeof somePlan extends fc.Arbitrary<infer Plan> ? Plan : never,
): Batch {
  const writer = hostileWriters[plan.writer]!;
  const prev = plan.seq === 1n ? noHash : sha256(encodeUtf8("some header before"));
  return makeBatch({ ...plan, writer, prev });
}
