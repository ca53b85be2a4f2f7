/** Nodes by number, the connections between them, and what goes over these: the ground that scale runs stand on. */
import type { Prng } from "../prng.ts";
import { Agenda } from "./agenda.ts";
import type { Links } from "./links.ts";
import type { Processors } from "./processors.ts";

export type WorldParts = {
  readonly nodes: number;
  readonly links: Links;
  readonly processors: Processors;
  readonly prng: Prng;
};

/** Hears of connections; a lost one is heard of by both sides that live. */
export type ConnectionListener = (node: number, other: number, up: boolean) => void;

export type Traffic = { readonly messages: number; readonly bytes: number };

export class World {
  readonly agenda = new Agenda();
  readonly size: number;
  readonly prng: Prng;
  readonly links: Links;
  readonly #processors: Processors;
  readonly #neighbours: Set<number>[];
  /** Those that the node dialled itself. */
  readonly #dialled: Set<number>[];
  readonly #alive: Uint8Array;
  readonly #listeners: ConnectionListener[] = [];
  readonly #traffic = new Map<string, { messages: number; bytes: number }>();

  constructor({ nodes, links, processors, prng }: WorldParts) {
    this.size = nodes;
    this.links = links;
    this.prng = prng;
    this.#processors = processors;
    this.#neighbours = Array.from({ length: nodes }, () => new Set());
    this.#dialled = Array.from({ length: nodes }, () => new Set());
    this.#alive = new Uint8Array(nodes).fill(1);
  }

  get nowMs(): number {
    return this.agenda.nowMs;
  }

  isAlive(node: number): boolean {
    return this.#alive[node] === 1;
  }

  neighbours(node: number): ReadonlySet<number> {
    return this.#neighbours[node]!;
  }

  hasDialled(node: number, other: number): boolean {
    return this.#dialled[node]!.has(other);
  }

  onConnection(listener: ConnectionListener): void {
    this.#listeners.push(listener);
  }

  connect(dialler: number, other: number): void {
    if (!this.isAlive(dialler) || !this.isAlive(other)) return;
    if (this.#neighbours[dialler]!.has(other)) return;
    this.#neighbours[dialler]!.add(other);
    this.#neighbours[other]!.add(dialler);
    this.#dialled[dialler]!.add(other);
    this.#tell(dialler, other, true);
    this.#tell(other, dialler, true);
  }

  disconnect(one: number, other: number): void {
    if (!this.#neighbours[one]!.delete(other)) return;
    this.#neighbours[other]!.delete(one);
    this.#dialled[one]!.delete(other);
    this.#dialled[other]!.delete(one);
    this.#tell(one, other, false);
    this.#tell(other, one, false);
  }

  /** It does nothing any more. Its connections stay until somebody notices. */
  kill(node: number): void {
    this.#alive[node] = 0;
  }

  /** Work that came now; `run` is called when it is done, if the node still lives. */
  work(node: number, costMs: number, run: () => void): void {
    this.agenda.at(this.#processors.spend(node, this.nowMs, costMs), () => {
      if (this.isAlive(node)) run();
    });
  }

  stall(node: number, forMs: number): void {
    this.#processors.stall(node, this.nowMs + forMs);
  }

  /** Sends over a connection that is there; `arrive` is called at the other end if it lives. */
  send(
    from: number,
    to: number,
    { kind, bytes, costMs }: { kind: string; bytes: number; costMs: number },
    arrive: () => void,
  ): void {
    const sum = this.#traffic.get(kind) ?? { messages: 0, bytes: 0 };
    sum.messages++;
    sum.bytes += bytes;
    this.#traffic.set(kind, sum);
    const leavesMs = this.#processors.spend(from, this.nowMs, costMs);
    this.agenda.at(leavesMs + this.links.delayMs(from, to), () => {
      if (this.isAlive(to) && this.#neighbours[to]!.has(from)) arrive();
    });
  }

  /** Sent by all so far. */
  traffic(kind: string): Traffic {
    return { ...(this.#traffic.get(kind) ?? { messages: 0, bytes: 0 }) };
  }

  #tell(node: number, other: number, up: boolean): void {
    if (!this.isAlive(node)) return;
    for (const listener of this.#listeners) listener(node, other, up);
  }
}
