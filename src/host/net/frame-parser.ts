/**
 * Cuts a byte stream into frames: an unsigned LEB128 length in its shortest form, then that many bytes. The length
 * is judged before anything is kept for it, so a peer can claim what it likes and costs no more than it sends.
 */
import { badFormat, concatBytes } from "../../core/codec.ts";

const nothing = new Uint8Array(0);

export class FrameParser {
  readonly #frameBytesMax: number;
  readonly #lengthBytesMax: number;
  #buffer: Uint8Array = nothing;

  constructor(frameBytesMax: number) {
    this.#frameBytesMax = frameBytesMax;
    this.#lengthBytesMax = encodeLength(frameBytesMax).length;
  }

  /** Bytes that are not yet in a frame that `next` gave out. */
  get pendingBytes(): number {
    return this.#buffer.length;
  }

  push(bytes: Uint8Array): void {
    this.#buffer = this.#buffer.length === 0 ? bytes : concatBytes(this.#buffer, bytes);
  }

  /** The next whole frame, or undefined until more bytes come. Throws `BAD_FORMAT`. */
  next(): Uint8Array | undefined {
    const header = this.#readLength();
    if (header === undefined) return undefined;
    const end = header.size + header.length;
    if (this.#buffer.length < end) return undefined;
    const frame = this.#buffer.subarray(header.size, end);
    this.#buffer = this.#buffer.length === end ? nothing : this.#buffer.subarray(end);
    return frame;
  }

  #readLength(): { size: number; length: number } | undefined {
    let length = 0;
    for (let size = 1; size <= this.#lengthBytesMax; size++) {
      const byte = this.#buffer[size - 1];
      if (byte === undefined) return undefined;
      length += (byte & 0x7f) * 2 ** (7 * (size - 1));
      if (byte >= 0x80) continue;
      if (byte === 0 && size > 1) badFormat("a frame's length is not in its shortest form");
      if (length > this.#frameBytesMax) {
        badFormat(`a frame of ${length} bytes is over the limit of ${this.#frameBytesMax}`);
      }
      return { size, length };
    }
    return badFormat(`a frame is over the limit of ${this.#frameBytesMax} bytes`);
  }
}

export function encodeLength(length: number): Uint8Array {
  const bytes: number[] = [];
  let rest = length;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Uint8Array.from([...bytes, rest]);
}
