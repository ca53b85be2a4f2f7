/** Exact numbers of bytes out of chunks as they come. What lies in one chunk is given as a view of it. */
import { CoterieError } from "../../../core/errors.ts";
import type { Clock } from "../../../core/ports.ts";
import { BlockBuffers } from "./block-buffers.ts";

export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #clock: Clock;
  readonly #buffers: BlockBuffers;
  #rest: Uint8Array = new Uint8Array(0);
  #waitingSinceMs: number | undefined;

  /** `buffers`: for what does not lie in one chunk. */
  constructor(chunks: AsyncIterable<Uint8Array>, clock: Clock, buffers = new BlockBuffers()) {
    this.#buffers = buffers;
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.#clock = clock;
  }

  /** How long the reader has been waiting for the peer; 0 while it is the reader's own user that takes time. */
  get waitedMs(): number {
    return this.#waitingSinceMs === undefined
      ? 0
      : this.#clock.monotonicMs() - this.#waitingSinceMs;
  }

  /** Undefined at the end. Throws `UNREACHABLE` when the bytes end before that many have come. */
  async takeUnlessEnded(length: number): Promise<Uint8Array | undefined> {
    if (this.#rest.length === 0) {
      const chunk = await this.#next();
      if (chunk === undefined) return undefined;
      this.#rest = chunk;
    }
    return this.take(length);
  }

  async take(length: number): Promise<Uint8Array> {
    const rest = this.#rest;
    if (rest.length >= length) {
      this.#rest = rest.subarray(length);
      return rest.subarray(0, length);
    }
    const taken = this.#buffers.take(length);
    taken.set(rest);
    for (let at = rest.length; at < length;) {
      const chunk = await this.#next();
      if (chunk === undefined) {
        throw new CoterieError("UNREACHABLE", "the peer ended in the middle of a frame");
      }
      const part = chunk.length > length - at ? chunk.subarray(0, length - at) : chunk;
      taken.set(part, at);
      at += part.length;
      this.#rest = chunk.subarray(part.length);
    }
    return taken;
  }

  async #next(): Promise<Uint8Array | undefined> {
    this.#waitingSinceMs = this.#clock.monotonicMs();
    const { value, done } = await this.#chunks.next();
    this.#waitingSinceMs = undefined;
    return done === true ? undefined : value;
  }
}
