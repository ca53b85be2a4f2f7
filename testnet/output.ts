/** What a verb prints: results on stdout, everything said about them on stderr. */
import type { Io } from "./io.ts";

export type Column<Row> = {
  readonly title: string;
  readonly text: (row: Row) => string | number | null;
  /** For people; `text` when absent. */
  readonly short?: (row: Row) => string;
};

/** What ends waiting for a reader, who may go away. */
const ready = ["drain", "close", "error"] as const;
const clearLine = "\r\u001b[K";

export class Output {
  readonly json: boolean;
  readonly #io: Io;
  #progress = "";

  constructor(io: Io, json: boolean) {
    this.json = json;
    this.#io = io;
  }

  get readerGone(): boolean {
    return this.#io.stdout.destroyed;
  }

  /** Waits while the reader is slower than we are; drops what nobody will read. */
  async write(chunk: string | Uint8Array): Promise<void> {
    const { stdout } = this.#io;
    if (stdout.destroyed || stdout.write(chunk)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    for (const event of ready) stdout.once(event, resolve);
    await promise;
    for (const event of ready) stdout.off(event, resolve);
  }

  line(text: string): Promise<void> {
    return this.write(`${text}\n`);
  }

  /** One document: indented on a terminal, else on one line. */
  document(value: unknown): Promise<void> {
    return this.line(JSON.stringify(value, null, this.#io.stdout.isTTY === true ? 2 : 0));
  }

  /** Aligned columns with a heading on a terminal; elsewhere fields separated by tabs. */
  async table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): Promise<void> {
    const tty = this.#io.stdout.isTTY === true;
    const cells = rows.map((row) =>
      columns.map(({ text, short }) => (tty && short ? short(row) : String(text(row) ?? "-"))),
    );
    if (!tty) {
      for (const row of cells) await this.line(row.join("\t"));
      return;
    }
    const lines = [columns.map(({ title }) => title), ...cells];
    const widths = columns.map((_, at) => Math.max(...lines.map((row) => row[at]?.length ?? 0)));
    for (const row of lines) {
      await this.line(
        row
          .map((text, at) => text.padEnd(widths[at] ?? 0))
          .join("  ")
          .trimEnd(),
      );
    }
  }

  /** A word to the person at the terminal, on stderr. */
  note(text: string): void {
    this.#clear();
    this.#io.stderr.write(`${text}\n`);
  }

  /** As `note`, but not beside a JSON document. */
  aside(text: string): void {
    if (!this.json) this.note(text);
  }

  /** How far long work is, on stderr: a line that rewrites itself on a terminal, elsewhere one per change. */
  progress(text: string): void {
    if (text === this.#progress) return;
    this.#progress = text;
    if (this.#io.stderr.isTTY === true) this.#io.stderr.write(`${clearLine}${text}`);
    else if (!this.json) this.#io.stderr.write(`${text}\n`);
  }

  endProgress(): void {
    this.#clear();
    this.#progress = "";
  }

  #clear(): void {
    if (this.#progress !== "" && this.#io.stderr.isTTY === true) this.#io.stderr.write(clearLine);
  }
}
