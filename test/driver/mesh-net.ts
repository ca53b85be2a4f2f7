/** The network and gossip of drivers in one process, made of callbacks. */
import { CoterieError } from "../../src/core/errors.ts";
import { sha256 } from "../../src/core/identity.ts";
import type {
  FrameChannel,
  GossipReceiver,
  Net,
  PeerName,
  PubSub,
  Verdict,
} from "../../src/core/ports.ts";

/** One end of a stream; what is sent arrives at the other end in a later turn of the loop. */
class Channel implements FrameChannel {
  readonly peer: PeerName;
  readonly frames: AsyncIterable<Uint8Array>;
  bytesIn = 0;
  bytesOut = 0;
  other!: Channel;
  readonly #arrived: Uint8Array[] = [];
  #ended = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(peer: PeerName) {
    this.peer = peer;
    this.frames = this.#read();
  }

  static pair(a: PeerName, b: PeerName): [Channel, Channel] {
    const [atA, atB] = [new Channel(b), new Channel(a)];
    atA.other = atB;
    atB.other = atA;
    return [atA, atB];
  }

  get dead(): boolean {
    return this.#failure !== undefined;
  }

  async send(frame: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    this.bytesOut += frame.length;
    await later();
    this.other.#arrive(() => {
      this.other.bytesIn += frame.length;
      this.other.#arrived.push(frame.slice());
    });
  }

  async close(): Promise<void> {
    await later();
    this.other.#arrive(() => (this.other.#ended = true));
  }

  abort(reason: Error): void {
    for (const end of [this, this.other]) end.#arrive(() => (end.#failure ??= reason));
  }

  #arrive(change: () => void): void {
    change();
    this.#wake?.();
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      const frame = this.#arrived.shift();
      if (frame !== undefined) yield frame;
      else if (this.#ended) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

function later(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

type ChannelHandler = (channel: FrameChannel) => void;

/** `Net` and `PubSub` of one node: gossip floods all links, once it was accepted. */
export class MeshNet implements Net, PubSub {
  readonly self: PeerName;
  readonly links = new Map<PeerName, MeshNet>();
  readonly channels: Channel[] = [];
  /** Without news of members. */
  readonly published: { readonly topic: string; readonly data: Uint8Array }[] = [];
  readonly verdicts: Verdict[] = [];
  /** Peers that were banned here, and are refused. */
  readonly banned = new Map<PeerName, number>();
  /** False keeps gossip from arriving. */
  gossips = true;
  readonly #topics = new Set<string>();
  /** Who sent a message so far. */
  readonly #seen = new Map<string, Set<PeerName>>();
  #receive: GossipReceiver = () => "ignore";
  #accept: ChannelHandler = () => {};
  #acceptPull: ChannelHandler = () => {};
  #acceptProbe: ChannelHandler = () => {};
  #peer: (peer: PeerName, up: boolean) => void = () => {};

  constructor(self: PeerName) {
    this.self = self;
  }

  connected(): PeerName[] {
    return [...this.links.keys()];
  }

  openSync(peer: PeerName, signal: AbortSignal): Promise<FrameChannel> {
    return this.#open(peer, signal, (other) => other.#accept);
  }

  onSync(handler: ChannelHandler): void {
    this.#accept = handler;
  }

  openPull(peer: PeerName, signal: AbortSignal): Promise<FrameChannel> {
    return this.#open(peer, signal, (other) => other.#acceptPull);
  }

  onPull(handler: ChannelHandler): void {
    this.#acceptPull = handler;
  }

  async #open(
    peer: PeerName,
    signal: AbortSignal,
    handler: (other: MeshNet) => ChannelHandler,
  ): Promise<FrameChannel> {
    await later();
    signal.throwIfAborted();
    const other = this.links.get(peer);
    if (other === undefined) throw new CoterieError("UNREACHABLE", "not connected");
    const [here, there] = Channel.pair(this.self, peer);
    this.channels.push(here);
    other.channels.push(there);
    handler(other)(there);
    return here;
  }

  openProbe(peer: PeerName, signal: AbortSignal): Promise<FrameChannel> {
    return this.#open(peer, signal, (other) => other.#acceptProbe);
  }

  onProbe(handler: ChannelHandler): void {
    this.#acceptProbe = handler;
  }

  keep(): void {}

  /** Answers every question of a pull with the frames that are given for it. */
  answerPulls(answer: (hash: Uint8Array) => readonly Uint8Array[]): void {
    this.#acceptPull = (channel) => void answerPulls(channel, answer);
  }

  ban(peer: PeerName, forMs: number): void {
    this.banned.set(peer, forMs);
    const other = this.links.get(peer);
    if (other !== undefined) this.disconnect(other);
  }

  onPeer(handler: (peer: PeerName, up: boolean) => void): void {
    this.#peer = handler;
  }

  subscribe(topic: string): void {
    this.#topics.add(topic);
  }

  onMessage(handler: GossipReceiver): void {
    this.#receive = handler;
  }

  topics(): { topic: string; meshPeers: number; subscribers: number }[] {
    return [...this.#topics].map((topic) => ({ topic, meshPeers: 0, subscribers: 0 }));
  }

  async publish(topic: string, data: Uint8Array): Promise<number> {
    if (!topic.endsWith("/members")) this.published.push({ topic, data });
    this.#seen.set(nameOf(data), new Set());
    return this.#spread(topic, data);
  }

  /** Hands a message to all that follow its topic, this node's own receiver not included. */
  async #spread(topic: string, data: Uint8Array, except?: PeerName): Promise<number> {
    const others = [...this.links.values()].filter(
      (other) => other.#topics.has(topic) && other.self !== except,
    );
    if (!this.gossips) return others.length;
    await later();
    for (const other of others) {
      if (this.links.has(other.self)) void other.#arrive(topic, data, this.self);
    }
    return others.length;
  }

  /** Hands a message to one neighbour, whatever it follows. */
  send(other: MeshNet, topic: string, data: Uint8Array): void {
    if (this.links.has(other.self)) void other.#arrive(topic, data, this.self);
  }

  /** Takes a message from a link: judges the first copy, and relays it when it is accepted. */
  async #arrive(topic: string, data: Uint8Array, from: PeerName): Promise<void> {
    const name = nameOf(data);
    const senders = this.#seen.get(name);
    if (senders !== undefined) {
      senders.add(from);
      return;
    }
    const first = new Set([from]);
    this.#seen.set(name, first);
    const verdict = await this.#receive(topic, data.slice(), from, () => [...first]);
    this.verdicts.push(verdict);
    if (verdict === "accept") await this.#spread(topic, data, from);
  }

  /** What the receiver says of a message, whether or not it was here before. */
  deliver(topic: string, data: Uint8Array, from: PeerName): Verdict | Promise<Verdict> {
    const verdict = this.#receive(topic, data.slice(), from, () => [from]);
    if (typeof verdict === "string") this.verdicts.push(verdict);
    return verdict;
  }

  connect(other: MeshNet): void {
    if (this.banned.has(other.self) || other.banned.has(this.self)) return;
    this.links.set(other.self, other);
    other.links.set(this.self, this);
    this.#peer(other.self, true);
    other.#peer(this.self, true);
  }

  disconnect(other: MeshNet): void {
    this.links.delete(other.self);
    other.links.delete(this.self);
    const lost = new CoterieError("UNREACHABLE", "the connection is gone");
    for (const channel of this.channels) if (channel.peer === other.self) channel.abort(lost);
    this.#peer(other.self, false);
    other.#peer(this.self, false);
  }
}

function nameOf(data: Uint8Array): string {
  return Buffer.from(sha256(data)).toString("latin1");
}

async function answerPulls(
  channel: FrameChannel,
  answer: (hash: Uint8Array) => readonly Uint8Array[],
): Promise<void> {
  try {
    for await (const hash of channel.frames) {
      for (const frame of answer(hash)) await channel.send(frame);
    }
  } catch {
    // the one who asked has cut it off
  }
}
