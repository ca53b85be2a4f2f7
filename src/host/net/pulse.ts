/**
 * Notices peers that hang (a stopped process, a closed lid, a pulled cable), whose sockets would stay open for
 * minutes: each connection is asked for a sign of life every eight seconds, and reset when none comes within five more.
 * The question is a yamux ping, one small frame each way. libp2p's own connection monitor opens a stream for it,
 * which was most of an idle node's CPU; it is turned off.
 */
import type { Connection } from "@libp2p/interface";
import { limits } from "../../core/limits.ts";
import type { Clock, Log, Metrics, Random } from "../../core/ports.ts";
import type { NetNode } from "./create-node.ts";

export type PulseParts = {
  readonly node: NetNode;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
};

/** What a connection has and its interface does not name; a test holds it to the pinned version. */
export type Pingable = Connection & {
  readonly muxer: { ping(options: { signal: AbortSignal }): Promise<number> };
};

export class Pulse {
  readonly #parts: PulseParts;
  #stopped = false;

  constructor(parts: PulseParts) {
    this.#parts = parts;
    parts.node.addEventListener("connection:open", (event) => {
      // the first answer tells yamux the round trip, by which it opens its windows
      void this.#ask(event.detail as Pingable);
    });
  }

  stop(): void {
    this.#stopped = true;
  }

  async #ask(connection: Pingable): Promise<void> {
    try {
      const signal = AbortSignal.timeout(limits.pingTimeoutMs);
      connection.rtt = await connection.muxer.ping({ signal });
    } catch (error) {
      this.#giveUp(connection, error);
      return;
    }
    const { clock, random } = this.#parts;
    clock.after(limits.pingIntervalMs * (0.9 + random.float() * 0.2), () => {
      if (!this.#stopped && connection.status === "open") void this.#ask(connection);
    });
  }

  #giveUp(connection: Connection, error: unknown): void {
    if (this.#stopped || connection.status !== "open") return;
    if (error instanceof Error && error.name === "MuxerClosedError") {
      // the peer is closing the connection; this is for one that begins to and never ends
      void connection.close().catch((reason: Error) => connection.abort(reason));
      return;
    }
    const peer = connection.remotePeer.toString();
    this.#parts.metrics.count("net.silent_closed");
    this.#parts.log.debug("a peer gives no sign of life", { peer });
    connection.abort(error instanceof Error ? error : new Error("no answer to a ping"));
  }
}
