/**
 * Faults from a seed. What is drawn depends on the seed, the number of nodes and the rate alone, never on what the
 * network makes of it, so that a seed is a schedule; each fault is a command of the testnet, as a person would type it.
 */
import { formatNodeSet } from "./node-set.ts";

export type Command = {
  readonly verb: "kill" | "start" | "pause" | "resume" | "partition" | "heal" | "link";
  readonly args: readonly string[];
  readonly options: Readonly<Record<string, string | true>>;
};

export type Fault = { readonly atMs: number; readonly command: Command };

export type DrawOptions = {
  readonly seed: number;
  /** Two or more. */
  readonly nodes: number;
  readonly forMs: number;
  readonly perMinute: number;
};

/** Uniform in [0, 1), from a seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** In the order of their times; the waits between them are exponential. */
export function drawFaults(options: DrawOptions): Fault[] {
  const { seed, nodes, forMs, perMinute } = options;
  const random = seeded(seed);
  const drawn = new Draw(nodes, random);
  const faults: Fault[] = [];
  for (let atMs = 0; ;) {
    atMs += -Math.log(1 - random()) * (60_000 / perMinute);
    if (atMs >= forMs) return faults;
    faults.push({ atMs: Math.round(atMs), command: drawn.next() });
  }
}

type Choice = { readonly weight: number; readonly draw: () => Command };

/** What is broken so far, as drawn. */
class Draw {
  readonly #nodes: number;
  readonly #random: () => number;
  readonly #killed = new Set<number>();
  readonly #paused = new Set<number>();
  /** Ends of shaped links, as written. */
  readonly #links = new Map<string, readonly string[]>();
  #isCut = false;

  constructor(nodes: number, random: () => number) {
    this.#nodes = nodes;
    this.#random = random;
  }

  /** What ends a fault weighs more than what makes another, so that few hold at a time. */
  next(): Command {
    const out = this.#killed.size + this.#paused.size;
    const canLose = out < Math.max(1, Math.floor(this.#nodes / 3));
    const choices: Choice[] = [
      { weight: canLose ? 3 : 0, draw: () => this.#lose("kill", this.#killed) },
      { weight: canLose ? 3 : 0, draw: () => this.#lose("pause", this.#paused) },
      { weight: 4 * this.#killed.size, draw: () => this.#bringBack("start", this.#killed) },
      { weight: 4 * this.#paused.size, draw: () => this.#bringBack("resume", this.#paused) },
      { weight: 3, draw: () => this.#partition() },
      { weight: this.#isCut ? 5 : 0, draw: () => this.#heal() },
      { weight: 3, draw: () => this.#link() },
      { weight: 2 * this.#links.size, draw: () => this.#clearLink() },
    ];
    let at = this.#random() * choices.reduce((sum, { weight }) => sum + weight, 0);
    const choice = choices.find(({ weight }) => (at -= weight) < 0);
    return (choice ?? choices[4]!).draw();
  }

  #lose(verb: "kill" | "pause", lost: Set<number>): Command {
    const there = this.#indexes().filter(
      (node) => !this.#killed.has(node) && !this.#paused.has(node),
    );
    const node = this.#pick(there);
    lost.add(node);
    return { verb, args: [String(node)], options: {} };
  }

  #bringBack(verb: "start" | "resume", lost: Set<number>): Command {
    const node = this.#pick([...lost]);
    lost.delete(node);
    return { verb, args: [String(node)], options: {} };
  }

  /** Two sides; now and then one way, or with a bridge between them. */
  #partition(): Command {
    this.#isCut = true;
    const shuffled = this.#shuffled();
    const size = this.#upTo(this.#nodes - 1);
    const [left, right] = [shuffled.slice(0, size), shuffled.slice(size)];
    const kind = this.#random();
    if (kind < 0.3) {
      return { verb: "partition", args: [`${setOf(left)}>${setOf(right)}`], options: {} };
    }
    if (kind < 0.5 && left.length > 1) right.push(left[0]!);
    return { verb: "partition", args: [setOf(left), setOf(right)], options: {} };
  }

  #heal(): Command {
    this.#isCut = false;
    return { verb: "heal", args: [], options: {} };
  }

  #link(): Command {
    const [a, b] = this.#shuffled();
    const args = this.#random() < 0.5 ? [`${a}>${b}`] : [`${a}`, `${b}`];
    this.#links.set(args.join(" "), args);
    return { verb: "link", args, options: this.#shape() };
  }

  #shape(): Command["options"] {
    const kind = this.#random();
    if (kind < 0.2) return { stall: true };
    if (kind < 0.4) return { reset: `0.${this.#upTo(9)}` };
    const latencyMs = this.#upTo(200);
    const jitterMs = this.#upTo(Math.ceil(latencyMs / 2));
    const slow = { latency: `${latencyMs}ms`, jitter: `${jitterMs}ms` };
    return kind < 0.7 ? slow : { ...slow, rate: `${64 * this.#upTo(64)}kbit` };
  }

  #clearLink(): Command {
    const args = this.#pick([...this.#links.values()]);
    this.#links.delete(args.join(" "));
    return { verb: "link", args, options: { clear: true } };
  }

  #indexes(): number[] {
    return Array.from({ length: this.#nodes }, (_, index) => index);
  }

  #shuffled(): number[] {
    const order = this.#indexes().map((node) => ({ node, at: this.#random() }));
    return order.toSorted((a, b) => a.at - b.at).map(({ node }) => node);
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random() * from.length)]!;
  }

  /** A whole number from 1 to `max`. */
  #upTo(max: number): number {
    return 1 + Math.floor(this.#random() * max);
  }
}

function setOf(nodes: readonly number[]): string {
  return formatNodeSet(nodes.toSorted((a, b) => a - b));
}

/** As a shell takes it, without `coterie testnet`. */
export function commandText({ verb, args, options }: Command): string {
  const words = args.map((arg) => (arg.includes(">") ? `'${arg}'` : arg));
  const flags = Object.entries(options).flatMap(([name, value]) =>
    value === true ? [`--${name}`] : [`--${name}`, value],
  );
  return [verb, ...words, ...flags].join(" ");
}
