/**
 * A network of reconciliation machines under a virtual clock: streams deliver frames in order after drawn delays,
 * and break when told to or by chance. Everything follows from the seed.
 */
import { limits } from "../../src/core/limits.ts";
import { peerNameOf } from "../../src/core/ids.ts";
import { sha256 } from "../../src/core/identity.ts";
import { encodeUtf8 } from "../../src/core/codec.ts";
import type { PeerName, Random } from "../../src/core/ports.ts";
import type { SyncEffect, SyncInput } from "../../src/protocol/sync/effects.ts";
import { decodeFrame, type Frame } from "../../src/protocol/sync/frames.ts";
import { Sync } from "../../src/protocol/sync/sync.ts";
import { seededRandom } from "../seeded-random.ts";
import { entriesIn, ReferenceReplica, stampOf } from "./reference-replica.ts";

/** What the daemon does by default. */
export const intervalMs = (): number => limits.syncIntervalMs;

export const epochMs = 1_800_000_000_000;

type End = { readonly node: Node; readonly session: number };
type Channel = {
  readonly ends: readonly [End, End];
  open: boolean;
  readonly deliveredMs: number[];
};

export type SentFrame = {
  readonly atMs: number;
  readonly from: PeerName;
  readonly to: PeerName;
  readonly session: number;
  readonly frame: Frame;
  readonly bytes: number;
};

export class Node {
  readonly name: PeerName;
  readonly replica = new ReferenceReplica();
  readonly sync: Sync;
  readonly effects: SyncEffect[] = [];
  readonly channels = new Map<number, Channel>();
  skewMs = 0;
  lastAccepted = 0;
  wakeupMs: number | undefined;

  constructor(index: number, random: Random) {
    this.name = peerNameOf(sha256(encodeUtf8(`node ${index}`)));
    const { name: self, replica } = this;
    this.sync = new Sync({ self, replica, entriesIn, random, heard: () => [], intervalMs });
  }

  seen<K extends SyncEffect["kind"]>(kind: K): Extract<SyncEffect, { kind: K }>[] {
    return this.effects.filter(
      (effect): effect is Extract<SyncEffect, { kind: K }> => effect.kind === kind,
    );
  }
}

type Event = { readonly atMs: number; readonly run: () => void };

export class World {
  nowMs = 0;
  readonly nodes: Node[] = [];
  readonly sent: SentFrame[] = [];
  readonly random: Random;
  readonly #events: Event[] = [];
  readonly #links = new Set<string>();
  /** Of one frame, and for a stream to open. */
  delayMs: () => number = () => 1;
  /** Of each direction of a stream. */
  bytesPerMs = Number.POSITIVE_INFINITY;
  /** Chance of a stream to break with a frame. */
  breaks = 0;

