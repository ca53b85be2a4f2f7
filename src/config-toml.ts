/**
 * The configuration file as text: parsing it with line numbers, and changing one value with its comments kept.
 *
 * A change is made on the lines and then proved: the new text must parse to exactly the old content with that one
 * value set. So the line scanner may be simple (it knows nothing of multi-line strings); what it gets wrong is never
 * written.
 */
import { isDeepStrictEqual } from "node:util";
import { parse, stringify, TomlError, type TomlTable } from "smol-toml";
import { CoterieError, toCoterieError } from "./core/errors.ts";

export type Path = readonly string[];
export type TomlFile = { readonly path: string; readonly text: string };

/** A path as it would be written in the file. */
export function pathText(path: Path): string {
  return path.map((part) => (/^[\w-]+$/.test(part) ? part : JSON.stringify(part))).join(".");
}

/** Throws `BAD_CONFIG` for `key` of a file, naming the line where it stands. */
export function badConfigFile(file: TomlFile, path: Path, reason: string): never {
  const line = lineOf(file.text, path);
  throw badConfig(line === undefined ? file.path : `${file.path}:${line}`, reason);
}

/** `place` is a file with its line, a variable, or "flag". */
export function badConfig(place: string, reason: string): CoterieError {
  return new CoterieError("BAD_CONFIG", `${place}: ${reason}`);
}

