/**
 * Finding the other members through the DHT (Kademlia, Maymounkov and Mazieres 2002): while fewer connections are
 * held than wanted, look up this node's own id and random ids, and dial the peers that the answers name. A walk asks
 * every peer of a small network, so it is not free: it ends when enough are connected, walks follow each other while
 * they name somebody new, and get rarer, down to one in two minutes, when they do not. A peer that comes or goes brings the next one near.
 */
import type { PeerInfo } from "@libp2p/interface";
import { toCoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { Clock, Log, PeerName, Random } from "../../core/ports.ts";
import type { NetNode } from "./create-node.ts";
import type { Peers } from "./peers.ts";

export type DiscoveryParts = {
  readonly node: NetNode;
  readonly peers: Peers;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly connectionsWanted: number;
  isBlocked(peer: PeerName): boolean;
};

const walkMsMax = 10_000;
const pauseMsMin = 400;
/** After a walk without news, at first. */
const pauseMsQuiet = 5_000;
/** After a peer came or went, while there are few; with more there is no hurry, and other work after a healed cut. */
const pauseMsChanged = 1_500;
const few = 5;
const pauseMsMax = 120_000;
const dialsAtOnceMax = 8;
/** A peer that could not be dialled is left alone for this long; `redial` cares for those that were connected. */
const retryAfterMs = 30_000;
const triedMax = 4_096;

export class Discovery {
  readonly #parts: DiscoveryParts;
  readonly #tried = new Map<PeerName, number>();
  readonly #stopping = new AbortController();
  #pauseMs = pauseMsMin;
  #walkAtMs = 0;
  #wake: (() => void) | undefined;
  #walks = 0;
  #dialing = 0;

  constructor(parts: DiscoveryParts) {
    this.#parts = parts;
    parts.peers.onChange(() => this.#comeNear());
  }

  start(): void {
    this.#run().catch((error: unknown) => {
      const reason = toCoterieError(error).message;
      if (!this.#stopping.signal.aborted) this.#parts.log.error("discovery stopped", { reason });
    });
  }

  stop(): void {
    this.#stopping.abort();
    this.#wake?.();
  }

  async #run(): Promise<void> {
    const { peers, clock, connectionsWanted } = this.#parts;
    while (!this.#stopping.signal.aborted) {
      const hasNews = peers.size > 0 && peers.size < connectionsWanted && (await this.#walk());
      const quietMs = Math.min(Math.max(this.#pauseMs * 3, pauseMsQuiet), pauseMsMax);
      this.#pauseMs = hasNews ? pauseMsMin : quietMs;
      this.#walkAtMs =
        clock.monotonicMs() + this.#pauseMs * (0.75 + this.#parts.random.float() / 2);
      await this.#untilWalk();
    }
  }

  #comeNear(): void {
    const { clock, random, peers } = this.#parts;
    const changedMs = peers.size < few ? pauseMsChanged : pauseMsQuiet;
    // the first peer of all opens the way to the others
    const pauseMs = peers.size === 1 ? 0 : changedMs * (0.5 + random.float());
    this.#pauseMs = Math.min(this.#pauseMs, changedMs);
    this.#walkAtMs = Math.min(this.#walkAtMs, clock.monotonicMs() + pauseMs);
    this.#wake?.();
  }

  async #untilWalk(): Promise<void> {
    const { clock } = this.#parts;
    for (;;) {
      const pauseMs = this.#walkAtMs - clock.monotonicMs();
      if (pauseMs <= 0 || this.#stopping.signal.aborted) return;
      await new Promise<void>((resolve) => {
        const cancel = clock.after(pauseMs, resolve);
        this.#wake = () => {
          cancel();
          resolve();
        };
      });
    }
  }

  /** True when it named somebody to dial. */
  async #walk(): Promise<boolean> {
    const { dht } = this.#parts.node.services;
    const signal = AbortSignal.any([AbortSignal.timeout(walkMsMax), this.#stopping.signal]);
    let hasNews = false;
    try {
      for await (const event of dht.getClosestPeers(this.#key(), { signal })) {
        if (this.#parts.peers.size >= this.#parts.connectionsWanted) break;
        if (event.name !== "PEER_RESPONSE") continue;
        for (const peer of event.closer) hasNews = this.#consider(peer) || hasNews;
      }
    } catch (error) {
      this.#parts.log.debug("a walk ended early", { reason: toCoterieError(error).message });
    }
    return hasNews;
  }

  /** The own id first and every other time: its neighbours are the ones everybody must know. */
  #key(): Uint8Array {
    const isOwn = this.#walks++ % 2 === 0;
    return isOwn ? this.#parts.node.peerId.toMultihash().bytes : this.#parts.random.bytes(32);
  }

  /** Dials the peer unless it is known, or enough are being dialled; true if it does. */
  #consider(peer: PeerInfo): boolean {
    const name = peer.id.toString();
    const { peers, node, clock } = this.#parts;
    const nowMs = clock.monotonicMs();
    if (peers.size + this.#dialing >= this.#parts.connectionsWanted) return false;
    if (this.#dialing >= dialsAtOnceMax || peer.multiaddrs.length === 0) return false;
    if (peers.isUp(name) || this.#parts.isBlocked(name) || node.peerId.equals(peer.id))
      return false;
    if ((this.#tried.get(name) ?? -Infinity) > nowMs - retryAfterMs) return false;
    this.#remember(name, nowMs);
    void this.#dial(peer);
    return true;
  }

  #remember(peer: PeerName, nowMs: number): void {
    this.#tried.delete(peer);
    this.#tried.set(peer, nowMs);
    const oldest = this.#tried.keys().next().value;
    if (this.#tried.size > triedMax && oldest !== undefined) this.#tried.delete(oldest);
  }

  async #dial(peer: PeerInfo): Promise<void> {
    this.#dialing++;
    const signal = AbortSignal.any([AbortSignal.timeout(limits.dialMs), this.#stopping.signal]);
    try {
      const addresses = peer.multiaddrs.map((address) =>
        address.encapsulate(`/p2p/${peer.id.toString()}`),
      );
      await this.#parts.node.dial(addresses, { signal });
    } catch (error) {
      this.#parts.log.trace("a peer from the DHT did not answer", {
        peer: peer.id.toString(),
        reason: toCoterieError(error).message,
      });
    } finally {
      this.#dialing--;
    }
  }
}
