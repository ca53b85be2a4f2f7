/** What a verb prints: results on stdout, everything said about them on stderr. */
import { once } from "node:events";
import { escapeJson, escapeText } from "./terminal/escape.ts";
import type { Io } from "./io.ts";
import { listLines, type Column } from "./terminal/list.ts";
import { paintFor, type Paint } from "./terminal/paint.ts";

export class Output {
  readonly json: boolean;
  readonly paint: Paint;
  readonly #io: Io;

  constructor(io: Io, json: boolean) {
    this.#io = io;
    this.json = json;
    this.paint = paintFor(io.stdout, io.env);
  }

  get tty(): boolean {
    return this.#io.stdout.isTTY === true;
  }

  get columns(): number {
    return this.#io.stdout.columns || 80;
  }

  get rows(): number {
    return this.#io.stdout.rows || 24;
  }

  /** Waits while the reader is slower than we are. */
  async write(chunk: string | Uint8Array): Promise<void> {
    if (!this.#io.stdout.write(chunk)) await once(this.#io.stdout, "drain");
  }

  async line(text: string): Promise<void> {
    await this.write(`${text}\n`);
  }

  /** One document: indented on a terminal, else on one line. */
  async document(value: unknown): Promise<void> {
    await this.line(escapeJson(JSON.stringify(value, null, this.tty ? 2 : 0)));
  }

  /** One line of a stream of JSON lines. */
  async record(value: unknown): Promise<void> {
    await this.line(escapeJson(JSON.stringify(value)));
  }

  async list<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): Promise<void> {
    for (const text of listLines(columns, rows, this)) await this.line(text);
  }

  /** A word to the person at the terminal, on stderr. */
  note(text: string): void {
    this.#io.stderr.write(`${escapeText(text)}\n`);
  }

  /** As `note`, but only where a person is likely to read it: with results on a terminal. */
  aside(text: string): void {
    if (this.tty && !this.json) this.note(text);
  }
}
