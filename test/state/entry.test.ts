import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeUtf8, Writer } from "../../src/core/codec.ts";
import { CoterieError } from "../../src/core/errors.ts";
import { limits } from "../../src/core/limits.ts";
import {
  decodeEntry,
  encodeEntry,
  entryFault,
  type Entry,
} from "../../src/protocol/state/entry.ts";
import { codedError } from "../coded-error.ts";
import { stampOf, testWriter, wallMs, writerBytesOf } from "./fixture.ts";

/** Undefined for bytes that are refused; anything but a refusal as BAD_FORMAT fails the test. */
function decoded(bytes: Uint8Array): Entry | undefined {
  try {
    return decodeEntry(bytes);
  } catch (error) {
    if (error instanceof CoterieError && error.code === "BAD_FORMAT") return undefined;
    throw error;
  }
}

/** That decoding gives back what was encoded, and one form only, is among the laws: format-laws.ts. */
describe("the encoding of entries", () => {
  test("keeps whatever bytes are thrown at the decoder from doing more than being refused", () => {
    const fields = fc.array(
      fc.tuple(fc.integer({ min: 0, max: 14 }), fc.uint8Array({ maxLength: 60 })),
    );
    const shaped = fields.map((list) => {
      const out = new Writer();
      for (const [number, bytes] of list) out.varint(number).prefixed(bytes);
      return out.finish();
    });
    const property = fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), shaped), (bytes) => {
      const entry = decoded(bytes);
      if (entry !== undefined) expect(encodeEntry(entry)).toEqual(Uint8Array.from(bytes));
    });
    fc.assert(property, { numRuns: 2_000 });
  });
});

const plain: Entry = { class: 1, type: "register", key: "k" };
const writer = writerBytesOf(testWriter("someone"));
const stamp = stampOf(wallMs);

function fieldsOf(...fields: readonly (readonly [number, Uint8Array])[]): Uint8Array {
  const out = new Writer();
  for (const [number, bytes] of fields) out.varint(number).prefixed(bytes);
  return out.finish();
}

const head = [
  [1, Uint8Array.of(1)],
  [2, encodeUtf8("t")],
] as const;
const keyField = [3, encodeUtf8("k")] as const;

