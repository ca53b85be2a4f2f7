/**
 * Reads server-sent events (WHATWG HTML, section 9.2.6), bounded: lines end with LF or CRLF (a CR alone, which the
 * standard allows too, is not an end here), a line and the data of an event have a limit.
 */
import { decodeUtf8 } from "../core/codec.ts";
import { CoterieError } from "../core/errors.ts";
import { LineSplitter, type Line } from "./line-splitter.ts";

export type SseMessage = {
  /** `message` unless the sender says otherwise. */
  readonly event: string;
  readonly data: string;
  /** The last id sent so far; empty before the first. */
  readonly id: string;
};

export class SseParser {
  readonly #charsMax: number;
  readonly #lines: LineSplitter;
  #event = "";
  #data: string[] = [];
  #chars = 0;
  #id = "";

  constructor(bytesMax: number) {
    this.#charsMax = bytesMax;
    this.#lines = new LineSplitter(bytesMax);
  }

  /** The events that this chunk completes. Throws `TOO_LARGE`, or `BAD_FORMAT` for what is not UTF-8. */
  *push(chunk: Uint8Array): Generator<SseMessage, void> {
    for (const bytes of this.#lines.push(chunk)) {
      const line = textOf(bytes);
      if (line !== "") this.#field(line);
      else if (this.#data.length > 0) yield this.#take();
      else this.#event = "";
    }
  }

  #field(line: string): void {
    const colon = line.indexOf(":");
    if (colon === 0) return; // a comment
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") this.#event = value;
    else if (name === "id" && !value.includes("\0")) this.#id = value;
    else if (name === "data") this.#append(value);
  }

  #append(value: string): void {
    this.#chars += value.length + 1;
    if (this.#chars > this.#charsMax) throw tooLarge();
    this.#data.push(value);
  }

  #take(): SseMessage {
    const message = { event: this.#event || "message", data: this.#data.join("\n"), id: this.#id };
    this.#event = "";
    this.#data = [];
    this.#chars = 0;
    return message;
  }
}

function textOf(bytes: Line): string {
  if (bytes === undefined) throw tooLarge();
  const text = decodeUtf8(bytes);
  return text.endsWith("\r") ? text.slice(0, -1) : text;
}

function tooLarge(): CoterieError {
  return new CoterieError("TOO_LARGE", "the daemon sent an event over the limit");
}
