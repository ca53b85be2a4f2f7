/**
 * Mends what libp2p leaves behind, every second:
 * 1. identify is run once more where it failed, and a connection without it is closed, since no protocol will use it;
 * 2. of two connections with one peer (both dialled at once) the younger is closed if nothing runs on it; the peer
 *    with the smaller id does it, so that each pair keeps one;
 * 3. gossipsub keeps one stream per peer and direction and does not open another when that one dies while the peer
 *    stays connected: it is told of the connection again, and if that does not help, the connection is given up;
 * 4. own addresses that are public are announced without proof from outside, which there is no service for.
 */
import type { Connection } from "@libp2p/interface";
import { toCoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { Clock, Log, Metrics, PeerName } from "../../core/ports.ts";
import type { NetNode } from "./create-node.ts";
import { gossipProtocol } from "./gossip-router.ts";
import type { Peers } from "./peers.ts";

export type UpkeepParts = {
  readonly node: NetNode;
  readonly peers: Peers;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
};

const intervalMs = 1_000;
/** A connection younger than this is still setting up. */
const settledMs = 2_000;
const mendsMax = 3;
/** Interfaces come and go, but not every second. */
const announceEvery = 30;

export class Upkeep {
  readonly #parts: UpkeepParts;
  readonly #openedAtMs = new WeakMap<Connection, number>();
  readonly #askedAgain = new WeakSet<Connection>();
  readonly #mends = new Map<PeerName, number>();
  #cancel: (() => void) | undefined;
  #runs = 0;

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
    parts.node.addEventListener("connection:open", ({ detail: connection }) => {
      this.#openedAtMs.set(connection, parts.clock.monotonicMs());
    });
  }

  start(): void {
    if (this.#runs++ % announceEvery === 0) this.#announcePublicAddresses();
    this.#cancel = this.#parts.clock.after(intervalMs, () => {
      this.#run();
      this.start();
    });
  }

  stop(): void {
    this.#cancel?.();
  }

  #run(): void {
    const { node, peers } = this.#parts;
    for (const connection of node.getConnections()) this.#identifyOrClose(connection);
    for (const peer of peers.names()) {
      const connections = peers.connections(peer).filter((one) => this.#ageMs(one) > settledMs);
      this.#closeDuplicate(connections);
      this.#mendGossip(peer, connections);
    }
    for (const peer of this.#mends.keys()) {
      if (!peers.isUp(peer)) this.#mends.delete(peer);
    }
  }

  #ageMs(connection: Connection): number {
    const nowMs = this.#parts.clock.monotonicMs();
    return nowMs - (this.#openedAtMs.get(connection) ?? nowMs);
  }

  #identifyOrClose(connection: Connection): void {
    const { node, peers, metrics, log } = this.#parts;
    if (peers.isIdentified(connection) || connection.status !== "open") return;
    const ageMs = this.#ageMs(connection);
    if (ageMs < settledMs) return;
    if (ageMs > settledMs + limits.identifyMs) {
      if (peers.isUp(connection.remotePeer.toString())) return;
      metrics.count("net.unidentified_closed");
      connection.abort(new Error("the peer did not identify itself"));
    } else if (!this.#askedAgain.has(connection)) {
      this.#askedAgain.add(connection);
      node.services.identify.identify(connection).catch((error: unknown) => {
        log.debug("identify failed again", { reason: toCoterieError(error).message });
      });
    }
  }

  #closeDuplicate(connections: readonly Connection[]): void {
    const spare = connections.slice(1).find((connection) => connection.streams.length === 0);
    if (spare === undefined) return;
    if (this.#parts.node.peerId.toString() > spare.remotePeer.toString()) return;
    this.#parts.metrics.count("net.duplicates_closed");
    void spare.close().catch((error: Error) => spare.abort(error));
  }

  #mendGossip(peer: PeerName, connections: readonly Connection[]): void {
    const { gossip } = this.#parts.node.services;
    const [connection] = connections;
    if (connection === undefined) return;
    if (gossip.peers.has(peer) && gossip.streamsOutbound.has(peer)) {
      this.#mends.delete(peer);
      return;
    }
    const mends = (this.#mends.get(peer) ?? 0) + 1;
    this.#mends.set(peer, mends);
    this.#parts.metrics.count("gossip.streams_mended");
    if (mends <= mendsMax) {
      this.#reintroduce(connection);
      return;
    }
    this.#parts.log.debug("gave up a connection without gossip", { peer });
    for (const each of connections) each.abort(new Error("gossip cannot be opened"));
  }

  #reintroduce(connection: Connection): void {
    const { registrar } = this.#parts.node.services.inner;
    for (const topology of registrar.getTopologies(gossipProtocol)) {
      void topology.onConnect?.(connection.remotePeer, connection);
    }
  }

  #announcePublicAddresses(): void {
    const { addressManager, transportManager } = this.#parts.node.services.inner;
    for (const address of transportManager.getAddrs()) {
      addressManager.confirmObservedAddr(address, { type: "transport", ttl: Infinity });
    }
  }
}
