/** Frames and messages drawn at random, all of them well-formed. */
import fc from "fast-check";
import { compareBytes, encodeUtf8 } from "../../src/core/codec.ts";
import type { Bound } from "../../src/core/ports.ts";
import type { Digest } from "../../src/protocol/sync/digests.ts";
import type { Frame } from "../../src/protocol/sync/frames.ts";
import { type Payload, MessageWriter, type Range } from "../../src/protocol/sync/negentropy.ts";
import { compareBounds, endBound, firstBound } from "../../src/protocol/sync/position.ts";

export function bytes(length: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength: length, maxLength: length });
}

const namespace = fc.constantFrom("main", "sys", "a", "x-9");
const digest: fc.Arbitrary<Digest> = fc.record({ count: fc.maxSafeNat(), fingerprint: bytes(16) });
const ts = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 2n }), fc.bigInt({ min: 0n, max: 300n }));
export const bound: fc.Arbitrary<Bound> = fc.record({ ts, id: fc.uint8Array({ maxLength: 32 }) });

const payload: fc.Arbitrary<Payload> = fc.oneof(
  fc.constant({ mode: "skip" } as const),
  fc.record({ mode: fc.constant("fingerprint" as const), fingerprint: bytes(16) }),
  fc.record({ mode: fc.constant("ids" as const), ids: fc.array(bytes(32), { maxLength: 5 }) }),
);

/** Adjacent ranges in order, the last one with or without an end. */
export const ranges: fc.Arbitrary<Range[]> = fc
  .tuple(fc.array(fc.tuple(bound, payload), { maxLength: 12 }), fc.option(payload))
  .map(([drawn, last]) => {
    const list: Range[] = [];
    let from = firstBound;
    const sorted = drawn.toSorted(([a], [b]) => compareBounds(a, b));
    if (last !== null) sorted.push([endBound, last]);
    for (const [to, content] of sorted) {
      if (compareBounds(from, to) >= 0) continue;
      list.push({ ...content, from, to });
      from = to;
    }
    return list;
  });

export function messageOf(list: readonly Range[]): Uint8Array {
  const out = new MessageWriter();
  for (const range of list) {
    if (range.mode === "skip") out.skip(range.from, range.to);
    else if (range.mode === "ids") out.ids(range.from, range.to, range.ids);
    else out.fingerprint(range.from, range.to, range.fingerprint);
  }
  return out.finish();
}

/** Sorted, without repetition. */
function ascending<T>(values: readonly T[], name: (value: T) => Uint8Array): T[] {
  const sorted = values.toSorted((a, b) => compareBytes(name(a), name(b)));
  return sorted.filter((value, index) => {
    const before = sorted[index - 1];
    return before === undefined || compareBytes(name(before), name(value)) !== 0;
  });
}

const namespaces = fc
  .array(fc.record({ namespace, count: fc.maxSafeNat(), fingerprint: bytes(16) }))
  .map((list) => ascending(list, (each) => encodeUtf8(each.namespace)));
const heard = fc
  .array(fc.record({ key: bytes(32), ageSeconds: fc.nat() }), { maxLength: 4 })
  .map((list) => ascending(list, ({ key }) => key));
const wallMs = fc.nat({ max: 2 ** 48 - 1 });

function kind<K extends Frame["kind"]>(name: K): fc.Arbitrary<K> {
  return fc.constant(name);
}

const places = fc
  .uniqueArray(fc.nat({ max: 2_000 }), { maxLength: 5 })
  .map((list) => list.toSorted((a, b) => a - b));

export const frames: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({ kind: kind("hello"), wallMs, digests: namespaces, heard }),
  fc.record({
    kind: kind("neg"),
    namespace,
    hold: fc.boolean(),
    message: fc.oneof(ranges.map(messageOf), fc.uint8Array()),
  }),
  fc.record({ kind: kind("want"), namespace, places }),
  fc.record({
    kind: kind("stream"),
    namespace,
    from: bound,
    windowBytes: fc.integer({ min: 1, max: 1 << 20 }),
  }),
  fc.record({
    kind: kind("data"),
    parts: fc.array(fc.uint8Array({ minLength: 1 }), { minLength: 1, maxLength: 4 }),
    more: fc.boolean(),
  }),
  fc.record({
    kind: kind("end"),
    namespace,
    digest,
    dealt: fc.nat({ max: 1_024 }),
    next: fc.option(bound, { nil: undefined }),
  }),
  fc.record({ kind: kind("offer"), namespace }),
  fc.record({ kind: kind("ack"), namespace, hold: fc.boolean(), digest }),
  fc.record({
    kind: kind("audit"),
    namespace,
    salt: bytes(16),
    from: bound,
    to: bound,
    count: fc.nat({ max: 1_024 }),
    hash: bytes(16),
  }),
  fc.record({ kind: kind("audited"), namespace, same: fc.boolean() }),
  fc.record({ kind: kind("hint"), asOfMs: wallMs, root: bytes(16) }),
  fc.record({ kind: kind("bye"), reason: fc.constant("equal" as const), root: bytes(16) }),
  fc.record({
    kind: kind("bye"),
    reason: fc.constantFrom("different" as const, "busy" as const),
    root: fc.constant(undefined),
  }),
);
