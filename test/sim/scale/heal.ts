/**
 * How long a group that was split in two halves takes to become one again: real states and the real reconciliation, no
 * gossip. Both halves have written; the connections between them come back as lost ones are redialled.
 */
import { limits } from "../../../src/core/limits.ts";
import { stateDigest } from "../../../src/state-digest.ts";
import { memoryStore } from "../../memory-store.ts";
import { makeBatch, openState, register, testWriter, wallMs } from "../../state/fixture.ts";
import { Prng } from "../prng.ts";
import { costs } from "./costs.ts";
import { Links, type LinkProfile } from "./links.ts";
import { Processors } from "./processors.ts";
import { join } from "./join.ts";
import { quantile, sorted } from "./statistics.ts";
import { Syncs } from "./syncs.ts";
import { World } from "./world.ts";

export type HealOptions = {
  readonly nodes: number;
  readonly seed: number;
  readonly links: LinkProfile;
  readonly writesPerSide: number;
};

export type HealResult = {
  readonly nodes: number;
  readonly links: string;
  readonly writesPerSide: number;
  /** Connections between the halves. */
  readonly cut: number;
  /** From the first moment at which connections may come back, until so many nodes have everything. */
  readonly halfMs: number;
  readonly most99Ms: number;
  readonly allMs: number;
  readonly bytesPerNode: number;
  /** Afterwards, of the rounds that compare equal states. */
  readonly idleBytesPerNodeAndSecond: number;
};

/** Every node holds all that was written: beyond this it takes minutes and gigabytes. */
export const healAffordable = { nodes: 100 };

const namespace = "default";
const beforeMs = 20_000;
const healMs = 60_000;
const idleMs = 60_000;

export function runHeal(options: HealOptions): HealResult {
  const { nodes, seed, links, writesPerSide } = options;
  const prng = new Prng(seed).fork(`heal ${nodes}`);
  const processors = new Processors(nodes, undefined);
  const world = new World({ nodes, prng, processors, links: new Links(links, seed) });
  const sideOf = (node: number): number => node % 2;
  const writers = Array.from({ length: nodes }, (_, node) => testWriter(`heal ${seed} ${node}`));
  const states = writers.map((writer, node) => {
    return openState(memoryStore(), { writer, random: prng.fork(`state ${node}`) });
  });
  for (const [node, state] of states.entries()) {
    const bundles = bundlesOf(sideOf(node), writesPerSide);
    state.ingestAll(bundles, writers[node]!.identity.peer, wallMs);
  }
  const wholeMs = new Float64Array(nodes).fill(Number.NaN);
  const counts = new Uint32Array(nodes).fill(writesPerSide);
  const syncs = new Syncs({
    world,
    costs,
    states,
    peers: writers.map(({ identity }) => identity.peer),
    epochMs: wallMs,
    progressed: (node) => {
      if (!Number.isNaN(wholeMs[node]!)) return;
      const { count } = states[node]!.summary(namespace);
      const mergeMs = (count - counts[node]!) * costs.mergeMs;
      counts[node] = count;
      world.work(node, mergeMs, () => {
        if (count === 2 * writesPerSide) wholeMs[node] = world.nowMs;
      });
    },
  });
  const cut: [number, number][] = [];
  syncs.start();
  join(world, prng, (dialler, other) => {
    if (sideOf(dialler) === sideOf(other)) return true;
    cut.push([dialler, other]);
    return false;
  });
  world.agenda.run(beforeMs);

  const healedMs = world.nowMs;
  const before = world.traffic("sync").bytes;
  for (const [dialler, other] of cut) {
    const redialMs = prng.float() * limits.redialBackoffSoonMs;
    world.agenda.after(redialMs, () => world.connect(dialler, other));
  }
  world.agenda.run(healMs);
  const after = world.traffic("sync").bytes;
  world.agenda.run(idleMs);
  const idle = world.traffic("sync").bytes - after;
  const digests = new Set(states.map((state) => stateDigest(state).digest));
  if (digests.size > 1) throw new Error(`${digests.size} states ${healMs} ms after the heal`);
  const times = sorted(wholeMs.map((atMs) => atMs - healedMs));
  return {
    nodes,
    links: links.name,
    writesPerSide,
    cut: cut.length,
    halfMs: quantile(times, 0.5),
    most99Ms: quantile(times, 0.99),
    allMs: quantile(times, 1),
    bytesPerNode: (after - before) / nodes,
    idleBytesPerNodeAndSecond: idle / (idleMs / 1_000) / nodes,
  };
}

/** Of one side: each entry in a batch of its own, by a writer of its own. */
function bundlesOf(side: number, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => {
    const writer = testWriter(`side ${side} write ${index}`);
    const entries = [register(`side-${side}/${index}`, `value ${index}`)];
    return makeBatch({ writer, entries, stamp: BigInt(wallMs - index) << 16n }).bundle();
  });
}
