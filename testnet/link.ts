/** Links as people write them: between whom, and what happens on them. */
import { CoterieError } from "../src/core/errors.ts";
import { parseArrow, parseNodeSet } from "./node-set.ts";
import type { Link, Shape, TestnetRecord } from "./record.ts";
import { durationOf, textOf, type Call } from "./verb.ts";

export type Direction = Pick<Link, "from" | "to">;

function usage(message: string): never {
  throw new CoterieError("USAGE", message, {
    hint: "a link is written 0 1 (both ways) or '0>1' (what 0 sends to 1); sets of nodes will do",
  });
}

/** `0-1 4` both ways, `0-1>4` one way. Throws `USAGE`. */
export function parseDirections(words: readonly string[], count: number): Direction[] {
  const [first = "", second] = words;
  const arrow = parseArrow(first, count);
  if (arrow !== undefined && second === undefined) return pairs(arrow.from, arrow.to);
  if (arrow !== undefined || second === undefined) return usage("a link has two ends");
  const [a, b] = [parseNodeSet(first, count), parseNodeSet(second, count)];
  const both = [...pairs(a, b), ...pairs(b, a)];
  return [...new Map(both.map((each) => [`${each.from}>${each.to}`, each])).values()];
}

function pairs(from: readonly number[], to: readonly number[]): Direction[] {
  const all = from.flatMap((a) => to.flatMap((b) => (a === b ? [] : [{ from: a, to: b }])));
  return all.length > 0 ? all : usage("a node has no link to itself");
}

const unitBits: Readonly<Record<string, number>> = { kbit: 1e3, mbit: 1e6, gbit: 1e9 };

/** Bits a second of `512kbit`, `1mbit` or `2.5mbit`. Throws `USAGE`. */
export function parseRate(text: string): number {
  const match = /^(\d{1,6}(?:\.\d{1,3})?)(kbit|mbit|gbit)$/.exec(text);
  const bits = match === null ? 0 : Number(match[1]) * (unitBits[match[2] ?? ""] ?? 0);
  if (bits >= 1_000 && bits <= 1e12) return bits;
  return usage(`--rate wants bits a second such as 512kbit or 1mbit, not "${text}"`);
}

function parseProbability(text: string): number {
  const value = /^[01]?(?:\.\d{1,6})?$/.test(text) ? Number(text || "2") : 2;
  if (value > 0 && value <= 1) return value;
  return usage(`--reset wants a probability above 0 and up to 1, not "${text}"`);
}

/** What the call's options make of a link. Throws `USAGE` when they say nothing. */
export function shapeOf(call: Call): Shape {
  const rate = textOf(call, "rate");
  const reset = textOf(call, "reset");
  const shape: Shape = {
    ...(textOf(call, "latency") && { latencyMs: durationOf(call, "latency", 0) }),
    ...(textOf(call, "jitter") && { jitterMs: durationOf(call, "jitter", 0) }),
    ...(rate !== undefined && { bitsPerSecond: parseRate(rate) }),
    ...(call.values["stall"] === true && { stall: true }),
    ...(reset !== undefined && { resetPerSecond: parseProbability(reset) }),
  };
  if (Object.keys(shape).length > 0) return shape;
  return usage(
    "what is to happen on the link? --latency, --jitter, --rate, --stall, --reset or --clear",
  );
}

/** The links with these directions given the shape, or cleared when there is none. */
export function withShape(
  links: TestnetRecord["links"],
  directions: readonly Direction[],
  shape: Shape | undefined,
): Link[] {
  const isOne = (link: Direction): boolean =>
    directions.some(({ from, to }) => from === link.from && to === link.to);
  const others = links.filter((link) => !isOne(link));
  return shape === undefined
    ? others
    : [...others, ...directions.map((direction) => ({ ...direction, shape }))];
}

export function formatShape({
  latencyMs,
  jitterMs,
  bitsPerSecond,
  stall,
  resetPerSecond,
}: Shape): string {
  return [
    ...(latencyMs === undefined ? [] : [`latency ${latencyMs} ms`]),
    ...(jitterMs === undefined ? [] : [`jitter ${jitterMs} ms`]),
    ...(bitsPerSecond === undefined ? [] : [`rate ${bitsPerSecond / 1_000} kbit/s`]),
    ...(stall === true ? ["stalled"] : []),
    ...(resetPerSecond === undefined ? [] : [`reset ${resetPerSecond} a second`]),
  ].join(", ");
}

export function formatLink({ from, to, shape }: Link): string {
  return `${from} > ${to}: ${formatShape(shape)}`;
}
