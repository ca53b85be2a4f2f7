/** One local port that leads to a service, whoever provides it. */
import { createServer, type Server, type Socket } from "node:net";
import { CoterieError, toCoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { Clock, Log, Metrics, PeerName } from "../../core/ports.ts";
import type { Connector } from "./connector.ts";
import { endpointText, type TcpEndpoint } from "./endpoint.ts";
import type { Forward } from "./record.ts";
import { splice } from "./splice.ts";

export type ForwarderParts = {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly self: PeerName;
  readonly connector: Connector;
};

export class Forwarder {
  #forward: Forward;
  readonly #parts: ForwarderParts;
  readonly #server: Server;
  readonly #stopping = new AbortController();
  readonly #sockets = new Set<Socket>();
  #fault: string | undefined;
  #cancelRetry: (() => void) | undefined;

  constructor(forward: Forward, parts: ForwarderParts) {
    this.#forward = forward;
    this.#parts = parts;
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
    this.#server.maxConnections = limits.forwardConnectionsMax;
    this.#server.on("connection", (socket) => void this.#serve(socket));
    this.#server.on("drop", () => parts.metrics.count("services.forward_over_limit"));
  }

  /** With the port that was chosen, where any was wanted. */
  get forward(): Forward {
    return this.#forward;
  }

  /** Why it does not listen, if it does not. */
  get fault(): string | undefined {
    return this.#fault;
  }

  get open(): number {
    return this.#sockets.size;
  }

  /** Rejects `CONFLICT` when the port is taken, `REFUSED` when it may not be had. */
  listen(): Promise<void> {
    const { listen } = this.#forward;
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => reject(cannotListen(listen, error));
      this.#server.once("error", fail);
      this.#server.listen(listen.port, listen.host, () => {
        this.#server.off("error", fail);
        this.#server.on("error", (error) => {
          this.#parts.log.warn("a forward's port failed", { reason: error.message });
        });
        this.#fault = undefined;
        const address = this.#server.address();
        // a port that was chosen is kept, so that programs find it again after a restart
        if (typeof address === "object" && address !== null) {
          this.#forward = { ...this.#forward, listen: { ...listen, port: address.port } };
        }
        resolve();
      });
    });
  }

  /** Listens as soon as the port is free; for forwards of an earlier run. */
  async listenEventually(): Promise<void> {
    try {
      await this.listen();
    } catch (error) {
      const { message } = toCoterieError(error);
      if (this.#fault === undefined) {
        this.#parts.log.warn("a forward cannot listen, and tries again", { reason: message });
      }
      this.#fault = message;
      this.#cancelRetry = this.#parts.clock.after(limits.forwardRetryMs, () => {
        void this.listenEventually();
      });
    }
  }

  /** Closes the port at once; open connections go on until `dropAll`. */
  close(): void {
    this.#cancelRetry?.();
    this.#server.close();
  }

  dropAll(): void {
    this.#stopping.abort(new CoterieError("SHUTTING_DOWN", "the forward was taken away"));
    for (const socket of this.#sockets) socket.destroy();
  }

  async #serve(socket: Socket): Promise<void> {
    const { clock, connector, log, metrics, self } = this.#parts;
    const { name, policy } = this.#forward;
    const gone = new AbortController();
    socket.on("error", () => gone.abort());
    socket.once("close", () => gone.abort());
    this.#sockets.add(socket);
    metrics.count("services.forwarded");
    try {
      const client = `${self} ${socket.remoteAddress ?? ""}`;
      const signal = AbortSignal.any([gone.signal, this.#stopping.signal]);
      const { lease, channel } = await connector.connect(name, { policy, client }, signal);
      try {
        await splice(channel, socket, { clock, traffic: { bytesIn: 0, bytesOut: 0 } });
      } finally {
        lease.end();
      }
    } catch (error) {
      const { code, message } = toCoterieError(error);
      metrics.count("services.forward_failed");
      log.debug("a forwarded connection came to nothing", { name, code, reason: message });
      socket.resetAndDestroy();
    } finally {
      this.#sockets.delete(socket);
    }
  }
}

function cannotListen(listen: TcpEndpoint, error: Error): CoterieError {
  const where = endpointText(listen);
  const errno = "code" in error ? error.code : undefined;
  if (errno === "EADDRINUSE") {
    return new CoterieError("CONFLICT", `another program listens at ${where}`, {
      hint: "choose another port with --listen, or stop that program",
    });
  }
  if (errno === "EACCES") {
    return new CoterieError("REFUSED", `this user may not listen at ${where}`, {
      hint: "choose a port above 1023",
    });
  }
  return new CoterieError("NO_ADDRESS", `cannot listen at ${where}: ${error.message}`);
}
