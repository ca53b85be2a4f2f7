/**
 * Who notices a member's end, and when; and what it costs to look while nothing happens. The machines of
 * src/protocol/membership run unchanged. First nothing happens; then members are killed one after the other, as a
 * process is (its system closes the connections); then others vanish, as a machine does whose power fails (silence);
 * at last every node stands still now and then, and nobody is dead.
 */
import { limits } from "../../../src/core/limits.ts";
import type { Standing } from "../../../src/protocol/membership/effects.ts";
import { Prng } from "../prng.ts";
import { costs } from "./costs.ts";
import { join } from "./join.ts";
import { Links, type LinkProfile } from "./links.ts";
import { Lives } from "./lives.ts";
import { Members } from "./members.ts";
import { Processors } from "./processors.ts";
import { mean, quantile, sorted } from "./statistics.ts";
import { World } from "./world.ts";

export type DetectOptions = {
  readonly nodes: number;
  readonly seed: number;
  readonly links: LinkProfile;
  /** Of each kind. */
  readonly victims: number;
  /** Every node knows everybody; else only whom it must know. */
  readonly fullRoster: boolean;
  readonly idleMs: number;
  readonly stallsMs: number;
  readonly sharedCores?: number;
};

/** From the fault to the word `failed`; medians over the victims, and the last node of all. */
export type Noticed = {
  readonly watchersMs: number;
  readonly most99Ms: number;
  readonly allMs: number;
  readonly worstMs: number;
  /** Over all pairs of a victim and a survivor. */
  readonly pairP50Ms: number;
  readonly pairP99Ms: number;
};

export type DetectResult = {
  readonly nodes: number;
  readonly links: string;
  readonly fullRoster: boolean;
  readonly rosterMean: number;
  readonly watchedMean: number;
  readonly idleMessagesPerNodeAndSecond: number;
  readonly idleBytesPerNodeAndSecond: number;
  readonly idleGossipMessages: number;
  readonly killed: Noticed;
  readonly vanished: Noticed;
  readonly stalls: number;
  readonly suspicionsInStalls: number;
  /** Said `failed` of somebody who lived, in all of it. */
  readonly falseVerdicts: number;
};

/** Whatever the size: a probe's interval, its answer, the help of others, and the time to refute. */
export const boundMs =
  limits.probeIntervalMs + limits.probeAnswerMs + limits.probeHelpMs + limits.suspicionMs;

const settleMs = 5_000;
const betweenMs = 9_000;
/** Every node stands still once in so long, for a time of exponential distribution. */
const stallEveryMs = 30_000;
const stallMeanMs = 300;
const stallMaxMs = 2_000;

export function runDetect(options: DetectOptions): DetectResult {
  return new Detection(options).run();
}

class Detection {
  readonly #options: DetectOptions;
  readonly #prng: Prng;
  readonly #world: World;
  readonly #members: Members;
  readonly #lives: Lives;
  readonly #victims: readonly number[];
  /** By victim and then by node: when that said `failed`. */
  readonly #failedMs = new Map<number, Float64Array>();
  #falseVerdicts = 0;
  #suspicions = 0;
  #rows = 0;