  constructor(seed: number, nodes: number) {
    this.random = seededRandom(seed);
    for (let index = 0; index < nodes; index++) this.nodes.push(new Node(index, this.random));
    this.nodes.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  node(index: number): Node {
    return this.nodes[index]!;
  }

  wallMs(node: Node): number {
    return epochMs + this.nowMs + node.skewMs;
  }

  /** A write with the writer's clock. */
  write(node: Node, namespace: string, key: string, value?: Uint8Array): void {
    node.replica.write(namespace, key, stampOf(this.wallMs(node)), value);
  }

  connect(a: Node, b: Node): void {
    this.#links.add(linkOf(a, b));
    this.feed(a, { kind: "peer", peer: b.name, up: true });
    this.feed(b, { kind: "peer", peer: a.name, up: true });
  }

  disconnect(a: Node, b: Node): void {
    this.#links.delete(linkOf(a, b));
    for (const channel of a.channels.values()) {
      if (channel.ends.some(({ node }) => node === b)) this.#break(channel);
    }
    this.feed(a, { kind: "peer", peer: b.name, up: false });
    this.feed(b, { kind: "peer", peer: a.name, up: false });
  }

  connectAll(): void {
    for (const [index, a] of this.nodes.entries()) {
      for (const b of this.nodes.slice(index + 1)) this.connect(a, b);
    }
  }

  after(delayMs: number, run: () => void): void {
    const atMs = this.nowMs + delayMs;
    let at = this.#events.length;
    while (at > 0 && this.#events[at - 1]!.atMs > atMs) at--;
    this.#events.splice(at, 0, { atMs, run });
  }

  /** Runs until the condition holds; false when the time is over first. */
  runUntil(condition: () => boolean, withinMs: number): boolean {
    const endMs = this.nowMs + withinMs;
    while (!condition()) {
      const event = this.#events[0];
      if (event === undefined || event.atMs > endMs) {
        this.nowMs = endMs;
        return condition();
      }
      this.#events.shift();
      this.nowMs = Math.max(this.nowMs, event.atMs);
      event.run();
    }
    return true;
  }

  run(forMs: number): void {
    this.runUntil(() => false, forMs);
  }

  equal(): boolean {
    const [first, ...others] = this.nodes.map(({ replica }) => replica.digest);
    return others.every((other) => other === first);
  }

  feed(node: Node, input: SyncInput): void {
    const now = { wallMs: this.wallMs(node), monotonicMs: this.nowMs };
    const effects = node.sync.handle(input, now);
    for (const effect of effects) this.#perform(node, effect);
  }

  #perform(node: Node, effect: SyncEffect): void {
    node.effects.push(effect);
    if (effect.kind === "open") this.#open(node, effect.session, effect.peer);
    else if (effect.kind === "wakeup") this.#wake(node, effect.atMs);
    else if (effect.kind === "send") {
      const channel = node.channels.get(effect.session);
      if (channel !== undefined) this.#send(node, channel, effect.frame);
    } else if (effect.kind === "close" || effect.kind === "abort") {
      const channel = node.channels.get(effect.session);
      node.channels.delete(effect.session);
      if (channel === undefined) return;
      const kind = effect.kind === "close" ? "closed" : "failed";
      this.#deliver(node, channel, 0, (end) => {
        end.node.channels.delete(end.session);
        this.feed(end.node, { kind, session: end.session });
      });
    }
  }

  #wake(node: Node, atMs: number): void {
    node.wakeupMs = atMs;
    this.after(Math.max(0, atMs - this.nowMs), () => {
      if (node.wakeupMs !== atMs) return;
      node.wakeupMs = undefined;
      this.feed(node, { kind: "wakeup" });
    });
  }

  #open(node: Node, session: number, peer: PeerName): void {
    const other = this.nodes.find(({ name }) => name === peer);
    this.after(this.delayMs(), () => {
      if (other === undefined || !this.#links.has(linkOf(node, other))) {
        this.feed(node, { kind: "failed", session });
        return;
      }
      const accepted = { node: other, session: --other.lastAccepted };
      const channel: Channel = {
        ends: [{ node, session }, accepted],
        open: true,
        deliveredMs: [0, 0],
      };
      node.channels.set(session, channel);
      other.channels.set(accepted.session, channel);
      this.feed(other, { kind: "accepted", session: accepted.session, peer: node.name });
      this.feed(node, { kind: "opened", session });
    });
  }

  #send(node: Node, channel: Channel, bytes: Uint8Array): void {
    const from = channel.ends.find((end) => end.node === node)!;
    const to = channel.ends.find((end) => end.node !== node)!;
    this.sent.push({
      atMs: this.nowMs,
      from: node.name,
      to: to.node.name,
      session: from.session,
      frame: decodeFrame(bytes),
      bytes: bytes.length,
    });
    if (this.random.float() < this.breaks) return this.#break(channel);
    this.#deliver(node, channel, bytes.length, (end) => {
      this.feed(end.node, { kind: "frame", session: end.session, bytes });
    });
  }

  /** In order per direction; what was sent before a clean close arrives before it. */
  #deliver(node: Node, channel: Channel, bytes: number, run: (end: End) => void): void {
    const toIndex = channel.ends[0].node === node ? 1 : 0;
    const end = channel.ends[toIndex];
    const freeMs = Math.max(channel.deliveredMs[toIndex]!, this.nowMs + this.delayMs());
    const atMs = freeMs + bytes / this.bytesPerMs;
    channel.deliveredMs[toIndex] = atMs;
    this.after(atMs - this.nowMs, () => {
      if (channel.open && end.node.channels.has(end.session)) run(end);
    });
  }

  #break(channel: Channel): void {
    channel.open = false;
    for (const { node, session } of channel.ends) {
      if (!node.channels.delete(session)) continue;
      this.after(this.delayMs(), () => this.feed(node, { kind: "failed", session }));
    }
  }
}

function linkOf(a: Node, b: Node): string {
  return [a.name, b.name].toSorted().join(" ");
}
