/**
 * One topic of gossipsub as src/host/net/gossip-router.ts sets it up: a mesh that a heartbeat keeps between 3 and 8 peers
 * (gossipsub v1.1, "Mesh maintenance"), small messages of one's own to all subscribers that are connected, no lazy
 * gossip. A message is judged before it is relayed. All nodes subscribe, and scores are left out: nobody misbehaves.
 */
import { limits } from "../../../src/core/limits.ts";
import { rpcBytes, wire, type Costs } from "./costs.ts";
import type { World } from "./world.ts";

export const meshDegree = { low: 3, wanted: 4, high: 8, outbound: 1 };
const heartbeatMs = 1_000;
const backOffMs = 60_000;
const controlBytes = rpcBytes.topic + wire.frameBytes;

export type Message = {
  readonly data: Uint8Array;
  /** By node: when it saw the message first; NaN before. */
  readonly seenMs: Float64Array;
  /** Copies that came to all nodes together. */
  copies: number;
};

export type MeshParts = {
  readonly world: World;
  readonly topic: string;
  readonly costs: Costs;
  /** Whether the node accepts it, and so relays it. */
  receive(node: number, from: number, message: Message): boolean;
};

export class Mesh {
  readonly #parts: MeshParts;
  readonly #peers: Set<number>[];
  /** By node, and then by peer: until when it is not asked for a place in its mesh. */
  readonly #backOffs: Map<number, number>[];
  readonly #messages = new Map<string, Message>();

  constructor(parts: MeshParts) {
    this.#parts = parts;
    const { world } = parts;
    this.#peers = Array.from({ length: world.size }, () => new Set());
    this.#backOffs = Array.from({ length: world.size }, () => new Map());
    world.onConnection((node, other, up) => {
      if (!up) this.#peers[node]!.delete(other);
    });
    for (let node = 0; node < world.size; node++)
      this.#beat(node, world.prng.float() * heartbeatMs);
  }

  peersOf(node: number): ReadonlySet<number> {
    return this.#peers[node]!;
  }

  /** Undefined for what was published before and is still remembered; the router takes it for a duplicate. */
  publish(node: number, data: Uint8Array): Message | undefined {
    const { world } = this.#parts;
    const message = this.#messageOf(data);
    if (!Number.isNaN(message.seenMs[node]!)) return undefined;
    message.seenMs[node] = world.nowMs;
    const isForAll = data.length <= limits.gossipFloodBytesMax;
    this.#send(node, isForAll ? world.neighbours(node) : this.peersOf(node), message);
    return message;
  }

  #messageOf(data: Uint8Array): Message {
    const { nowMs, size } = this.#parts.world;
    const id = Buffer.from(data.buffer, data.byteOffset, data.length).toString("latin1");
    const known = this.#messages.get(id);
    if (known !== undefined) return known;
    const message = { data, seenMs: new Float64Array(size).fill(Number.NaN), copies: 0 };
    this.#messages.set(id, message);
    this.#parts.world.agenda.at(nowMs + limits.gossipSeenMs, () => this.#messages.delete(id));
    return message;
  }

  #send(node: number, peers: Iterable<number>, message: Message, except?: number): void {
    const { world, topic, costs } = this.#parts;
    const around = rpcBytes.topic + rpcBytes.around + wire.frameBytes + wire.acknowledgementBytes;
    const what = { kind: topic, bytes: message.data.length + around, costMs: costs.sendMs };
    for (const peer of peers) {
      if (peer !== except) world.send(node, peer, what, () => this.#arrive(peer, node, message));
    }
  }

  #arrive(node: number, from: number, message: Message): void {
    const { world, costs, receive } = this.#parts;
    message.copies++;
    if (!Number.isNaN(message.seenMs[node]!)) {
      world.work(node, costs.duplicateMs, () => undefined);
      return;
    }
    message.seenMs[node] = world.nowMs;
    world.work(node, costs.judgeMs, () => {
      if (receive(node, from, message)) this.#send(node, this.peersOf(node), message, from);
    });
  }

  #beat(node: number, delayMs: number): void {
    const { world } = this.#parts;
    world.agenda.after(delayMs, () => {
      if (!world.isAlive(node)) return;
      this.#tend(node);
      this.#beat(node, heartbeatMs);
    });
  }

  #tend(node: number): void {
    const { world } = this.#parts;
    const peers = this.#peers[node]!;
    if (peers.size < meshDegree.low) {
      for (const peer of world.prng.some(this.#candidates(node), meshDegree.wanted - peers.size)) {
        this.#graft(node, peer);
      }
    } else if (peers.size > meshDegree.high) {
      for (const peer of world.prng.some([...peers], peers.size - meshDegree.wanted)) {
        this.#prune(node, peer);
      }
    } else if (![...peers].some((peer) => world.hasDialled(node, peer))) {
      const dialled = this.#candidates(node).filter((peer) => world.hasDialled(node, peer));
      for (const peer of world.prng.some(dialled, meshDegree.outbound)) this.#graft(node, peer);
    }
  }

  #candidates(node: number): number[] {
    const { world } = this.#parts;
    const backOffs = this.#backOffs[node]!;
    return [...world.neighbours(node)].filter((peer) => {
      return !this.#peers[node]!.has(peer) && (backOffs.get(peer) ?? 0) <= world.nowMs;
    });
  }

  #graft(node: number, peer: number): void {
    this.#peers[node]!.add(peer);
    this.#control(node, peer, () => {
      const peers = this.#peers[peer]!;
      const isFull = peers.size >= meshDegree.high && !this.#parts.world.hasDialled(peer, node);
      const isBackedOff = (this.#backOffs[peer]!.get(node) ?? 0) > this.#parts.world.nowMs;
      if (peers.has(node)) return;
      if (isFull || isBackedOff) this.#prune(peer, node);
      else peers.add(node);
    });
  }

  #prune(node: number, peer: number): void {
    this.#leave(node, peer);
    this.#control(node, peer, () => this.#leave(peer, node));
  }

  #leave(node: number, peer: number): void {
    this.#peers[node]!.delete(peer);
    this.#backOffs[node]!.set(peer, this.#parts.world.nowMs + backOffMs);
  }

  #control(node: number, peer: number, arrive: () => void): void {
    const { world, costs } = this.#parts;
    const what = { kind: "mesh control", bytes: controlBytes, costMs: costs.sendMs };
    world.send(node, peer, what, arrive);
  }
}
