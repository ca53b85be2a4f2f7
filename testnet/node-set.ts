/** Sets of nodes as people write them: `3`, `0-4`, `0,2,4`, `0-2,7`. */
import { CoterieError } from "../src/core/errors.ts";

function usage(message: string): never {
  throw new CoterieError("USAGE", message, {
    hint: "a set of nodes is written 3, 0-4, 0,2,4 or 0-2,7",
  });
}

/** Ascending, each once. Throws `USAGE` for what is no set, and for nodes that a testnet of `count` has not. */
export function parseNodeSet(text: string, count: number): number[] {
  const nodes = text.split(",").flatMap((part) => parseRange(part, text, count));
  return [...new Set(nodes)].toSorted((a, b) => a - b);
}

function parseRange(part: string, text: string, count: number): number[] {
  const match = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(part);
  if (match === null) return usage(`"${text}" is no set of nodes`);
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  if (last < first) usage(`"${part}" runs backwards`);
  if (last >= count) usage(`there is no node ${last}: the last one is ${count - 1}`);
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** The two sides of `0-4>5-9`, or undefined for what has no arrow. Throws `USAGE`. */
export function parseArrow(
  word: string,
  count: number,
): { from: number[]; to: number[] } | undefined {
  const sides = word.split(">");
  if (sides.length === 1) return undefined;
  if (sides.length > 2) usage(`"${word}" has more than one arrow`);
  const [from = [], to = []] = sides.map((side) => parseNodeSet(side, count));
  return { from, to };
}

/** The shortest spelling of an ascending list: `0-4,7`; `none` for an empty one. */
export function formatNodeSet(nodes: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const node of nodes) {
    const range = ranges.at(-1);
    if (range !== undefined && range[1] === node - 1) range[1] = node;
    else ranges.push([node, node]);
  }
  const parts = ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`));
  return parts.length === 0 ? "none" : parts.join(",");
}
