/**
 * Who is connected. A peer is up from the end of identify on its first connection, if it speaks this network's
 * protocols, until its last connection is gone.
 */
import type { Connection, IdentifyResult, PeerId } from "@libp2p/interface";
import { CoterieError, toCoterieError } from "../../core/errors.ts";
import type { Log, PeerName } from "../../core/ports.ts";
import type { NetNode } from "./create-node.ts";

export type PeerHandler = (peer: PeerName, up: boolean) => void;
type IdentifiedHandler = (connection: Connection) => void;

export class Peers {
  readonly #node: NetNode;
  readonly #protocol: string;
  readonly #log: Log;
  readonly #up = new Map<PeerName, PeerId>();
  readonly #identified = new WeakSet<Connection>();
  readonly #handlers = new Set<PeerHandler>();
  readonly #identifiedHandlers = new Set<IdentifiedHandler>();

  /** Peers that speak `protocol` count. */
  constructor(node: NetNode, protocol: string, log: Log) {
    this.#node = node;
    this.#protocol = protocol;
    this.#log = log;
    node.addEventListener("peer:identify", (event) => this.#onIdentify(event.detail));
    node.addEventListener("peer:disconnect", (event) => this.#onDisconnect(event.detail));
  }

  /** Hears of every peer that comes up or goes down from now on. */
  onChange(handler: PeerHandler): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  /** Hears of every connection with a peer that counts, once it is identified. */
  onIdentified(handler: IdentifiedHandler): void {
    this.#identifiedHandlers.add(handler);
  }

  isUp(peer: PeerName): boolean {
    return this.#up.has(peer);
  }

  names(): PeerName[] {
    return [...this.#up.keys()];
  }

  get size(): number {
    return this.#up.size;
  }

  idOf(peer: PeerName): PeerId | undefined {
    return this.#up.get(peer);
  }

  /** Open connections with a peer that is up, oldest first. */
  connections(peer: PeerName): Connection[] {
    const id = this.#up.get(peer);
    if (id === undefined) return [];
    return this.#node
      .getConnections(id)
      .filter((connection) => connection.status === "open")
      .toSorted((a, b) => a.timeline.open - b.timeline.open);
  }

  isIdentified(connection: Connection): boolean {
    return this.#identified.has(connection);
  }

  /** Resolves when the peer is up; rejects with the signal's reason. */
  async untilUp(peer: PeerName, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#up.has(peer)) return;
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => finish(() => reject(signal.reason));
      const forget = this.onChange((name, up) => {
        if (up && name === peer) finish(resolve);
      });
      const finish = (settle: () => void): void => {
        forget();
        signal.removeEventListener("abort", onAbort);
        settle();
      };
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Resolves when the connection's peer is up; rejects `UNREACHABLE` if the connection closes before. */
  async untilIdentified(connection: Connection, signal: AbortSignal): Promise<void> {
    const closed = new AbortController();
    const onClose = (): void =>
      closed.abort(new CoterieError("UNREACHABLE", "the peer closed the connection at once"));
    connection.addEventListener("close", onClose, { once: true });
    if (connection.status !== "open") onClose();
    try {
      const peer = connection.remotePeer.toString();
      await this.untilUp(peer, AbortSignal.any([signal, closed.signal]));
    } finally {
      connection.removeEventListener("close", onClose);
    }
  }

  #onIdentify(result: IdentifyResult): void {
    const { connection, peerId } = result;
    if (connection.status !== "open" || !result.protocols.includes(this.#protocol)) return;
    const name = peerId.toString();
    const isNew = !this.#up.has(name);
    this.#identified.add(connection);
    this.#up.set(name, peerId);
    if (isNew) this.#tell(name, true);
    for (const handler of this.#identifiedHandlers) handler(connection);
  }

  #onDisconnect(id: PeerId): void {
    const name = id.toString();
    if (this.#up.delete(name)) this.#tell(name, false);
  }

  /** A handler that throws must not take libp2p's event loop, and with it the process, along. */
  #tell(peer: PeerName, up: boolean): void {
    for (const handler of this.#handlers) {
      try {
        handler(peer, up);
      } catch (error) {
        this.#log.error("a handler of peers failed", {
          peer,
          reason: toCoterieError(error).message,
        });
      }
    }
  }
}
