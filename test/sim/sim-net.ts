/**
 * The `Net` port of one process over simulated wires. Whom to dial again and when is decided by the daemon's own
 * src/host/net/redial.ts, and who is kept out by its bans.ts; the peers that a node may find (in the daemon by the DHT,
 * its book and its ticket) are given.
 */
import { CoterieError } from "../../src/core/errors.ts";
import { limits } from "../../src/core/limits.ts";
import type { FrameChannel, Net, PeerName } from "../../src/core/ports.ts";
import { Bans } from "../../src/host/net/bans.ts";
import { Redial } from "../../src/host/net/redial.ts";
import type { Prng } from "./prng.ts";
import type { ChannelKind, SimChannel } from "./sim-channel.ts";
import { Connection } from "./sim-connection.ts";
import { SimGossip } from "./sim-gossip.ts";
import type { ProcessClock } from "./virtual-clock.ts";
import type { Wires } from "./wires.ts";

/** Who listens, by peer id. */
export type Internet = { readonly wires: Wires; readonly listening: Map<PeerName, SimNet> };

export type SimNetParts = {
  readonly internet: Internet;
  readonly self: PeerName;
  /** For the trace. */
  readonly name: string;
  readonly clock: ProcessClock;
  readonly prng: Prng;
  readonly connectionsWanted: number;
  /** Hears of peers that are kept out from now on. */
  readonly banned: (peer: PeerName) => void;
};

type ChannelHandler = (channel: FrameChannel) => void;

export class SimNet implements Net {
  readonly self: PeerName;
  readonly name: string;
  readonly clock: ProcessClock;
  readonly gossip: SimGossip;
  isRunning = true;
  readonly #parts: SimNetParts;
  /** Open connections by peer, the youngest last. */
  readonly #connections = new Map<PeerName, Connection[]>();
  readonly #bans: Bans;
  readonly #redial: Redial;
  /** Ends every dial when the process stops, as in src/host/net/dialer.ts. */
  readonly #stopping = new AbortController();
  readonly #handlers = new Map<ChannelKind, ChannelHandler>();
  #onPeer: (peer: PeerName, up: boolean) => void = () => {};

