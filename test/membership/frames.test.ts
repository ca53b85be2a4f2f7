import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import { CoterieError } from "../../src/core/errors.ts";
import { decodeNews, encodeNews, type News } from "../../src/protocol/membership/news.ts";
import {
  decodeProbeFrame,
  encodeProbeFrame,
  type ProbeFrame,
} from "../../src/protocol/membership/probe-frames.ts";
import { isGenuine, signStatement } from "../../src/protocol/membership/statement.ts";
import { identityOf, network } from "./village.ts";

const signer = identityOf("a signer");

const news: fc.Arbitrary<News> = fc
  .tuple(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), fc.boolean(), fc.boolean())
  .map(([incarnation, left, accused]) => ({
    statement: signStatement({ incarnation, left }, signer, network),
    accused: accused && !left,
  }));
const number = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
const frame: fc.Arbitrary<ProbeFrame> = fc.oneof(
  fc.record({ kind: fc.constantFrom("ping" as const, "ack" as const, "nack" as const), number }),
  fc.record({ kind: fc.constant("ask" as const), number, target: key }),
  fc.record({
    kind: fc.constant("table" as const),
    wanted: fc.boolean(),
    news: fc.array(news, { maxLength: 4 }),
  }),
);

/** It decodes to what encodes to the same bytes, or is refused as badly formed. */
function isOneOrTheOther(bytes: Uint8Array, again: (bytes: Uint8Array) => Uint8Array): void {
  try {
    expect(again(bytes)).toEqual(bytes);
  } catch (error) {
    if (!(error instanceof CoterieError)) throw error;
    expect(error.code).toBe("BAD_FORMAT");
  }
}

const againNews = (bytes: Uint8Array): Uint8Array => encodeNews(decodeNews(bytes));
const againFrame = (bytes: Uint8Array): Uint8Array => encodeProbeFrame(decodeProbeFrame(bytes));

describe("news and probe frames", () => {
  test("come back from their bytes, with a signature that holds in their network only", () => {
    fc.assert(
      fc.property(news, (one) => {
        const decoded = decodeNews(encodeNews(one));
        expect(decoded).toEqual(one);
        expect(isGenuine(decoded.statement, network)).toBe(true);
        expect(isGenuine(decoded.statement, new Uint8Array(32))).toBe(false);
      }),
      { numRuns: 50 },
    );
    fc.assert(
      fc.property(frame, (one) => {
        expect(decodeProbeFrame(encodeProbeFrame(one))).toEqual(one);
      }),
      { numRuns: 100 },
    );
  });

  test("of any other bytes are none, and nothing worse", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        isOneOrTheOther(bytes, againNews);
        isOneOrTheOther(bytes, againFrame);
      }),
      { numRuns: 1_000 },
    );
    const bent = fc.tuple(frame, fc.nat(), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(bent, ([one, at, by]) => {
        const bytes = encodeProbeFrame(one);
        bytes[at % bytes.length]! ^= by;
        isOneOrTheOther(bytes, againFrame);
        isOneOrTheOther(bytes.subarray(0, at % bytes.length), againFrame);
      }),
      { numRuns: 500 },
    );
  });

  test("with one signature flipped are not genuine", () => {
    const statement = signStatement({ incarnation: 3, left: false }, signer, network);
    expect(isGenuine({ ...statement, left: true }, network)).toBe(false);
    expect(isGenuine({ ...statement, incarnation: 4 }, network)).toBe(false);
  });

  test("a table has room in a frame, and one item more is refused", () => {
    const statement = signStatement(
      { incarnation: Number.MAX_SAFE_INTEGER, left: false },
      signer,
      network,
    );
    const item = { statement, accused: false };
    const full = {
      kind: "table",
      wanted: true,
      news: Array.from({ length: limits.newsPerFrameMax }, () => item),
    } as const;
    expect(encodeProbeFrame(full).length).toBeLessThanOrEqual(limits.syncFrameBytesMax);
    const over = encodeProbeFrame({ ...full, news: [...full.news, item] });
    expect(() => decodeProbeFrame(over)).toThrow("too much news");
  });
});
