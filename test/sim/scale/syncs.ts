/** The reconciliation machines (src/protocol/sync) over real states, one of each per node, with their streams. */
import type { PeerName } from "../../../src/core/ports.ts";
import { peekBundle } from "../../../src/protocol/state/bundle-head.ts";
import { StateReplica } from "../../../src/protocol/state/replica.ts";
import type { State } from "../../../src/protocol/state/state.ts";
import type { SyncEffect, SyncInput } from "../../../src/protocol/sync/effects.ts";
import { limits } from "../../../src/core/limits.ts";
import { Sync } from "../../../src/protocol/sync/sync.ts";
import { wire, type Costs } from "./costs.ts";
import type { World } from "./world.ts";

export type SyncsParts = {
  readonly world: World;
  readonly costs: Costs;
  readonly states: readonly State[];
  readonly peers: readonly PeerName[];
  /** Unix time at the world's beginning. */
  readonly epochMs: number;
  /** The node took in a frame. */
  progressed(node: number): void;
};

/** One end of a stream: the other node, and the number that the session has there. */
type Far = { readonly node: number; readonly session: number };

/** Segments of TCP on a path of 1,500 bytes. */
const segmentBytes = 1_448;
const prefixBytes = 2;

export class Syncs {
  readonly #parts: SyncsParts;
  readonly #syncs: Sync[];
  readonly #numbers = new Map<PeerName, number>();
  readonly #streams: Map<number, Far>[];
  readonly #accepted: Int32Array;
  readonly #wakeMs: Float64Array;

  constructor(parts: SyncsParts) {
    this.#parts = parts;
    const { world, states, peers } = parts;
    for (const [node, peer] of peers.entries()) this.#numbers.set(peer, node);
    this.#streams = peers.map(() => new Map());
    this.#accepted = new Int32Array(peers.length);
    this.#wakeMs = new Float64Array(peers.length).fill(Number.POSITIVE_INFINITY);
    this.#syncs = peers.map((self, node) => {
      const failed = (error: Error): never => {
        throw error;
      };
      return new Sync({
        self,
        replica: new StateReplica(states[node]!, failed),
        entriesIn: (bundle) => peekBundle(bundle)?.entries ?? 1,
        random: world.prng.fork(`sync ${node}`),
        heard: () => [],
        intervalMs: () => limits.syncIntervalMs,
      });
    });
  }

  /** Before the first connection is made. */
  start(): void {
    const { world, peers, costs } = this.#parts;
    world.onConnection((node, other, up) => {
      const input = { kind: "peer", peer: peers[other]!, up } as const;
      world.work(node, costs.probeMs, () => this.#feed(node, input));
    });
  }

  #feed(node: number, input: SyncInput): void {
    const { nowMs } = this.#parts.world;
    const now = { wallMs: this.#parts.epochMs + nowMs, monotonicMs: nowMs };
    for (const effect of this.#syncs[node]!.handle(input, now)) this.#perform(node, effect);
  }

  #perform(node: number, effect: SyncEffect): void {
    switch (effect.kind) {
      case "open":
        this.#open(node, effect.session, this.#numbers.get(effect.peer)!);
        return;
      case "send":
        this.#send(node, effect.session, effect.frame);
        return;
      case "close":
        this.#end(node, effect.session, "closed");
        return;
      case "abort":
        this.#end(node, effect.session, "failed");
        return;
      case "wakeup":
        this.#wake(node, effect.atMs);
        return;
      case "charge":
        throw new Error(`an honest node was charged: ${effect.reason}`);
      case "heard":
      case "clock":
      case "equal":
      case "audited":
      case "report":
    }
  }

  /** A round trip agrees on the protocol. */
  #open(node: number, session: number, other: number): void {
    const { world, peers } = this.#parts;
    if (!world.neighbours(node).has(other)) {
      world.agenda.after(0, () => this.#feed(node, { kind: "failed", session }));
      return;
    }
    const far = --this.#accepted[other]!;
    this.#deliver(node, other, 0, () => {
      this.#streams[other]!.set(far, { node, session });
      this.#feed(other, { kind: "accepted", session: far, peer: peers[node]! });
      this.#deliver(other, node, 0, () => {
        this.#streams[node]!.set(session, { node: other, session: far });
        this.#feed(node, { kind: "opened", session });
      });
    });
  }

  #send(node: number, session: number, frame: Uint8Array): void {
    const far = this.#streams[node]!.get(session);
    if (far === undefined) return;
    this.#deliver(node, far.node, frame.length, () => {
      if (!this.#streams[far.node]!.has(far.session)) return;
      this.#feed(far.node, { kind: "frame", session: far.session, bytes: frame });
      this.#parts.progressed(far.node);
    });
  }

  #end(node: number, session: number, kind: "closed" | "failed"): void {
    const far = this.#streams[node]!.get(session);
    this.#streams[node]!.delete(session);
    if (far === undefined) return;
    this.#deliver(node, far.node, 0, () => {
      if (this.#streams[far.node]!.delete(far.session)) {
        this.#feed(far.node, { kind, session: far.session });
      }
    });
  }

  #deliver(from: number, to: number, length: number, run: () => void): void {
    const { world, costs } = this.#parts;
    const segments = Math.max(1, Math.ceil(length / segmentBytes));
    const bytes = length + prefixBytes + segments * wire.frameBytes;
    world.send(from, to, { kind: "sync", bytes, costMs: costs.sendMs }, () => {
      world.work(to, costs.probeMs, run);
    });
  }

  #wake(node: number, atMs: number): void {
    const { world, costs } = this.#parts;
    this.#wakeMs[node] = atMs;
    world.agenda.at(atMs, () => {
      if (this.#wakeMs[node] !== atMs) return;
      this.#wakeMs[node] = Number.POSITIVE_INFINITY;
      world.work(node, costs.probeMs, () => this.#feed(node, { kind: "wakeup" }));
    });
  }
}
