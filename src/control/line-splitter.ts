/** Lines of a byte stream, bounded: a line over the limit is reported as such and its bytes are not kept. */
import { Writer } from "../core/codec.ts";

/** The bytes of a line without its line feed, or undefined for one over the limit. */
export type Line = Uint8Array | undefined;

const lineFeed = 0x0a;

export class LineSplitter {
  readonly #bytesMax: number;
  /** What earlier chunks brought of the present line. */
  #begun = new Writer();
  #tooLong = false;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** The lines that end in this chunk, as views into it where they also begin in it. */
  *push(chunk: Uint8Array): Generator<Line, void> {
    let from = 0;
    for (;;) {
      const end = chunk.indexOf(lineFeed, from);
      if (end < 0) break;
      yield this.#finish(chunk.subarray(from, end));
      from = end + 1;
    }
    this.#keep(chunk.subarray(from));
  }

  /** The last line when the stream ended without a line feed. */
  *end(): Generator<Line, void> {
    if (this.#begun.length > 0 || this.#tooLong) yield this.#finish(new Uint8Array());
  }

  #keep(piece: Uint8Array): void {
    if (this.#fits(piece)) this.#begun.bytes(piece);
    else this.#forget(true);
  }

  #finish(piece: Uint8Array): Line {
    const line = this.#fits(piece) ? this.#joined(piece) : undefined;
    this.#forget(false);
    return line;
  }

  #joined(piece: Uint8Array): Uint8Array {
    return this.#begun.length === 0 ? piece : this.#begun.bytes(piece).finish();
  }

  #fits(piece: Uint8Array): boolean {
    return !this.#tooLong && this.#begun.length + piece.length <= this.#bytesMax;
  }

  #forget(tooLong: boolean): void {
    if (this.#begun.length > 0) this.#begun = new Writer();
    this.#tooLong = tooLong;
  }
}
