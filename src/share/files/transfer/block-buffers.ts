/**
 * Buffers of large blocks, used again: a transfer that takes a new one for each makes the collector of garbage run every
 * fifty megabytes, for a fifth of its time.
 */
import { limits } from "../../../core/limits.ts";

/** Smaller ones are not worth it. */
const bytesMin = 256 * 1024;

export class BlockBuffers {
  readonly #spare: ArrayBuffer[] = [];
  /** Only these are taken back. */
  readonly #own = new WeakSet<ArrayBufferLike>();

  /** Whatever bytes are in it, all of them are to be written. */
  take(length: number): Uint8Array {
    if (length < bytesMin) return fresh(length);
    const at = this.#spare.findIndex(({ byteLength }) => byteLength >= length);
    // where all are too small, one goes
    const [spare] = this.#spare.splice(Math.max(at, 0), 1);
    if (at !== -1 && spare !== undefined) return new Uint8Array(spare, 0, length);
    const bytes = fresh(length);
    this.#own.add(bytes.buffer);
    return bytes;
  }

  /** The bytes lie in a buffer of their own, which was taken here. */
  isOwn({ buffer }: Uint8Array): boolean {
    return this.#own.has(buffer);
  }

  /** The bytes were given away with their buffer, and came back in a new one. */
  adopt({ buffer }: Uint8Array): void {
    this.#own.add(buffer);
  }

  /** Nobody reads these any more. */
  giveBack(bytes: Uint8Array): void {
    const { buffer } = bytes;
    const isFull = this.#spare.length >= limits.blockBuffersSpareMax;
    if (!isFull && buffer instanceof ArrayBuffer && this.#own.has(buffer)) this.#spare.push(buffer);
  }
}

/** Not zeroed, since all of it is written before it is given out; never a part of Node's shared pool. */
function fresh(length: number): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset } = Buffer.allocUnsafeSlow(length);
  return new Uint8Array(buffer, byteOffset, length);
}
