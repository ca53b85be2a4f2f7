/**
 * Raw slices of JSON text, so that a value can be stored exactly as it was written: big integers, `1.0`, `1e400`,
 * the order of keys, spacing and escapes survive, which `JSON.parse` followed by `JSON.stringify` would change.
 *
 * Grammar and slicing are apart: `JSON.parse` decides what is JSON (RFC 8259, no more), and the slicing below only
 * runs over text that it has accepted, so that it may skip strings and brackets without checking them again.
 */
import { badFormat } from "../core/codec.ts";

/** The text from `from` up to `to`, without surrounding white space. */
export type Slice = { readonly from: number; readonly to: number };
export type Member = Slice & { readonly name: string };

const tab = 0x09;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const quote = 0x22;
const comma = 0x2c;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** The parsed value; throws `BAD_FORMAT` for what is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return badFormat("not JSON");
  }
}

/**
 * The members of the object that begins at `from`, in order. `text` must be valid JSON. Throws `BAD_FORMAT` when
 * something else than an object begins there or when a name appears twice.
 */
export function sliceMembers(text: string, from = 0): Member[] {
  const members: Member[] = [];
  const names = new Set<string>();
  let at = enter(text, from, openBrace, "an object");
  while (text.charCodeAt(at) !== closeBrace) {
    const nameEnd = skipString(text, at);
    const name = nameOf(text, at, nameEnd);
    if (names.has(name)) badFormat(`the member ${JSON.stringify(name)} appears twice`);
    names.add(name);
    const valueFrom = skipSpace(text, skipSpace(text, nameEnd) + 1);
    const to = skipValue(text, valueFrom);
    members.push({ name, from: valueFrom, to });
    at = next(text, to);
  }
  return members;
}

/** The elements of the array that begins at `from`, in order. `text` must be valid JSON. */
export function sliceElements(text: string, from = 0): Slice[] {
  const elements: Slice[] = [];
  let at = enter(text, from, openBracket, "an array");
  while (text.charCodeAt(at) !== closeBracket) {
    const to = skipValue(text, at);
    elements.push({ from: at, to });
    at = next(text, to);
  }
  return elements;
}

function enter(text: string, from: number, opening: number, what: string): number {
  const at = skipSpace(text, from);
  if (text.charCodeAt(at) !== opening) badFormat(`not ${what}`);
  return skipSpace(text, at + 1);
}

/** From the end of an element to the begin of the next, or to the closing bracket. */
function next(text: string, end: number): number {
  const at = skipSpace(text, end);
  return text.charCodeAt(at) === comma ? skipSpace(text, at + 1) : at;
}

function nameOf(text: string, from: number, to: number): string {
  const raw = text.slice(from + 1, to - 1);
  return raw.includes("\\") ? (JSON.parse(text.slice(from, to)) as string) : raw;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  for (;;) {
    const char = text.charCodeAt(at);
    if (char !== space && char !== tab && char !== lineFeed && char !== carriageReturn) return at;
    at++;
  }
}

/** `from` is at the opening quote; returns the position after the closing one. */
function skipString(text: string, from: number): number {
  let end = text.indexOf('"', from + 1);
  while (end >= 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end < 0 ? badFormat("a string without an end") : end + 1;
}

function isEscaped(text: string, at: number): boolean {
  let first = at;
  while (text.charCodeAt(first - 1) === backslash) first--;
  return (at - first) % 2 === 1;
}

function skipValue(text: string, from: number): number {
  const char = text.charCodeAt(from);
  if (char === quote) return skipString(text, from);
  if (char === openBrace || char === openBracket) return skipNested(text, from);
  return skipWord(text, from);
}

function skipNested(text: string, from: number): number {
  let depth = 0;
  let at = from;
  while (at < text.length) {
    const char = text.charCodeAt(at);
    if (char === quote) {
      at = skipString(text, at);
      continue;
    }
    at++;
    if (char === openBrace || char === openBracket) depth++;
    else if ((char === closeBrace || char === closeBracket) && --depth === 0) return at;
  }
  return badFormat("brackets without an end");
}

/** A number, `true`, `false` or `null`. */
function skipWord(text: string, from: number): number {
  let at = from;
  while (at < text.length && !endsWord(text.charCodeAt(at))) at++;
  return at > from ? at : badFormat("a value is missing");
}

function endsWord(char: number): boolean {
  return char <= space || char === comma || char === closeBracket || char === closeBrace;
}
