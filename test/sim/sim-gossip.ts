/**
 * The `PubSub` port over simulated wires, as src/host/net/gossip-router.ts sets gossipsub up: a mesh of 3 to 8 peers a
 * topic, small messages of one's own to all, no lazy gossip. A message is judged before it is relayed. Scores are left
 * out: whom to drop is for the driver here.
 */
import { Writer, encodeUtf8 } from "../../src/core/codec.ts";
import { CoterieError } from "../../src/core/errors.ts";
import { sha256 } from "../../src/core/identity.ts";
import { limits } from "../../src/core/limits.ts";
import type { GossipReceiver, PeerName, PubSub, Verdict } from "../../src/core/ports.ts";
import type { Prng } from "./prng.ts";
import type { SimNet } from "./sim-net.ts";

const mesh = { low: 3, wanted: 4, high: 8 };
const heartbeatMs = 1_000;

type Message = { readonly topic: string; readonly data: Uint8Array; readonly id: string };

export class SimGossip implements PubSub {
  readonly #net: SimNet;
  readonly #prng: Prng;
  readonly #meshes = new Map<string, Set<PeerName>>();
  /** When a message was first seen, and who sent it so far. */
  readonly #seen = new Map<string, { readonly atMs: number; readonly senders: Set<PeerName> }>();
  #receive: GossipReceiver = () => "ignore";

  constructor(net: SimNet, prng: Prng) {
    this.#net = net;
    this.#prng = prng;
    this.#beat(prng.float() * heartbeatMs);
  }

  subscribe(topic: string): void {
    if (!this.#meshes.has(topic)) this.#meshes.set(topic, new Set());
  }

  onMessage(handler: GossipReceiver): void {
    this.#receive = handler;
  }

  topics(): { topic: string; meshPeers: number; subscribers: number }[] {
    return [...this.#meshes].map(([topic, peers]) => {
      return { topic, meshPeers: peers.size, subscribers: this.#subscribers(topic).length };
    });
  }

  async publish(topic: string, data: Uint8Array, reach: "all" | "mesh" = "all"): Promise<number> {
    if (data.length > limits.gossipMessageBytesMax) {
      throw new CoterieError("TOO_LARGE", "a gossip message beyond the limit");
    }
    const message = { topic, data: data.slice(), id: idOf(topic, data) };
    this.#seen.set(message.id, { atMs: this.#net.clock.monotonicMs(), senders: new Set() });
    const isForAll = reach === "all" && data.length <= limits.gossipFloodBytesMax;
    const peers = isForAll ? this.#subscribers(topic) : [...(this.#meshes.get(topic) ?? [])];
    return this.#send(message, peers);
  }

  /** To one neighbour, whatever the rules are; for those who keep none. */
  force(peer: PeerName, topic: string, data: Uint8Array): void {
    this.#send({ topic, data: data.slice(), id: idOf(topic, data) }, [peer]);
  }

  lost(peer: PeerName): void {
    for (const peers of this.#meshes.values()) peers.delete(peer);
  }

  isOn(topic: string): boolean {
    return this.#meshes.has(topic);
  }

  #subscribers(topic: string): PeerName[] {
    return this.#net
      .connected()
      .filter((peer) => this.#net.netOf(peer)?.gossip.isOn(topic) === true);
  }

  #send(message: Message, peers: readonly PeerName[]): number {
    const { self } = this.#net;
    for (const peer of peers) {
      const connection = this.#net.to(peer);
      const what = `gossip ${message.topic.slice(message.topic.lastIndexOf("/") + 1)}`;
      connection?.scatter(what, message.data, () => {
        connection.other.owner.gossip.#arrive(message, self);
      });
    }
    return peers.length;
  }

  #arrive(message: Message, from: PeerName): void {
    if (!this.#meshes.has(message.topic)) return;
    const known = this.#seen.get(message.id);
    if (known !== undefined) {
      known.senders.add(from);
      return;
    }
    const senders = new Set([from]);
    this.#seen.set(message.id, { atMs: this.#net.clock.monotonicMs(), senders });
    const verdict = this.#receive(message.topic, message.data.slice(), from, () => [...senders]);
    if (typeof verdict === "string") this.#judged(message, from, verdict);
    else void verdict.then((later) => this.#judged(message, from, later));
  }

  #judged(message: Message, from: PeerName, verdict: Verdict): void {
    if (verdict !== "accept") return;
    const peers = [...(this.#meshes.get(message.topic) ?? [])].filter((peer) => peer !== from);
    this.#send(message, peers);
  }

  #beat(delayMs: number): void {
    this.#net.clock.after(delayMs, () => {
      if (!this.#net.isRunning) return;
      for (const [topic, peers] of this.#meshes) this.#tend(topic, peers);
      const forgottenMs = this.#net.clock.monotonicMs() - limits.gossipSeenMs;
      for (const [id, { atMs }] of this.#seen) {
        if (atMs > forgottenMs) break;
        this.#seen.delete(id);
      }
      this.#beat(heartbeatMs);
    });
  }

  #tend(topic: string, peers: Set<PeerName>): void {
    if (peers.size < mesh.low) {
      const others = this.#subscribers(topic).filter((peer) => !peers.has(peer));
      if (others.length === 0) return;
      for (const peer of this.#prng.some(others, mesh.wanted - peers.size)) {
        this.#ask(peer, "graft", (other) => other.#meshes.get(topic)?.add(this.#net.self));
        peers.add(peer);
      }
    } else if (peers.size > mesh.high) {
      for (const peer of this.#prng.some([...peers], peers.size - mesh.high)) {
        this.#ask(peer, "prune", (other) => other.#meshes.get(topic)?.delete(this.#net.self));
        peers.delete(peer);
      }
    }
  }

  #ask(peer: PeerName, what: string, change: (other: SimGossip) => void): void {
    const connection = this.#net.to(peer);
    connection?.carry(what, undefined, () => {
      const { owner, isOpen } = connection.other;
      if (isOpen) change(owner.gossip);
    });
  }
}

/** As the daemon names messages. */
function idOf(topic: string, data: Uint8Array): string {
  const named = new Writer().prefixed(encodeUtf8(topic)).bytes(data);
  return Buffer.from(sha256(named.view()).subarray(0, 20)).toString("latin1");
}
