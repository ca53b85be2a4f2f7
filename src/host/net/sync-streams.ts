/** Streams of frames between connected peers, for one protocol: reconciliation, pulls of bodies, or probes. */
import type { Connection, Stream } from "@libp2p/interface";
import { CoterieError, toCoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { Clock, FrameChannel, Metrics, PeerName } from "../../core/ports.ts";
import type { NetNode } from "./create-node.ts";
import { StreamChannel, type ChannelParts } from "./frame-channel.ts";
import type { Peers } from "./peers.ts";

export const syncProtocol = "/coterie/sync/1.0.0";
export const pullProtocol = "/coterie/pull/1.0.0";
export const probeProtocol = "/coterie/probe/1.0.0";

const justOpenMs = 500;

export type SyncStreamsParts = ChannelParts & {
  readonly node: NetNode;
  readonly peers: Peers;
  readonly metrics: Metrics;
  readonly protocol: string;
  /** Open at once with one peer, in each direction. */
  readonly streamsMax: number;
};

export class SyncStreams {
  readonly #parts: SyncStreamsParts;
  #handler: ((channel: FrameChannel) => void) | undefined;

  constructor(parts: SyncStreamsParts) {
    this.#parts = parts;
  }

  /** Offers the protocol; to be called before the node listens, since identify names the protocols. */
  async offer(): Promise<void> {
    const { node, protocol, streamsMax } = this.#parts;
    await node.handle(
      protocol,
      (stream, connection) => this.#accept(stream, connection.remotePeer.toString()),
      { maxInboundStreams: streamsMax, maxOutboundStreams: streamsMax },
    );
  }

  onStream(handler: (channel: FrameChannel) => void): void {
    this.#handler = handler;
  }

  /** Throws `UNREACHABLE`, `TIMEOUT`, or `ABORTED` when the signal did. */
  async open(peer: PeerName, signal: AbortSignal): Promise<FrameChannel> {
    const connection = settledConnection(this.#parts.peers, peer, this.#parts.clock);
    const deadline = AbortSignal.timeout(limits.dialMs);
    try {
      const stream = await connection.newStream([this.#parts.protocol], {
        signal: AbortSignal.any([signal, deadline]),
        maxOutboundStreams: this.#parts.streamsMax,
      });
      return new StreamChannel(stream, peer, this.#parts);
    } catch (error) {
      if (signal.aborted) throw new CoterieError("ABORTED", "opening the stream was cancelled");
      if (deadline.aborted) throw new CoterieError("TIMEOUT", "the peer did not answer in time");
      throw new CoterieError("UNREACHABLE", toCoterieError(error).message, { cause: error });
    }
  }

  #accept(stream: Stream, peer: PeerName): void {
    if (this.#handler === undefined) {
      this.#parts.metrics.count("sync.refused_early");
      stream.abort(new Error("not ready for it"));
      return;
    }
    this.#handler(new StreamChannel(stream, peer, this.#parts));
  }
}

/**
 * The youngest connection: a peer that came back from a crash may have left a dead one. One that is only just open may be
 * there to prove an address, and is passed over if there is another. Throws `UNREACHABLE`.
 */
export function settledConnection(peers: Peers, peer: PeerName, clock: Clock): Connection {
  const connections = peers.connections(peer).toReversed();
  const settledBefore = clock.wallMs() - justOpenMs;
  const chosen =
    connections.find(({ timeline }) => timeline.open <= settledBefore) ?? connections.at(-1);
  if (chosen !== undefined) return chosen;
  throw new CoterieError("UNREACHABLE", "there is no connection with the peer");
}