/** Throws `BAD_CONFIG` with path and line. Tables have no prototype, so that no key means more than itself. */
export function parseToml(file: TomlFile): TomlTable {
  if (file.text.startsWith("\ufeff")) {
    throw badConfig(
      `${file.path}:1`,
      "begins with a byte order mark; save it as UTF-8 without one",
    );
  }
  try {
    return parse(file.text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw badConfig(file.path, toCoterieError(error).message);
    const [reason = ""] = error.message.replace("Invalid TOML document: ", "").split("\n");
    throw badConfig(`${file.path}:${error.line}:${error.column}`, reason);
  }
}

type Line = { readonly header: boolean; readonly path: Path };

const header = /^\s*\[{1,2}([^\]#]+)\]{1,2}\s*(?:#.*)?$/;
const assignment = /^\s*([\w"'.\s-]+?)\s*=/;

function splitPath(text: string): Path {
  const parts = text.match(/"[^"]*"|'[^']*'|[^.]+/g) ?? [];
  return parts.map((part) => part.trim().replace(/^["']|["']$/g, ""));
}

/** What each line says, by the table it stands in. */
function scan(lines: readonly string[]): (Line | undefined)[] {
  let table: Path = [];
  return lines.map((line) => {
    const head = header.exec(line)?.[1];
    if (head !== undefined) {
      table = splitPath(head);
      return { header: true, path: table };
    }
    const key = assignment.exec(line)?.[1];
    return key === undefined ? undefined : { header: false, path: [...table, ...splitPath(key)] };
  });
}

function lineSetting(scanned: readonly (Line | undefined)[], path: Path): number {
  return scanned.findIndex((line) => line?.header === false && isDeepStrictEqual(line.path, path));
}

/** The line (from 1) that sets `path`, or else opens a table it is in. */
function lineOf(text: string, path: Path): number | undefined {
  let best = 0;
  let found: number | undefined;
  for (const [index, line] of scan(text.split("\n")).entries()) {
    if (line === undefined || line.path.length <= best || line.path.length > path.length) continue;
    if (!line.path.every((part, depth) => part === path[depth])) continue;
    best = line.path.length;
    found = index + 1;
  }
  return found;
}

export type TomlValue =
  | string
  | number
  | boolean
  | readonly string[]
  | Readonly<Record<string, string>>;

function literalOf(value: TomlValue): string {
  return stringify({ x: value }).trimEnd().slice("x = ".length);
}

/** The text with `path` set to `value`; throws `BAD_CONFIG` when only a person can make this change. */
export function setTomlValue(file: TomlFile, path: Path, value: TomlValue): string {
  const wanted = parseToml(file);
  put(wanted, path, value);
  const eol = file.text.includes("\r\n") ? "\r\n" : "\n";
  const lines = file.text === "" ? [] : file.text.split(eol);
  for (const candidate of candidates(lines, path, literalOf(value))) {
    const text = candidate.join(eol);
    if (parsesTo(text, wanted)) return text.endsWith(eol) ? text : text + eol;
  }
  return badConfigFile(file, path, byHand(path));
}

function byHand(path: Path): string {
  return `${pathText(path)} has to be changed by hand here`;
}

/** The text without `path`, unchanged when it is not set; throws `BAD_CONFIG` when only a person can make this change. */
export function unsetTomlValue(file: TomlFile, path: Path): string {
  const wanted = parseToml(file);
  if (!take(wanted, path)) return file.text;
  const eol = file.text.includes("\r\n") ? "\r\n" : "\n";
  const lines = file.text.split(eol);
  const set = lineSetting(scan(lines), path);
  if (set < 0) return badConfigFile(file, path, byHand(path));
  for (let end = set; end < lines.length; end++) {
    const text = [...lines.slice(0, set), ...lines.slice(end + 1)].join(eol);
    if (parsesTo(text, wanted)) return text;
  }
  return badConfigFile(file, path, byHand(path));
}

/** Whether it was there. */
function take(table: TomlTable, path: Path): boolean {
  const [first = "", ...rest] = path;
  const inner = table[first];
  if (inner === undefined) return false;
  if (rest.length === 0) return delete table[first];
  return take(inner as TomlTable, rest);
}

function put(table: TomlTable, path: Path, value: TomlValue): void {
  const [first = "", ...rest] = path;
  if (rest.length === 0) {
    table[first] = Array.isArray(value) ? [...value] : (value as string);
    return;
  }
  table[first] ??= Object.create(null) as TomlTable;
  put(table[first] as TomlTable, rest, value);
}

function parsesTo(text: string, wanted: TomlTable): boolean {
  try {
    return isDeepStrictEqual(withoutEmpty(parse(text)), withoutEmpty(wanted));
  } catch (error) {
    if (error instanceof TomlError) return false;
    throw error;
  }
}

/** A table that says nothing is as good as none. */
function withoutEmpty(table: TomlTable): TomlTable {
  const said = Object.entries(table).filter(
    ([, value]) => Object.getPrototypeOf(value) !== null || Object.keys(value).length > 0,
  );
  return Object.fromEntries(said);
}

type Lines = readonly string[];

/** Ways to make the change, the most natural first. */
function* candidates(lines: Lines, path: Path, literal: string): Generator<Lines> {
  const scanned = scan(lines);
  const table = path.slice(0, -1);
  const leaf = path.at(-1) ?? "";
  const set = lineSetting(scanned, path);
  if (set >= 0) {
    yield* replacements(lines, set, literal);
    return;
  }
  const firstHeader = scanned.findIndex((line) => line?.header);
  const topEnd = firstHeader < 0 ? lines.length : firstHeader;
  const opened =
    table.length === 0
      ? -1
      : scanned.findIndex((line) => line?.header && isDeepStrictEqual(line.path, table));
  if (table.length === 0 || opened >= 0) {
    const next = scanned.findIndex((line, index) => index > opened && line?.header);
    const end = next < 0 ? lines.length : next;
    const setting = `${leaf} = ${literal}`;
    for (const at of placesIn(lines, opened + 1, end, leaf)) yield insert(lines, at, setting);
    return;
  }
  yield [...trimEnd(lines), "", `[${table.join(".")}]`, `${leaf} = ${literal}`, ""];
  yield insert(lines, topEnd, `${path.join(".")} = ${literal}`);
}

/** Below the commented-out default of the key, and below the last line of the table that says something. */
function placesIn(lines: Lines, from: number, to: number, leaf: string): number[] {
  const inside = lines.slice(from, to);
  const commented = inside.findIndex((line) => new RegExp(`^\\s*#\\s*${leaf}\\s*=`).test(line));
  const last = inside.findLastIndex((line) => line.trim() !== "");
  const places = commented < 0 ? [last] : [commented, last];
  return places.map((index) => from + index + 1);
}

/** The value on line `at` may go on over more lines; a comment behind a value of one line stays. */
function* replacements(lines: Lines, at: number, literal: string): Generator<Lines> {
  const line = lines[at] ?? "";
  const valueFrom = line.indexOf("=") + 1;
  const start = `${line.slice(0, valueFrom)} ${literal}`;
  for (let hash = line.indexOf("#", valueFrom); hash >= 0; hash = line.indexOf("#", hash + 1)) {
    if (!parses(`x = ${line.slice(valueFrom, hash)}`)) continue;
    yield lines.with(at, `${start} ${line.slice(hash)}`);
    break;
  }
  for (let end = at; end < lines.length; end++) {
    yield [...lines.slice(0, at), start, ...lines.slice(end + 1)];
  }
}

function parses(text: string): boolean {
  try {
    parse(text);
    return true;
  } catch (error) {
    if (error instanceof TomlError) return false;
    throw error;
  }
}

function insert(lines: Lines, at: number, line: string): Lines {
  return [...lines.slice(0, at), line, ...lines.slice(at)];
}

function trimEnd(lines: Lines): Lines {
  const last = lines.findLastIndex((line) => line.trim() !== "");
  return lines.slice(0, last + 1);
}
