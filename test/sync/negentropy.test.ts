/** Negentropy v1 on the wire: fixed bytes, and agreement with a second implementation written from the spec alone. */
import { createHash } from "node:crypto";
import { describe, expect, test as plain } from "vitest";
import { fromHex, toHex } from "../../src/core/codec.ts";
import { CoterieError } from "../../src/core/errors.ts";
import type { Bound } from "../../src/core/ports.ts";
import { decodeMessage, fingerprintOf, type Range } from "../../src/protocol/sync/negentropy.ts";
import { firstBound, separator } from "../../src/protocol/sync/position.ts";
import { summaryOf } from "../../src/protocol/sync/range-reader.ts";
import { codedError } from "../coded-error.ts";
import { bytes, messageOf, ranges } from "./arbitraries.ts";
import { fc, test } from "./property.ts";
import vectors from "./vectors.json" with { type: "json" };

/** The spec's rules over hexadecimal text and big integers. */
const spec = {
  varint(value: bigint): string {
    const digits = value
      .toString(2)
      .padStart(Math.max(7, Math.ceil(value.toString(2).length / 7) * 7), "0");
    const groups = digits.match(/.{7}/g)!;
    return groups
      .map((group, index) => Number.parseInt(`${index < groups.length - 1 ? 1 : 0}${group}`, 2))
      .map((byte) => byte.toString(16).padStart(2, "0"))
      .join("");
  },
  message(list: readonly Range[]): string {
    let out = "61";
    let last = 0n;
    for (const range of list) {
      const infinite = range.to.ts === 2n ** 64n - 1n;
      out += spec.varint(infinite ? 0n : 1n + range.to.ts - last);
      last = range.to.ts;
      out += spec.varint(BigInt(range.to.id.length)) + toHex(range.to.id);
      if (range.mode === "skip") out += "00";
      if (range.mode === "fingerprint") out += `01${toHex(range.fingerprint)}`;
      if (range.mode === "ids") {
        out += `02${spec.varint(BigInt(range.ids.length))}${range.ids.map(toHex).join("")}`;
      }
    }
    return out;
  },
  fingerprint(ids: readonly Uint8Array[]): string {
    const littleEndian = (id: Uint8Array): bigint => BigInt(`0x${toHex(id.toReversed())}`);
    const sum = ids.reduce((total, id) => (total + littleEndian(id)) % 2n ** 256n, 0n);
    const sumBytes = fromHex(sum.toString(16).padStart(64, "0")).toReversed();
    const count = fromHex(spec.varint(BigInt(ids.length)));
    return createHash("sha256").update(sumBytes).update(count).digest("hex").slice(0, 32);
  },
};

type JsonBound = { readonly ts: string; readonly id: string };
type JsonRange = {
  readonly to: JsonBound;
  readonly mode: string;
  readonly fingerprint?: string;
  readonly ids?: readonly string[];
};

function rangesOf(json: readonly JsonRange[]): Range[] {
  let from = firstBound;
  return json.map((each) => {
    const to: Bound = { ts: BigInt(each.to.ts), id: fromHex(each.to.id) };
    const place = { from, to };
    from = to;
    if (each.fingerprint !== undefined) {
      return { ...place, mode: "fingerprint", fingerprint: fromHex(each.fingerprint) };
    }
    if (each.ids !== undefined) return { ...place, mode: "ids", ids: each.ids.map(fromHex) };
    return { ...place, mode: "skip" };
  });
}

describe("fixed bytes", () => {
  plain.each(vectors.negentropyMessages)("message: $name", ({ ranges: json, hex }) => {
    const list = rangesOf(json);
    expect(toHex(messageOf(list))).toBe(hex);
    expect(spec.message(list)).toBe(hex);
    expect(decodeMessage(fromHex(hex))).toEqual(list);
  });

  plain.each(vectors.fingerprints)("fingerprint of $ids.length ids", ({ ids, hex }) => {
    const items = ids.map((id) => ({ ts: 0n, id: fromHex(id) }));
    expect(toHex(fingerprintOf(summaryOf(items)))).toBe(hex);
    expect(spec.fingerprint(ids.map(fromHex))).toBe(hex);
  });

  plain.each(vectors.badMessages)("refused: $name", async ({ hex }) => {
    await codedError(() => decodeMessage(fromHex(hex)), "BAD_FORMAT");
  });
});

test([ranges], "messages are written as the spec says, and read back", {}, (list) => {
  const message = messageOf(list);
  expect(toHex(message)).toBe(spec.message(list));
  expect(decodeMessage(message)).toEqual(list);
});

test([fc.array(bytes(32), { maxLength: 200 })], "fingerprints are as the spec says", {}, (ids) => {
  const summary = summaryOf(ids.map((id) => ({ ts: 0n, id })));
  expect(toHex(fingerprintOf(summary))).toBe(spec.fingerprint(ids));
});

test(
  [
    fc.oneof(
      fc.uint8Array(),
      fc.uint8Array().map((tail) => Uint8Array.of(0x61, ...tail)),
    ),
  ],
  "any bytes are read or refused as badly formed, and what is read is written the same",
  { numRuns: 2_000 },
  (message) => {
    let list: Range[];
    try {
      list = decodeMessage(message);
    } catch (error) {
      expect(error).toBeInstanceOf(CoterieError);
      expect(error).toMatchObject({ code: "BAD_FORMAT" });
      return;
    }
    expect(messageOf(list)).toEqual(message);
  },
);

test(
  [ranges, fc.nat(), fc.nat({ max: 255 })],
  "a message with one byte changed is read or refused, never more than it holds",
  { numRuns: 1_000 },
  (list, at, byte) => {
    const message = messageOf(list);
    message[at % message.length] = byte;
    try {
      const ids = decodeMessage(message).flatMap((range) =>
        range.mode === "ids" ? range.ids : [],
      );
      expect(ids.length * 32).toBeLessThanOrEqual(message.length);
    } catch (error) {
      expect(error).toMatchObject({ code: "BAD_FORMAT" });
    }
  },
);

const similarId = fc
  .tuple(fc.nat({ max: 31 }), fc.nat({ max: 3 }))
  .map(([at, byte]) => new Uint8Array(32).fill(byte, at, at + 1));

test(
  [similarId, similarId, fc.bigInt({ min: 0n, max: 8n }), fc.bigInt({ min: 0n, max: 1n })],
  "a separator lies after the one item and not after the next, and no shorter one does",
  {},
  (a, b, ts, later) => {
    fc.pre(later > 0n || toHex(a) < toHex(b));
    const text = (position: Bound): string => `${position.ts}${toHex(position.id)}`;
    const [previous, next] = [
      { ts, id: a },
      { ts: ts + later, id: b },
    ];
    const found = separator(previous, next);
    expect(text(previous) < text(found) && text(found) <= text(next)).toBe(true);
    if (found.id.length === 0) return;
    expect(text({ ts: found.ts, id: found.id.subarray(0, -1) }) <= text(previous)).toBe(true);
  },
);
