/** How far and how fast a write gets: one small write after the other, by gossip alone. */
import { Prng } from "../prng.ts";
import { costs, waits } from "./costs.ts";
import { join } from "./join.ts";
import { Links, type LinkProfile } from "./links.ts";
import { Mesh, type Message } from "./mesh.ts";
import { Processors } from "./processors.ts";
import { mean, median, quantile, sorted } from "./statistics.ts";
import { World } from "./world.ts";

export type SpreadOptions = {
  readonly nodes: number;
  readonly seed: number;
  readonly links: LinkProfile;
  readonly writes: number;
  /** By all nodes together. */
  readonly writesPerSecond: number;
  /** What travels for a write. */
  readonly messageBytes: number;
  /** All nodes on one machine with so many cores; each on its own if left out. */
  readonly sharedCores?: number;
  /** Who makes all writes; somebody drawn for each if left out. */
  readonly writer?: number;
};

export type SpreadResult = {
  readonly nodes: number;
  readonly links: string;
  readonly connections: number;
  readonly meshPeers: number;
  /** From the request of a write until so many of the other nodes show it; medians over the writes. */
  readonly halfMs: number;
  readonly most99Ms: number;
  readonly allMs: number;
  readonly allWorstMs: number;
  /** Over all pairs of a write and another node. */
  readonly pairP50Ms: number;
  readonly pairP99Ms: number;
  /** Pairs of a write and a node that it did not reach. */
  readonly missed: number;
  /** Of a message, by a node that did not publish it. */
  readonly copies: number;
  readonly bytesPerNodeAndSecond: number;
};

type Write = {
  readonly atMs: number;
  readonly writer: number;
  readonly shownMs: Float64Array;
  message: Message | undefined;
};

const settleMs = 8_000;
/** For the last write to arrive. */
const lastMs = 5_000;

export function runSpread(options: SpreadOptions): SpreadResult {
  const { nodes, seed, links, writesPerSecond } = options;
  const prng = new Prng(seed).fork(`spread ${nodes} ${links.name}`);
  const processors = new Processors(nodes, options.sharedCores);
  const world = new World({ nodes, prng, processors, links: new Links(links, seed) });
  const shown = new Map<Uint8Array, Float64Array>();
  const receive = (node: number, _from: number, { data }: Message): boolean => {
    world.agenda.after(waits.relayMs, () => {
      world.work(node, costs.applyMs, () => (shown.get(data)![node] = world.nowMs));
    });
    return true;
  };
  const mesh = new Mesh({ world, topic: "state", costs, receive });
  join(world, prng);
  world.agenda.run(settleMs);

  const before = world.traffic("state").bytes;
  const writes: Write[] = [];
  for (let index = 0; index < options.writes; index++) {
    const writer = options.writer ?? prng.below(nodes);
    const shownMs = new Float64Array(nodes).fill(Number.NaN);
    const data = prng.bytes(options.messageBytes);
    shown.set(data, shownMs);
    const write: Write = { atMs: world.nowMs, writer, shownMs, message: undefined };
    writes.push(write);
    world.agenda.after(waits.coalesceMs, () => {
      world.work(writer, costs.writeMs, () => (write.message = mesh.publish(writer, data)));
    });
    world.agenda.run(1_000 / writesPerSecond);
  }
  world.agenda.run(lastMs);
  const bytes = world.traffic("state").bytes - before;
  const seconds = options.writes / writesPerSecond;
  return {
    nodes,
    links: links.name,
    connections: mean(all(nodes, (node) => world.neighbours(node).size)),
    meshPeers: mean(all(nodes, (node) => mesh.peersOf(node).size)),
    ...timesOf(writes),
    copies: mean(writes.map(({ message }) => message?.copies ?? 0)) / (nodes - 1),
    bytesPerNodeAndSecond: bytes / seconds / nodes,
  };
}

function all(nodes: number, of: (node: number) => number): number[] {
  return Array.from({ length: nodes }, (_, node) => of(node));
}

type Times = Pick<
  SpreadResult,
  "halfMs" | "most99Ms" | "allMs" | "allWorstMs" | "pairP50Ms" | "pairP99Ms" | "missed"
>;

function timesOf(writes: readonly Write[]): Times {
  const each = writes.map(({ atMs, writer, shownMs }) => {
    return sorted(
      [...shownMs.entries()].flatMap(([node, at]) => (node === writer ? [] : at - atMs)),
    );
  });
  const reached = each.map((times) => times.filter((ms) => !Number.isNaN(ms)));
  const pairs = sorted(reached.flatMap((times) => [...times]));
  const until = (share: number): number[] => each.map((times) => quantile(times, share));
  return {
    halfMs: median(until(0.5)),
    most99Ms: median(until(0.99)),
    allMs: median(until(1)),
    allWorstMs: Math.max(...until(1)),
    pairP50Ms: quantile(pairs, 0.5),
    pairP99Ms: quantile(pairs, 0.99),
    missed: each.length * (each[0]?.length ?? 0) - pairs.length,
  };
}
