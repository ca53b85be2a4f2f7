/**
 * A table of a TOML file whose keys are taken one by one, with errors that name the line. The parser does not tell where
 * things stand, so lines are looked for in the text: a table of `[[step]]` by its heading, a key in the lines up to the
 * next heading. What is written otherwise (inline) is named by the line of what it stands in.
 */
import { parse, TomlError } from "smol-toml";
import { CoterieError, toCoterieError } from "../../src/core/errors.ts";
import { suggest } from "../../src/core/suggest.ts";

/** Lines `from` up to `to`, from 0. */
type Span = { readonly from: number; readonly to: number };

export function badScenario(file: string, line: number | undefined, reason: string): CoterieError {
  const place = line === undefined ? file : `${file}:${line}`;
  return new CoterieError("BAD_CONFIG", `${place}: ${reason}`);
}

/** Throws `BAD_CONFIG` for what is no TOML. */
export function parseTable(file: string, text: string): TomlTable {
  const lines = text.split(/\r?\n/);
  try {
    return new TomlTable(file, lines, { from: 0, to: lines.length }, [], parse(text));
  } catch (error) {
    if (!(error instanceof TomlError)) throw badScenario(file, undefined, messageOf(error));
    const [reason = ""] = error.message.replace("Invalid TOML document: ", "").split("\n");
    throw badScenario(file, error.line, reason);
  }
}

function messageOf(error: unknown): string {
  return toCoterieError(error).message;
}

export class TomlTable {
  readonly #file: string;
  readonly #lines: readonly string[];
  readonly #span: Span;
  readonly #path: readonly string[];
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #taken = new Set<string>();

  constructor(
    file: string,
    lines: readonly string[],
    span: Span,
    path: readonly string[],
    values: Readonly<Record<string, unknown>>,
  ) {
    this.#file = file;
    this.#lines = lines;
    this.#span = span;
    this.#path = path;
    this.#values = values;
  }

  /** Where it begins, from 1. */
  get line(): number {
    return this.#span.from + 1;
  }

  get keys(): string[] {
    return Object.keys(this.#values);
  }

  /** Names the line of `key`, or where the table begins. */
  fail(reason: string, key?: string): never {
    throw badScenario(this.#file, key === undefined ? this.line : this.#lineOf(key), reason);
  }

  /** What `read` makes of the key's value; `USAGE` errors of it get the line. */
  take<T>(key: string, read: (value: unknown) => T): T {
    this.#taken.add(key);
    try {
      return read(this.#values[key]);
    } catch (error) {
      if (!(error instanceof CoterieError) || error.code === "BAD_CONFIG") throw error;
      return this.fail(`${key}: ${error.message}`, key);
    }
  }

  text(key: string): string | undefined {
    return this.take(key, (value) => {
      if (value === undefined || typeof value === "string") return value;
      return this.fail(`${key} wants a text in quotes`, key);
    });
  }

  /** A whole number from `min` to `max`. */
  count(key: string, min: number, max: number): number | undefined {
    return this.take(key, (value) => {
      const fits = typeof value === "number" && Number.isInteger(value);
      if (value === undefined || (fits && value >= min && value <= max)) return value;
      return this.fail(`${key} wants a whole number from ${min} to ${max}`, key);
    });
  }

  choice<T extends string>(key: string, among: readonly T[]): T | undefined {
    const given = this.text(key);
    const found = among.find((each) => each === given);
    if (given === undefined || found !== undefined) return found;
    return this.fail(`${key} is one of ${among.join(", ")}, not "${given}"`, key);
  }

  /** Those of `[[key]]`. */
  tables(key: string): TomlTable[] {
    return this.take(key, (value) => {
      if (value === undefined) return [];
      const all = Array.isArray(value) ? (value as unknown[]) : [undefined];
      const spans = this.#spansOf(key);
      return all.map((each, at) => {
        if (typeof each !== "object" || each === null || Array.isArray(each)) {
          return this.fail(`${key} wants tables: [[${[...this.#path, key].join(".")}]]`, key);
        }
        const values = each as Readonly<Record<string, unknown>>;
        const span = spans[at] ?? this.#inline(key);
        return new TomlTable(this.#file, this.#lines, span, [...this.#path, key], values);
      });
    });
  }

  /** Every key must have been taken. */
  end(known: readonly string[]): void {
    const stray = this.keys.find((key) => !this.#taken.has(key));
    if (stray === undefined) return;
    const meant = suggest(stray, known);
    const hint = meant === undefined ? `known are ${known.join(", ")}` : `did you mean "${meant}"?`;
    this.fail(`unknown key "${stray}" (${hint})`, stray);
  }

  #inline(key: string): Span {
    const from = this.#lineOf(key) - 1;
    return { from, to: from + 1 };
  }

  /** From 1. */
  #lineOf(key: string): number {
    const { from, to } = this.#span;
    const sets = new RegExp(`(?:^|[{,])\\s*["']?${key.replace(/\W/g, "\\$&")}["']?\\s*[=.]`);
    const heads = new RegExp(`^\\s*\\[{1,2}[\\w.\\s]*\\b${key.replace(/\W/g, "\\$&")}\\b`);
    for (let at = from; at < to; at++) {
      const line = this.#lines[at] ?? "";
      if (sets.test(line) || heads.test(line)) return at + 1;
    }
    return this.line;
  }

  /** Of each `[[path.key]]`, up to the next of them. */
  #spansOf(key: string): Span[] {
    const path = [...this.#path, key]
      .map((part) => part.replace(/\W/g, "\\$&"))
      .join("\\s*\\.\\s*");
    const heading = new RegExp(`^\\s*\\[\\[\\s*${path}\\s*\\]\\]`);
    const { from, to } = this.#span;
    const heads = this.#lines.flatMap((line, at) =>
      at >= from && at < to && heading.test(line) ? [at] : [],
    );
    return heads.map((head, at) => ({ from: head, to: heads[at + 1] ?? to }));
  }
}
