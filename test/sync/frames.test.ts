/** Session frames on the wire. */
import { describe, expect, test as plain } from "vitest";
import { fromHex, toHex } from "../../src/core/codec.ts";
import { limits } from "../../src/core/limits.ts";
import {
  decodeFrame,
  encodeFrame,
  type Frame,
  negBytesMax,
} from "../../src/protocol/sync/frames.ts";
import { rootOf } from "../../src/protocol/sync/digests.ts";
import { packBundles, Unpacker } from "../../src/protocol/sync/pack.ts";
import { codedError } from "../coded-error.ts";
import { bytes, frames } from "./arbitraries.ts";
import { fc, test } from "./property.ts";
import { sampleFrames } from "./samples.ts";
import vectors from "./vectors.json" with { type: "json" };

describe("fixed bytes", () => {
  plain.each(Object.entries(sampleFrames))("%s", (name, frame) => {
    const hex = (vectors.frames as Record<string, string>)[name];
    expect(toHex(encodeFrame(frame))).toBe(hex);
    expect(decodeFrame(fromHex(hex ?? ""))).toEqual(frame);
  });

  plain("root of digests", () => {
    const { hello } = sampleFrames;
    expect(toHex(rootOf(hello?.kind === "hello" ? hello.digests : []))).toBe(vectors.root);
  });

  plain.each(vectors.badFrames)("refused: $name", async ({ hex }) => {
    await codedError(() => decodeFrame(fromHex(hex)), "BAD_FORMAT");
  });
});

test([frames], "every frame is read as it was written", { numRuns: 500 }, (frame) => {
  expect(decodeFrame(encodeFrame(frame))).toEqual(frame);
});

test(
  [
    fc.oneof(
      fc.uint8Array(),
      fc
        .tuple(fc.integer({ min: 1, max: 12 }), fc.uint8Array())
        .map(([kind, rest]) => Uint8Array.of(kind, ...rest)),
    ),
  ],
  "any bytes are read or refused as badly formed, and what is read is written the same",
  { numRuns: 3_000 },
  (input) => {
    let frame: Frame;
    try {
      frame = decodeFrame(input);
    } catch (error) {
      expect(error).toMatchObject({ name: "CoterieError", code: "BAD_FORMAT" });
      return;
    }
    expect(encodeFrame(frame)).toEqual(input);
  },
);

test(
  [frames, fc.nat(), fc.nat({ max: 255 })],
  "a frame with one byte changed is read or refused",
  { numRuns: 1_000 },
  (frame, at, byte) => {
    const input = encodeFrame(frame);
    input[at % input.length] = byte;
    try {
      expect(encodeFrame(decodeFrame(input))).toEqual(input);
    } catch (error) {
      expect(error).toMatchObject({ name: "CoterieError", code: "BAD_FORMAT" });
    }
  },
);

plain("the largest of each frame fits", () => {
  const namespace = "n".repeat(limits.namespaceBytesMax);
  const fingerprint = new Uint8Array(16);
  const full: Frame[] = [
    {
      kind: "hello",
      wallMs: 2 ** 48 - 1,
      digests: Array.from({ length: limits.namespacesMax }, (_, index) => ({
        namespace: `${"n".repeat(limits.namespaceBytesMax - 3)}${100 + index}`,
        count: Number.MAX_SAFE_INTEGER,
        fingerprint,
      })),
      heard: Array.from({ length: limits.heardMembersMax }, (_, index) => ({
        key: new Uint8Array(32).fill(index),
        ageSeconds: 2 ** 32 - 1,
      })),
    },
    { kind: "neg", namespace, hold: true, message: new Uint8Array(negBytesMax) },
    {
      kind: "want",
      namespace,
      places: Array.from({ length: limits.syncIdsPerFrameMax }, (_, index) => index),
    },
  ];
  for (const frame of full) {
    const encoded = encodeFrame(frame);
    expect(encoded.length).toBeLessThanOrEqual(limits.syncFrameBytesMax);
    expect(decodeFrame(encoded)).toEqual(frame);
  }
});

const sizes = fc.array(
  fc.oneof(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 300_000 })),
  { maxLength: 90 },
);

test(
  [sizes],
  "bundles of any size arrive whole and in order, in frames within their limits",
  { numRuns: 40 },
  (lengths) => {
    const bundles = lengths.map((length, index) => new Uint8Array(length).fill(index));
    const unpacker = new Unpacker();
    const arrived = packBundles(bundles).flatMap((frame) => {
      const encoded = encodeFrame(frame);
      expect(encoded.length).toBeLessThanOrEqual(limits.syncFrameBytesMax);
      const decoded = decodeFrame(encoded);
      return decoded.kind === "data" ? unpacker.take(decoded) : [];
    });
    expect(unpacker.idle).toBe(true);
    expect(arrived.length).toBe(bundles.length);
    for (const [index, bundle] of arrived.entries()) {
      expect(bundle.length === lengths[index] && bundle.every((byte) => byte === index % 256)).toBe(
        true,
      );
    }
  },
);

test([bytes(16)], "small bundles share frames", { numRuns: 5 }, (bundle) => {
  const frame = packBundles(Array.from({ length: 130 }, () => bundle));
  expect(frame.map(({ parts }) => parts.length)).toEqual([64, 64, 2]);
});
