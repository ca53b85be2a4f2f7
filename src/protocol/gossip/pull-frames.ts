/**
 * Frames of a pull stream. The side that opened it asks, by the hash of a body (32 bytes, one a frame); the other answers
 * in the order of the questions: a byte that says what it is, and bytes of the body. Layout: docs/formats.md, "Gossip".
 */
import { badFormat, concatBytes } from "../../core/codec.ts";
import { hashBytes } from "../../core/ids.ts";
import { limits } from "../../core/limits.ts";

const answers = { gone: 0, more: 1, last: 2 } as const;
const pieceBytesMax = limits.syncFrameBytesMax - 1;

export type Answer =
  | { readonly kind: "gone" }
  | { readonly kind: "piece"; readonly bytes: Uint8Array; readonly last: boolean };

/** The hash asked for; throws `BAD_FORMAT`. */
export function decodeRequest(frame: Uint8Array): Uint8Array {
  return frame.length === hashBytes ? frame : badFormat("not the hash of a body");
}

export function encodeAnswer(body: Uint8Array | undefined): Uint8Array[] {
  if (body === undefined) return [Uint8Array.of(answers.gone)];
  const frames: Uint8Array[] = [];
  for (let at = 0; at === 0 || at < body.length; at += pieceBytesMax) {
    const last = at + pieceBytesMax >= body.length;
    const piece = body.subarray(at, at + pieceBytesMax);
    frames.push(concatBytes(Uint8Array.of(last ? answers.last : answers.more), piece));
  }
  return frames;
}

/** Throws `BAD_FORMAT`. */
export function decodeAnswer(frame: Uint8Array): Answer {
  const bytes = frame.subarray(1);
  if (frame[0] === answers.gone && bytes.length === 0) return { kind: "gone" };
  if (frame[0] === answers.more && bytes.length === pieceBytesMax) {
    return { kind: "piece", bytes, last: false };
  }
  if (frame[0] === answers.last) return { kind: "piece", bytes, last: true };
  return badFormat("not an answer to a pull");
}
