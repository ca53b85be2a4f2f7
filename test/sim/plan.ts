/** What happens in one run, drawn from its seed: as data, so that it can be printed, cut down and run again. */
import { Prng } from "./prng.ts";

/** What a node is told to write. `key` is one of a few, so that nodes meet. */
export type Operation = {
  readonly atMs: number;
  readonly node: number;
  readonly kind: OperationKind;
  readonly key: number;
  /** Different for each: what is written. */
  readonly value: number;
};

export const operationKinds = [
  "put",
  "delete",
  "expire",
  "multi",
  "multi delete",
  "add",
  "remove",
  "count",
  "uncount",
  "append",
  "compact",
  "log delete",
  "edit",
  "doc delete",
  "atomic",
  "large",
  "future",
] as const;
export type OperationKind = (typeof operationKinds)[number];

export type Pair = readonly [from: number, to: number];

export type Fault = { readonly atMs: number; readonly forMs: number } & (
  | { readonly kind: "cut"; readonly shape: string; readonly pairs: readonly Pair[] }
  | {
      readonly kind: "link";
      readonly pairs: readonly Pair[];
      readonly delayMs: number;
      readonly jitterMs: number;
      readonly resets: number;
      readonly drops: number;
      readonly duplicates: number;
    }
  | { readonly kind: "crash"; readonly node: number; readonly how: "kill" | "power cut" }
  | { readonly kind: "leave"; readonly node: number }
  | { readonly kind: "pause"; readonly node: number }
  | { readonly kind: "clock"; readonly node: number; readonly byMs: number }
  | {
      readonly kind: "disk";
      readonly node: number;
      readonly full: boolean;
      readonly writeErrors: number;
      readonly flushErrors: number;
      readonly readErrors: number;
    }
  | { readonly kind: "attack"; readonly attack: AttackKind; readonly target: number }
);

export const attackKinds = [
  "garbage frames",
  "broken bundles",
  "equivocation",
  "contexts",
  "future",
  "lying sessions",
  "false suspicions",
  "forged lives",
  "another version",
] as const;
export type AttackKind = (typeof attackKinds)[number];

export type Plan = {
  readonly seed: number;
  readonly nodes: number;
  readonly delayMs: number;
  readonly connectionsWanted: number;
  /** Nodes that write entries of types and with fields that others do not know. */
  readonly newer: readonly number[];
  /** When all faults end. */
  readonly healMs: number;
  /** Nodes that are down then come back only once the others have agreed on that. */
  readonly returnsLate?: boolean;
  readonly operations: readonly Operation[];
  readonly faults: readonly Fault[];
};

export type PlanOptions = { readonly nodesMax: number };

const nodesMin = 3;

export function drawPlan(seed: number, { nodesMax }: PlanOptions): Plan {
  const prng = new Prng(seed).fork("plan");
  const span = Math.max(0, nodesMax - nodesMin);
  // mostly few nodes: as much goes wrong among them, and in less time
  const nodes = Math.min(nodesMax, nodesMin + Math.floor(span * prng.float() ** 2 + 0.5));
  const healMs = Math.round(prng.between(8_000, prng.chance(0.1) ? 120_000 : 40_000));
  const operations = drawOperations(prng.fork("operations"), nodes, healMs);
  const faults = [
    ...drawFaults(prng.fork("faults"), nodes, healMs),
    ...drawPowerCuts(prng.fork("power cuts"), nodes, operations),
  ];
  return {
    seed,
    nodes,
    delayMs: prng.pick([0.2, 2, 10, 10, 40, 120]),
    connectionsWanted: prng.pick([20, 20, 2]),
    newer: Array.from({ length: nodes }, (_, node) => node).filter(() => prng.chance(0.2)),
    healMs,
    returnsLate: prng.fork("return").chance(0.5),
    operations,
    faults: faults.toSorted((a, b) => a.atMs - b.atMs),
  };
}

function drawOperations(prng: Prng, nodes: number, healMs: number): Operation[] {
  const count = 10 + prng.below(50);
  const keys = 1 + prng.below(4);
  // each run has its own favourites
  const kinds = prng.some(operationKinds, 3 + prng.below(operationKinds.length - 3));
  // some of them come in bursts, which share batches and moments
  const atOf = (): number => prng.between(500, healMs);
  let burstMs = atOf();
  return Array.from({ length: count }, (_, value): Operation => {
    const inBurst = prng.chance(0.4);
    if (!inBurst) burstMs = atOf();
    const atMs = Math.round(inBurst ? burstMs + prng.below(3) : burstMs);
    return { atMs, node: prng.below(nodes), kind: prng.pick(kinds), key: prng.below(keys), value };
  }).toSorted((a, b) => a.atMs - b.atMs);
}

function drawFaults(prng: Prng, nodes: number, healMs: number): Fault[] {
  const count = prng.below(9);
  const kinds = prng.some(faultDraws, 1 + prng.below(faultDraws.length));
  const faults = Array.from({ length: count }, (): Fault[] => {
    const atMs = Math.round(prng.between(1_000, healMs));
    const forMs = Math.round(prng.between(200, Math.max(1_000, (healMs - atMs) * 1.2)));
    return prng.pick(kinds)(prng, nodes, { atMs, forMs });
  });
  return faults.flat();
}

