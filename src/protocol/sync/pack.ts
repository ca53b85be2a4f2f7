/**
 * Bundles to `data` frames and back. Small bundles share a frame; one that is larger than a frame goes on in the
 * next. A frame holds few enough bundles for a receiver to ingest them in one go.
 */
import { concatBytes } from "../../core/codec.ts";
import { CoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { Frame } from "./frames.ts";

export type DataFrame = Extract<Frame, { kind: "data" }>;

/** Kind, flags, and the longest length prefix of a part. */
const headBytes = 2;
const lengthBytesMax = 3;

export function packBundles(bundles: readonly Uint8Array[]): DataFrame[] {
  const frames: DataFrame[] = [];
  let parts: Uint8Array[] = [];
  let room = limits.syncFrameBytesMax - headBytes;
  const flush = (more: boolean): void => {
    if (parts.length > 0) frames.push({ kind: "data", parts, more });
    parts = [];
    room = limits.syncFrameBytesMax - headBytes;
  };
  for (const bundle of bundles) {
    const fits = bundle.length + lengthBytesMax <= room;
    if (!fits || parts.length === limits.syncBundlesPerFrameMax) flush(false);
    let rest = bundle;
    while (rest.length + lengthBytesMax > room) {
      parts.push(rest.subarray(0, room - lengthBytesMax));
      rest = rest.subarray(room - lengthBytesMax);
      flush(true);
    }
    parts.push(rest);
    room -= rest.length + lengthBytesMax;
  }
  flush(false);
  return frames;
}

/** Puts bundles together again, within `limits.syncBundleBytesMax`. */
export class Unpacker {
  #begun: Uint8Array[] = [];
  #begunBytes = 0;

  /** True between bundles. */
  get idle(): boolean {
    return this.#begun.length === 0;
  }

  /** The bundles that this frame completes; throws `TOO_LARGE`. */
  take(frame: DataFrame): Uint8Array[] {
    const bundles: Uint8Array[] = [];
    for (const [index, part] of frame.parts.entries()) {
      this.#begun.push(part);
      this.#begunBytes += part.length;
      if (this.#begunBytes > limits.syncBundleBytesMax) {
        throw new CoterieError("TOO_LARGE", "a bundle over the limit");
      }
      if (frame.more && index === frame.parts.length - 1) break;
      bundles.push(this.#begun.length === 1 ? part : concatBytes(...this.#begun));
      this.#begun = [];
      this.#begunBytes = 0;
    }
    return bundles;
  }
}
