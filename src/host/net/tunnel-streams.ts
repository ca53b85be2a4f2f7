/** Tunnels between members: streams of plain bytes, over a connection that is made if there is none. */
import type { Connection, Stream } from "@libp2p/interface";
import { CoterieError, toCoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { Clock, Metrics, PeerName } from "../../core/ports.ts";
import type { NetNode } from "./create-node.ts";
import type { Peers } from "./peers.ts";
import type { Routes } from "./routes.ts";
import { StreamBytes } from "./stream-bytes.ts";

export const tunnelProtocol = "/coterie/tunnel/1.0.0";

export type TunnelStreamsParts = {
  readonly node: NetNode;
  readonly peers: Peers;
  readonly routes: Pick<Routes, "dialPeer">;
  readonly clock: Clock;
  readonly metrics: Metrics;
};

export class TunnelStreams {
  readonly #parts: TunnelStreamsParts;
  #handler: ((channel: StreamBytes) => void) | undefined;

  constructor(parts: TunnelStreamsParts) {
    this.#parts = parts;
  }

  /** To be called before the node listens, since identify names the protocols. */
  async offer(): Promise<void> {
    const { node, clock, metrics } = this.#parts;
    await node.handle(
      tunnelProtocol,
      (stream: Stream, connection: Connection) => {
        if (this.#handler === undefined) {
          metrics.count("services.refused_early");
          stream.abort(new Error("not ready for it"));
          return;
        }
        this.#handler(new StreamBytes(stream, connection.remotePeer.toString(), clock));
      },
      {
        maxInboundStreams: limits.tunnelStreamsPerPeerMax,
        maxOutboundStreams: limits.tunnelStreamsPerPeerMax,
      },
    );
  }

  on(handler: (channel: StreamBytes) => void): void {
    this.#handler = handler;
  }

  /** Within the signal's time. Throws `UNREACHABLE`, `TIMEOUT`, `WRONG_NETWORK`, or `ABORTED` when the signal did. */
  async open(peer: PeerName, signal: AbortSignal): Promise<StreamBytes> {
    try {
      const connection = await this.#connection(peer, signal);
      const stream = await connection.newStream([tunnelProtocol], {
        signal,
        maxOutboundStreams: limits.tunnelStreamsPerPeerMax,
      });
      return new StreamBytes(stream, peer, this.#parts.clock);
    } catch (error) {
      if (signal.aborted) throw new CoterieError("ABORTED", "opening the tunnel was cancelled");
      if (error instanceof CoterieError) throw error;
      throw new CoterieError("UNREACHABLE", toCoterieError(error).message, { cause: error });
    }
  }

  async #connection(peer: PeerName, signal: AbortSignal): Promise<Connection> {
    const { peers, routes } = this.#parts;
    const known = peers.connections(peer).at(-1);
    if (known !== undefined) return known;
    await untilAborted(routes.dialPeer(peer, { attempt: 0, probe: true }), signal);
    const made = peers.connections(peer).at(-1);
    if (made !== undefined) return made;
    throw new CoterieError("UNREACHABLE", "there is no connection with the peer");
  }
}

/** A dial goes on without whoever gave up on it: the connection is of use later. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new CoterieError("ABORTED", "given up by the caller"));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
