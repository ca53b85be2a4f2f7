import * as fc from "fast-check";
import { expect, test } from "vitest";
import { concatBytes, Writer } from "../../src/core/codec.ts";
import { CoterieError } from "../../src/core/errors.ts";
import { encodeLength, FrameParser } from "../../src/host/net/frame-parser.ts";

function framed(frames: readonly Uint8Array[]): Uint8Array {
  return concatBytes(...frames.flatMap((frame) => [encodeLength(frame.length), frame]));
}

function parseInPieces(bytes: Uint8Array, sizes: readonly number[], max: number): Uint8Array[] {
  const parser = new FrameParser(max);
  const frames: Uint8Array[] = [];
  let at = 0;
  for (let turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    parser.push(bytes.subarray(at, at + size));
    at += size;
    for (let frame = parser.next(); frame !== undefined; frame = parser.next()) {
      frames.push(frame.slice());
    }
  }
  expect(parser.pendingBytes).toBe(0);
  return frames;
}

test("frames come out as they went in, however the stream is cut", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 10 }),
      (frames, sizes) => {
        expect(parseInPieces(framed(frames), sizes, 300)).toEqual(frames);
      },
    ),
  );
});

test("lengths are written as the codec writes numbers", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (length) => {
      expect(encodeLength(length)).toEqual(new Writer().varint(length).finish());
    }),
  );
});

test("arbitrary bytes give frames within the limit or BAD_FORMAT, nothing else", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
      const parser = new FrameParser(200);
      parser.push(bytes);
      try {
        for (let frame = parser.next(); frame !== undefined; frame = parser.next()) {
          expect(frame.length).toBeLessThanOrEqual(200);
        }
      } catch (error) {
        expect(error).toBeInstanceOf(CoterieError);
        expect(error).toHaveProperty("code", "BAD_FORMAT");
      }
    }),
  );
});

test.each([
  ["a length over the limit, before its bytes come", [0xc9, 0x01]],
  ["a length that never ends", [0xff, 0xff, 0xff]],
  ["a length in a longer form than needed", [0x80, 0x00]],
])("%s is BAD_FORMAT", (_name, bytes) => {
  const parser = new FrameParser(200);
  parser.push(Uint8Array.from(bytes));
  expect(() => parser.next()).toThrow(CoterieError);
});