  constructor(options: DetectOptions) {
    this.#options = options;
    const { nodes, seed, links } = options;
    this.#prng = new Prng(seed).fork(`detect ${nodes} ${links.name}`);
    this.#world = new World({
      nodes,
      prng: this.#prng,
      processors: new Processors(nodes, options.sharedCores),
      links: new Links(links, seed),
    });
    this.#members = new Members(nodes, seed);
    this.#victims = this.#drawVictims();
    this.#lives = new Lives({
      world: this.#world,
      members: this.#members,
      costs,
      known: (node) => this.#known(node),
      changed: ({ atMs, by, of, standing }) => this.#changed(atMs, by, of, standing),
    });
  }

  run(): DetectResult {
    const { nodes, links, fullRoster, victims } = this.#options;
    join(this.#world, this.#prng);
    for (let node = 0; node < nodes; node++) {
      for (const other of this.#members.watchedBy(node)) this.#world.connect(node, other);
    }
    this.#world.agenda.run(settleMs);
    this.#lives.start();
    this.#world.agenda.run(settleMs);
    const idle = this.#idle();
    const watched = mean(this.#all((node) => this.#lives.watchedBy(node).length));
    const killed = this.#noticed(this.#victims.slice(0, victims), (victim) => {
      this.#world.kill(victim);
      for (const other of this.#world.neighbours(victim)) this.#lose(victim, other, 0);
    });
    const vanished = this.#noticed(this.#victims.slice(victims), (victim) => {
      this.#world.kill(victim);
      for (const other of this.#world.neighbours(victim)) {
        const pingMs = this.#prng.float() * limits.pingIntervalMs + limits.pingTimeoutMs;
        this.#lose(victim, other, pingMs);
      }
    });
    this.#suspicions = 0;
    const stalls = this.#stall();
    return {
      nodes,
      links: links.name,
      fullRoster,
      rosterMean: this.#rows / nodes,
      watchedMean: watched,
      ...idle,
      killed,
      vanished,
      stalls,
      suspicionsInStalls: this.#suspicions,
      falseVerdicts: this.#falseVerdicts,
    };
  }

  /** No two of one neighbourhood, so that none is a watcher of another, where there are enough. */
  #drawVictims(): number[] {
    const { nodes, victims } = this.#options;
    const everybody = Array.from({ length: nodes }, (_, node) => node);
    const drawn: number[] = [];
    for (const node of this.#prng.some(everybody, nodes)) {
      if (drawn.length === 2 * victims) break;
      const isNear = drawn.some((other) => this.#members.neighbourhood(other).includes(node));
      if (!isNear || nodes < 100) drawn.push(node);
    }
    return drawn;
  }

  #known(node: number): number[] {
    const others = this.#options.fullRoster
      ? Array.from({ length: this.#world.size }, (_, other) => other)
      : [...this.#members.near(node), ...this.#victims.flatMap((each) => this.#members.near(each))];
    const known = new Set(others);
    known.delete(node);
    this.#rows += known.size;
    return [...known];
  }

  #changed(atMs: number, by: number, of: number, standing: Standing): void {
    if (standing === "suspect") this.#suspicions++;
    if (standing !== "failed") return;
    if (this.#world.isAlive(of)) this.#falseVerdicts++;
    const failedMs = this.#failedMs.get(of);
    if (failedMs !== undefined && Number.isNaN(failedMs[by]!)) failedMs[by] = atMs;
  }

  #idle(): Pick<
    DetectResult,
    "idleMessagesPerNodeAndSecond" | "idleBytesPerNodeAndSecond" | "idleGossipMessages"
  > {
    const { idleMs, nodes } = this.#options;
    const before = this.#world.traffic("probes");
    const gossip = this.#world.traffic("members").messages;
    this.#world.agenda.run(idleMs);
    const after = this.#world.traffic("probes");
    const nodeSeconds = (nodes * idleMs) / 1_000;
    return {
      idleMessagesPerNodeAndSecond: (after.messages - before.messages) / nodeSeconds,
      idleBytesPerNodeAndSecond: (after.bytes - before.bytes) / nodeSeconds,
      idleGossipMessages: this.#world.traffic("members").messages - gossip,
    };
  }

  #lose(victim: number, other: number, afterMs: number): void {
    const delayMs = this.#world.links.delayMs(victim, other);
    this.#world.agenda.after(afterMs + delayMs, () => this.#world.disconnect(victim, other));
  }

  #noticed(victims: readonly number[], fault: (victim: number) => void): Noticed {
    const watchers: number[] = [];
    const each: Float64Array[] = [];
    for (const victim of victims) {
      const watching = this.#lives.watchersOf(victim).filter((node) => this.#world.isAlive(node));
      const failedMs = new Float64Array(this.#world.size).fill(Number.NaN);
      this.#failedMs.set(victim, failedMs);
      const fromMs = this.#world.nowMs;
      fault(victim);
      this.#world.agenda.run(betweenMs);
      const times = this.#all((node) => node)
        .filter((node) => this.#world.isAlive(node))
        // who never said it is late without end
        .map((node) => (Number.isNaN(failedMs[node]!) ? Infinity : failedMs[node]! - fromMs));
      watchers.push(Math.max(...watching.map((node) => failedMs[node]! - fromMs)));
      each.push(sorted(times));
    }
    const pairs = sorted(each.flatMap((times) => [...times]));
    const until = (share: number): Float64Array =>
      sorted(each.map((times) => quantile(times, share)));
    return {
      watchersMs: quantile(sorted(watchers), 0.5),
      most99Ms: quantile(until(0.99), 0.5),
      allMs: quantile(until(1), 0.5),
      worstMs: quantile(until(1), 1),
      pairP50Ms: quantile(pairs, 0.5),
      pairP99Ms: quantile(pairs, 0.99),
    };
  }

  #stall(): number {
    const { stallsMs } = this.#options;
    const living = this.#all((node) => node).filter((node) => this.#world.isAlive(node));
    const count = Math.round((living.length * stallsMs) / stallEveryMs);
    for (let stall = 0; stall < count; stall++) {
      const forMs = Math.min(stallMaxMs, -stallMeanMs * Math.log(1 - this.#prng.float()));
      const node = this.#prng.pick(living);
      this.#world.agenda.after(this.#prng.float() * stallsMs, () => this.#world.stall(node, forMs));
    }
    this.#world.agenda.run(stallsMs);
    return count;
  }

  #all(of: (node: number) => number): number[] {
    return Array.from({ length: this.#world.size }, (_, node) => of(node));
  }
}
