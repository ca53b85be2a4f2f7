/**
 * Bytes that came and wait for their one reader. Whoever fills it is told when it is full and when there is room again;
 * what was under way in between is kept, so the bound is `bulkReadAheadBytesMax` and one more read.
 */
import { CoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";

export class ByteQueue implements AsyncIterable<Uint8Array> {
  readonly #setFlowing: (flowing: boolean) => void;
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #flowing = true;
  #ended = false;
  #failure: CoterieError | undefined;
  #wake: (() => void) | undefined;
  #received = 0;

  constructor(setFlowing: (flowing: boolean) => void) {
    this.#setFlowing = setFlowing;
  }

  get received(): number {
    return this.#received;
  }

  /** Of those received, how many the reader has got. */
  get read(): number {
    return this.#received - this.#waitingBytes;
  }

  get failure(): CoterieError | undefined {
    return this.#failure;
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.#ended || this.#failure !== undefined) return;
    this.#received += bytes.length;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#regulate();
    this.#rouse();
  }

  end(): void {
    this.#ended = true;
    this.#rouse();
  }

  /** The reader gets this instead of what still waits. */
  fail(failure: CoterieError): void {
    this.#failure ??= failure;
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
    this.#rouse();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    while (await this.#untilSome()) yield this.#shift();
  }

  /** Exactly so many bytes, the rest stays. Throws `UNREACHABLE` when they end before. */
  async take(length: number): Promise<Uint8Array> {
    const taken = new Uint8Array(length);
    for (let at = 0; at < length;) {
      if (!(await this.#untilSome())) throw new CoterieError("UNREACHABLE", "it ended too early");
      const bytes = this.#shift();
      const part = bytes.subarray(0, length - at);
      taken.set(part, at);
      at += part.length;
      if (part.length < bytes.length) this.#unshift(bytes.subarray(part.length));
    }
    return taken;
  }

  /** False at the end. */
  async #untilSome(): Promise<boolean> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#waiting.length > 0) return true;
      if (this.#ended) return false;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #shift(): Uint8Array {
    const bytes = this.#waiting.shift()!;
    this.#waitingBytes -= bytes.length;
    this.#regulate();
    return bytes;
  }

  #unshift(bytes: Uint8Array): void {
    this.#waiting.unshift(bytes);
    this.#waitingBytes += bytes.length;
    this.#regulate();
  }

  #regulate(): void {
    const flowing = this.#waitingBytes <= limits.bulkReadAheadBytesMax;
    if (flowing === this.#flowing) return;
    this.#flowing = flowing;
    this.#setFlowing(flowing);
  }

  #rouse(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
