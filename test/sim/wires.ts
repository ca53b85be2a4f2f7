/**
 * What lies between nodes: for each direction of each pair a delay and what goes wrong there, and connections over it.
 * A connection loses nothing and keeps its order, as TCP does: what cannot pass waits until it can, and a loss is a reset.
 */
import type { PeerName } from "../../src/core/ports.ts";
import type { Prng } from "./prng.ts";
import type { Trace } from "./trace.ts";
import type { VirtualTime } from "./virtual-clock.ts";

/** From one node to another. */
export type Direction = {
  delayMs: number;
  jitterMs: number;
  /** While above 0 nothing passes, and nobody is told. */
  blocks: number;
  /** Probability of a frame to break its connection. */
  resets: number;
  /** Probabilities of a gossip message to be lost, and to arrive twice. */
  drops: number;
  duplicates: number;
};

export class Wires {
  readonly time: VirtualTime;
  readonly prng: Prng;
  readonly trace: Trace;
  readonly #directions = new Map<string, Direction>();
  readonly #pipes = new Set<Pipe>();
  readonly #delayMs: number;

  constructor(time: VirtualTime, prng: Prng, trace: Trace, delayMs: number) {
    this.time = time;
    this.prng = prng;
    this.trace = trace;
    this.#delayMs = delayMs;
  }

  direction(from: PeerName, to: PeerName): Direction {
    const name = `${from} ${to}`;
    let direction = this.#directions.get(name);
    if (direction === undefined) {
      const faults = { blocks: 0, resets: 0, drops: 0, duplicates: 0 };
      direction = { delayMs: this.#delayMs, jitterMs: this.#delayMs / 5, ...faults };
      this.#directions.set(name, direction);
    }
    return direction;
  }

  /** The way back of `direction` changes nothing here. */
  block(direction: Direction): void {
    direction.blocks++;
  }

  unblock(direction: Direction): void {
    direction.blocks--;
    if (direction.blocks > 0) return;
    for (const pipe of this.#pipes) if (pipe.direction === direction) pipe.flow();
  }

  /** Takes all faults away. */
  heal(): void {
    for (const direction of this.#directions.values()) {
      direction.delayMs = this.#delayMs;
      direction.jitterMs = this.#delayMs / 5;
      direction.resets = direction.drops = direction.duplicates = 0;
      direction.blocks = 1;
      this.unblock(direction);
    }
  }

  latency({ delayMs, jitterMs }: Direction): number {
    return delayMs + this.prng.float() * jitterMs;
  }

  pipe(from: PeerName, to: PeerName): Pipe {
    const pipe = new Pipe(this, this.direction(from, to));
    this.#pipes.add(pipe);
    return pipe;
  }

  drop(pipe: Pipe): void {
    this.#pipes.delete(pipe);
  }
}

type Parcel = { readonly dueMs: number; readonly arrive: () => void };

/** One direction of one connection: first in, first out. */
export class Pipe {
  readonly direction: Direction;
  readonly #wires: Wires;
  readonly #parcels: Parcel[] = [];
  #lastDueMs = 0;
  #isFlowing = false;

  constructor(wires: Wires, direction: Direction) {
    this.#wires = wires;
    this.direction = direction;
  }

  send(arrive: () => void): void {
    const { time } = this.#wires;
    this.#lastDueMs = Math.max(this.#lastDueMs, time.nowMs + this.#wires.latency(this.direction));
    this.#parcels.push({ dueMs: this.#lastDueMs, arrive });
    this.flow();
  }

  /** Goes on, if nothing is in the way. */
  flow(): void {
    const [next] = this.#parcels;
    if (next === undefined || this.#isFlowing || this.direction.blocks > 0) return;
    this.#isFlowing = true;
    this.#wires.time.at(next.dueMs, () => {
      this.#isFlowing = false;
      if (this.direction.blocks > 0) return;
      this.#parcels.shift();
      this.flow();
      next.arrive();
    });
  }
}
