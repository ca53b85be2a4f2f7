/** Kinds of partitions, as words of `testnet partition`; who is on which side is drawn anew for each round. */
import { cutFrom, deafTo, parseCut, type Cut } from "../../testnet/cut.ts";
import { formatNodeSet } from "../../testnet/node-set.ts";
import type { Hears } from "./history.ts";

export const kinds = [
  "full",
  "majority",
  "isolated",
  "bridge",
  "ring",
  "asymmetric",
  "flapping",
] as const;
export type Kind = (typeof kinds)[number];

export type Plan = {
  readonly kind: Kind;
  readonly words: readonly string[];
  /** The cut comes and goes while it lasts. */
  readonly flaps: boolean;
  readonly hears: Hears;
  /** Nodes that reach one another both ways, over any path. */
  readonly sides: readonly (readonly number[])[];
};

/** `random` is uniform in [0, 1). Of four nodes or more. */
export function planOf(kind: Kind, count: number, random: () => number): Plan {
  const order = Array.from({ length: count }, (_, node) => ({ node, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ node }) => node);
  const words = wordsOf(kind, order);
  const flaps = kind === "flapping";
  return { kind, words, flaps, ...reachOf(words, count, flaps) };
}

function wordsOf(kind: Kind, order: readonly number[]): string[] {
  const half = Math.ceil(order.length / 2);
  const [left, right] = [order.slice(0, half), order.slice(half)];
  switch (kind) {
    // in three where there are enough for it, else in two
    case "full": {
      const third = Math.ceil(order.length / 3);
      if (order.length < 5) return sets(left, right);
      return sets(order.slice(0, third), order.slice(third, 2 * third), order.slice(2 * third));
    }
    case "majority":
    case "flapping": {
      const few = Math.max(1, Math.floor((order.length - 1) / 2));
      return sets(order.slice(0, few), order.slice(few));
    }
    case "isolated":
      return sets(order.slice(0, 1), order.slice(1));
    case "bridge":
      return sets(left, [left[0]!, ...right]);
    case "ring":
      return sets(...order.map((node, at) => [node, order[(at + 1) % order.length]!]));
    default:
      return [`${setOf(left)}>${setOf(right)}`];
  }
}

function sets(...groups: readonly (readonly number[])[]): string[] {
  return groups.map(setOf);
}

function setOf(nodes: readonly number[]): string {
  return formatNodeSet(nodes.toSorted((a, b) => a - b));
}

/** The words as one split that a caller names himself, such as `0-4 5-9`. */
export function planOfWords(words: readonly string[], count: number): Plan {
  return { kind: "full", words, flaps: false, ...reachOf(words, count, false) };
}

function reachOf(
  words: readonly string[],
  count: number,
  flaps: boolean,
): Pick<Plan, "hears" | "sides"> {
  const cut = parseCut(words, count);
  const nodes = Array.from({ length: count }, (_, node) => node);
  const reached = nodes.map((node) => (flaps ? new Set(nodes) : heardBy(cut, node, nodes)));
  const hears: Hears = (to, from) => reached[to]?.has(from) === true;
  const both = (a: number, b: number): boolean => hears(a, b) && hears(b, a);
  const sides = nodes.flatMap((node) => {
    const side = nodes.filter((other) => both(node, other));
    return side[0] === node ? [side] : [];
  });
  return { hears, sides };
}

/** Itself included. */
function heardBy({ partition, oneWay }: Cut, node: number, nodes: readonly number[]): Set<number> {
  const heard = new Set([node]);
  for (const at of heard) {
    const deaf = new Set([...cutFrom(partition, at), ...deafTo(oneWay, at)]);
    for (const other of nodes) if (!deaf.has(other)) heard.add(other);
  }
  return heard;
}