describe("an entry is refused", () => {
  test.each([
    ["without a class", fieldsOf([2, encodeUtf8("t")], keyField)],
    ["without a type", fieldsOf([1, Uint8Array.of(1)], keyField)],
    ["without a key", fieldsOf(...head)],
    ["empty", new Uint8Array(0)],
    ["of class 0", fieldsOf([1, Uint8Array.of(0)], [2, encodeUtf8("t")], keyField)],
    ["of class 5", fieldsOf([1, Uint8Array.of(5)], [2, encodeUtf8("t")], keyField)],
    ["of a class in two bytes", fieldsOf([1, Uint8Array.of(0, 1)], [2, encodeUtf8("t")], keyField)],
    ["with a field 0", fieldsOf([0, Uint8Array.of(1)], ...head, keyField)],
    ["with a field twice", fieldsOf(...head, keyField, keyField)],
    ["with fields out of order", fieldsOf(head[1], head[0], keyField)],
    ["with an unknown field twice", fieldsOf(...head, keyField, [9, writer], [9, writer])],
    ["with unknown fields out of order", fieldsOf(...head, keyField, [10, writer], [9, writer])],
    ["with an empty key", fieldsOf(...head, [3, new Uint8Array(0)])],
    ["with a zero in its key", fieldsOf(...head, [3, encodeUtf8("a\0b")])],
    ["with a key that is no UTF-8", fieldsOf(...head, [3, Uint8Array.of(0xff)])],
    ["with a surrogate in its key", fieldsOf(...head, [3, Uint8Array.of(0xed, 0xa0, 0x80)])],
    ["with an overlong key", fieldsOf(...head, [3, new Uint8Array(1_025).fill(97)])],
    ["with a bad type", fieldsOf(head[0], [2, encodeUtf8("T")], keyField)],
    ["with an overlong type", fieldsOf(head[0], [2, new Uint8Array(33).fill(97)], keyField)],
    ["with a short epoch", fieldsOf(...head, keyField, [5, new Uint8Array(7)])],
    ["with a short range", fieldsOf(...head, keyField, [7, new Uint8Array(15)])],
    ["with a short expiry", fieldsOf(...head, keyField, [8, new Uint8Array(0)])],
    ["with a broken context", fieldsOf(...head, keyField, [6, new Uint8Array(47)])],
    ["with a context out of order", contextOf([1, 0])],
    ["with a writer twice in its context", contextOf([0, 0])],
    ["with too large a context", contextOf(Array.from({ length: 257 }, (_, index) => index))],
    ["with too large a body", fieldsOf(...head, keyField, [4, new Uint8Array(256 * 1024 + 2)])],
    ["with too large an unknown field", fieldsOf(...head, keyField, [9, new Uint8Array(4_097)])],
    [
      "with too many unknown fields",
      fieldsOf(...head, keyField, [9, new Uint8Array(3_000)], [10, new Uint8Array(3_000)]),
    ],
    ["with a number not in its shortest form", Uint8Array.of(1, 0x81, 0, 1, 2, 1, 116, 3, 1, 107)],
  ])("%s", async (_name, bytes) => {
    await codedError(() => decodeEntry(bytes), "BAD_FORMAT");
  });

  const cases: [string, Entry, string | undefined][] = [
    ["a plain write", plain, undefined],
    ["class last with an epoch", { ...plain, epoch: 0n }, "class last has no epoch"],
    ["an epoch at the stamp", { ...plain, class: 2, epoch: stamp }, undefined],
    ["an epoch after the stamp", { ...plain, class: 2, epoch: stamp + 1n }, "epoch in the future"],
    [
      "slot with an epoch after it",
      { ...plain, class: 3, epoch: stamp + 1n },
      "epoch in the future",
    ],
    ["a context before the stamp", seen(2, stamp - 1n), undefined],
    ["a context at the stamp", seen(2, stamp), "context not before its entry"],
    ["an empty context", { ...plain, class: 2, context: [] }, undefined],
    ["class last with a context", seen(1, 1n), "only class context has one"],
    ["class slot with a context", seen(3, 1n), "only class context has one"],
    ["class append with a context", seen(4, 1n), "only class context has one"],
    ["a range before the stamp", ranged(4, 5n, stamp - 1n), undefined],
    ["a range of one stamp", ranged(4, 5n, 5n), undefined],
    ["a range up to the stamp", ranged(4, 5n, stamp), "bad range"],
    ["a range backwards", ranged(4, 6n, 5n), "bad range"],
    ["class last with a range", ranged(1, 1n, 2n), "only class append has a range"],
    ["class context with a range", ranged(2, 1n, 2n), "only class append has a range"],
    ["class slot with a range", ranged(3, 1n, 2n), "only class append has a range"],
    ["expiry after the stamp", { ...plain, expires: BigInt(wallMs + 1) }, undefined],
    ["expiry of class context", { ...plain, class: 2, expires: BigInt(wallMs + 1) }, undefined],
    ["expiry at the stamp", { ...plain, expires: BigInt(wallMs) }, "expiry not after its entry"],
    [
      "expiry of class slot",
      { ...plain, class: 3, expires: 2n ** 60n },
      "this class cannot expire",
    ],
    [
      "expiry of class append",
      { ...plain, class: 4, expires: 2n ** 60n },
      "this class cannot expire",
    ],
  ];
  test.each(cases)("by the rules of its class: %s", (_name, entry, reason) => {
    if (reason === undefined) expect(entryFault(entry, stamp)).toBeUndefined();
    else expect(entryFault(entry, stamp)).toContain(reason);
  });
});

function seen(entryClass: Entry["class"], until: bigint): Entry {
  return { ...plain, class: entryClass, context: [{ writer, stamp: until }] };
}

function ranged(entryClass: Entry["class"], from: bigint, to: bigint): Entry {
  return { ...plain, class: entryClass, range: { from, to } };
}

function contextOf(numbers: readonly number[]): Uint8Array {
  const out = new Writer();
  for (const number of numbers) out.bytes(new Uint8Array(38)).u16(number).u64(1n);
  return fieldsOf(...head, keyField, [6, out.finish()]);
}

test("the largest entry of the rules is accepted, and is within the limit of an entry", () => {
  const entry: Entry = {
    class: 2,
    type: "t".repeat(limits.typeBytesMax),
    key: "k".repeat(limits.keyBytesMax),
    body: new Uint8Array(limits.valueBytesMax + 1),
    epoch: stamp,
    context: decodeEntry(contextOf([...Array(limits.contextWritersMax).keys()])).context,
    range: { from: 1n, to: 2n },
    expires: 2n ** 63n,
    unknown: fieldsOf([2 ** 53 - 1, new Uint8Array(limits.unknownFieldsBytesMax - 10)]),
  };
  const bytes = encodeEntry(entry);
  expect(entry.unknown!.length).toBe(limits.unknownFieldsBytesMax);
  expect(bytes.length).toBeLessThanOrEqual(limits.entryBytesMax);
  expect(decodeEntry(bytes)).toEqual(entry);
});