  constructor(parts: SimNetParts) {
    const { self, name, clock, prng, connectionsWanted, internet } = parts;
    this.#parts = parts;
    this.self = self;
    this.name = name;
    this.clock = clock;
    this.#bans = new Bans(clock);
    this.gossip = new SimGossip(this, prng.fork("mesh"));
    this.#redial = new Redial({
      clock,
      random: prng,
      self,
      connectionsWanted,
      connectionsMax: limits.connectionsMax,
      connected: () => this.#connections.size,
      isUp: (peer) => this.#connections.has(peer),
      isBlocked: (peer) => this.#bans.has(peer),
      ipsOf: () => [],
      dialPeer: (peer) => this.#dial(peer),
      dialMeeting: undefined,
      isMet: () => true,
    });
    internet.listening.set(self, this);
  }

  /** Begins to dial; these are the peers that it may find. */
  start(peers: readonly PeerName[]): void {
    for (const peer of peers) this.#redial.know(peer);
    this.#redial.start();
  }

  connected(): PeerName[] {
    return [...this.#connections.keys()];
  }

  isUp(peer: PeerName): boolean {
    return this.#connections.has(peer);
  }

  isBanned(peer: PeerName): boolean {
    return this.#bans.has(peer);
  }

  /** The way to a peer that is connected. */
  to(peer: PeerName): Connection | undefined {
    return this.#connections.get(peer)?.at(-1);
  }

  netOf(peer: PeerName): SimNet | undefined {
    return this.#parts.internet.listening.get(peer);
  }

  openSync(peer: PeerName, signal: AbortSignal): Promise<FrameChannel> {
    return this.#open("sync", peer, signal);
  }

  onSync(handler: ChannelHandler): void {
    this.#handlers.set("sync", handler);
  }

  openPull(peer: PeerName, signal: AbortSignal): Promise<FrameChannel> {
    return this.#open("pull", peer, signal);
  }

  onPull(handler: ChannelHandler): void {
    this.#handlers.set("pull", handler);
  }

  openProbe(peer: PeerName, signal: AbortSignal): Promise<FrameChannel> {
    return this.#open("probe", peer, signal);
  }

  onProbe(handler: ChannelHandler): void {
    this.#handlers.set("probe", handler);
  }

  async #open(kind: ChannelKind, peer: PeerName, signal: AbortSignal): Promise<FrameChannel> {
    const connection = this.to(peer);
    if (connection === undefined) throw new CoterieError("UNREACHABLE", "not connected");
    return connection.openChannel(kind, signal);
  }

  keep(peers: readonly PeerName[]): void {
    this.#redial.keep(peers);
  }

  ban(peer: PeerName, forMs: number): void {
    this.#bans.add(peer, forMs);
    this.#parts.banned(peer);
    for (const connection of this.#connections.get(peer) ?? []) connection.close("banned");
  }

  onPeer(handler: (peer: PeerName, up: boolean) => void): void {
    this.#onPeer = handler;
  }

  accept(channel: SimChannel): void {
    const handler = this.#handlers.get(channel.kind);
    if (handler === undefined) channel.abort(new CoterieError("UNREACHABLE", "not ready for it"));
    else handler(channel);
  }

  opened(connection: Connection): void {
    const { peer } = connection;
    const known = this.#connections.get(peer);
    if (known !== undefined) {
      known.push(connection);
      return;
    }
    this.#connections.set(peer, [connection]);
    this.#redial.up(peer);
    this.#onPeer(peer, true);
  }

  closed(connection: Connection): void {
    const { peer } = connection;
    const left = (this.#connections.get(peer) ?? []).filter((other) => other !== connection);
    if (left.length > 0) {
      this.#connections.set(peer, left);
      return;
    }
    this.#connections.delete(peer);
    this.gossip.lost(peer);
    this.#redial.lost(peer);
    this.#onPeer(peer, false);
  }

  /** A handshake of two round trips; no answer is a timeout. */
  async #dial(peer: PeerName): Promise<void> {
    if (this.isUp(peer)) return;
    const { signal } = this.#stopping;
    const { wires } = this.#parts.internet;
    const there = wires.direction(this.self, peer);
    const back = wires.direction(peer, this.self);
    const roundTripMs = wires.latency(there) + wires.latency(back);
    const isOpen = (): boolean => there.blocks + back.blocks === 0;
    const wasOpen = isOpen();
    await this.clock.sleep(2 * roundTripMs, signal);
    const other = this.netOf(peer);
    if (wasOpen && isOpen() && other === undefined) {
      throw new CoterieError("UNREACHABLE", "nobody listens");
    }
    if (!wasOpen || !isOpen() || other === undefined || other.clock.isPaused) {
      await this.clock.sleep(Math.max(0, limits.dialMs - 2 * roundTripMs), signal);
      throw new CoterieError("TIMEOUT", "the peer did not answer in time");
    }
    if (other.isBanned(this.self) || this.isBanned(peer) || !this.isRunning) {
      throw new CoterieError("UNREACHABLE", "kept out");
    }
    if (!this.isUp(peer)) Connection.between(wires, this, other);
  }

  /** Hangs up on everybody: the process ends, by itself or by a signal. */
  stop(): void {
    this.#leave();
    for (const connection of this.#all()) connection.close("the process ended");
    this.#connections.clear();
  }

  /** The machine is dead; the returned function lets the others hear of it, once it is up again. */
  lose(): () => void {
    this.#leave();
    const lost = this.#all();
    this.isRunning = false;
    return () => {
      for (const connection of lost) connection.close("the machine was dead");
    };
  }

  #all(): Connection[] {
    return [...this.#connections.values()].flat();
  }

  #leave(): void {
    const { listening } = this.#parts.internet;
    if (listening.get(this.self) === this) listening.delete(this.self);
    this.#redial.stop();
    this.#stopping.abort(new CoterieError("SHUTTING_DOWN", "the daemon is stopping"));
    this.#onPeer = () => {};
    this.isRunning = false;
  }
}