/** The moment that is worst for a disk: right after a write, on a node that could tell nobody of it. */
function drawPowerCuts(prng: Prng, nodes: number, operations: readonly Operation[]): Fault[] {
  if (!prng.chance(0.25)) return [];
  return prng.some(operations, 1 + prng.below(2)).flatMap(({ atMs, node }): Fault[] => {
    const others = indexes(nodes).filter((other) => other !== node);
    const pairs = [...across([node], others), ...across(others, [node])];
    const when = { atMs: Math.max(0, atMs - prng.between(0, 3_000)), forMs: 8_000 };
    const crashMs = atMs + prng.between(4, 20);
    return [
      { ...when, kind: "cut", shape: "alone", pairs },
      { atMs: crashMs, forMs: 1_000, kind: "crash", node, how: "power cut" },
    ];
  });
}

type When = { readonly atMs: number; readonly forMs: number };
type Draw = (prng: Prng, nodes: number, when: When) => Fault[];

const faultDraws: readonly Draw[] = [
  drawCut,
  drawCut,
  drawFlapping,
  drawLink,
  (prng, nodes, when) => {
    const how = prng.pick(["kill", "power cut"] as const);
    return [{ ...when, kind: "crash", node: prng.below(nodes), how }];
  },
  (prng, nodes, when) => [{ ...when, kind: "leave", node: prng.below(nodes) }],
  (prng, nodes, when) => [{ ...when, kind: "pause", node: prng.below(nodes) }],
  (prng, nodes, when) => {
    const byMs = Math.round(prng.pick([-1, 1]) * prng.pick([500, 30_000, 90_000, 3_600_000]));
    return [{ ...when, kind: "clock", node: prng.below(nodes), byMs }];
  },
  drawDisk,
  (prng, nodes, when) => {
    const target = prng.below(nodes);
    return [{ ...when, kind: "attack", attack: prng.pick(attackKinds), target }];
  },
];

/** Full, one way, with a bridge, as a ring, or one node alone. */
function drawCut(prng: Prng, nodes: number, when: When): Fault[] {
  const order = prng.some(indexes(nodes), nodes);
  const half = order.slice(0, 1 + prng.below(nodes - 1));
  const rest = order.slice(half.length);
  const both = [...across(half, rest), ...across(rest, half)];
  const shapes: Readonly<Record<string, () => Pair[]>> = {
    full: () => both,
    "one way": () => across(half, rest),
    alone: () => [...across([order[0]!], order.slice(1)), ...across(order.slice(1), [order[0]!])],
    bridge: () => both.filter((pair) => !pair.includes(order[0]!)),
    ring: () => {
      const isNext = ([from, to]: Pair): boolean => {
        const apart = Math.abs(order.indexOf(from) - order.indexOf(to));
        return apart === 1 || apart === nodes - 1;
      };
      return across(order, order).filter((pair) => pair[0] !== pair[1] && !isNext(pair));
    },
  };
  const shape = prng.pick(Object.keys(shapes));
  const pairs = shapes[shape]!();
  return pairs.length === 0 ? [] : [{ ...when, kind: "cut", shape, pairs }];
}

function drawFlapping(prng: Prng, nodes: number, { atMs, forMs }: When): Fault[] {
  const [cut] = drawCut(prng, nodes, { atMs, forMs });
  if (cut === undefined) return [];
  const periodMs = prng.between(300, 10_000);
  const times = Math.min(6, Math.ceil(forMs / periodMs));
  return indexes(times).map((time) => {
    return { ...cut, atMs: Math.round(atMs + time * periodMs), forMs: Math.round(periodMs / 2) };
  });
}

function drawLink(prng: Prng, nodes: number, when: When): Fault[] {
  const ends = prng.some(indexes(nodes), 2);
  const all = indexes(nodes).flatMap((node) => across([node], indexes(nodes)));
  const isAll = prng.chance(0.3);
  const pairs = isAll ? all.filter(([a, b]) => a !== b) : [[ends[0]!, ends[1]!] as const];
  const delayMs = prng.pick([0, 50, 400, 2_000]);
  const jitterMs = prng.pick([0, 20, 500]);
  const upTo = (most: number): number => (prng.chance(0.5) ? prng.float() * most : 0);
  const [resets, drops, duplicates] = [upTo(0.02), upTo(0.4), upTo(0.3)];
  return [{ ...when, kind: "link", pairs, delayMs, jitterMs, resets, drops, duplicates }];
}

function drawDisk(prng: Prng, nodes: number, when: When): Fault[] {
  const node = prng.below(nodes);
  const disk = { ...when, kind: "disk", node, full: false } as const;
  const none = { writeErrors: 0, flushErrors: 0, readErrors: 0 };
  const sort = prng.below(4);
  if (sort === 0) return [{ ...disk, ...none, full: true }];
  if (sort === 1) return [{ ...disk, ...none, writeErrors: prng.float() }];
  if (sort === 2) return [{ ...disk, ...none, flushErrors: prng.float() }];
  return [{ ...disk, ...none, readErrors: prng.float() * 0.01 }];
}

function indexes(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function across(from: readonly number[], to: readonly number[]): Pair[] {
  return from.flatMap((a) => to.map((b): Pair => [a, b]));
}

/** One line for a person. */
export function faultText(fault: Fault): string {
  const { atMs, forMs, kind, ...rest } = fault;
  const facts = Object.entries(rest)
    .filter(([, value]) => value !== 0 && value !== false)
    .map(([name, value]) => `${name}=${Array.isArray(value) ? pairsText(value as Pair[]) : value}`);
  return `at ${atMs} ms for ${forMs} ms: ${kind} ${facts.join(" ")}`;
}

function pairsText(pairs: readonly Pair[]): string {
  return pairs.map(([from, to]) => `${from}>${to}`).join(",");
}
