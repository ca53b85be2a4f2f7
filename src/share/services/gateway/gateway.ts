/**
 * The HTTP gateway: `http://NAME.localhost:PORT/` on this machine is the service NAME, whoever provides it. Requests are
 * parsed by Node's own parser, strictly, judged (host-rules.ts), and made anew for the provider: no byte of a head goes
 * through as it came, so that the two ends cannot disagree where a request ends.
 */
import { createServer, request as ask, type IncomingMessage, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { CoterieError, toCoterieError } from "../../../core/errors.ts";
import { limits } from "../../../core/limits.ts";
import type { Clock, Log, Metrics, PeerName } from "../../../core/ports.ts";
import type { Choice } from "../balancer/choose.ts";
import { Refused, type Connector, type Lease } from "../connector.ts";
import type { Directory } from "../directory.ts";
import type { TcpEndpoint } from "../endpoint.ts";
import { exchange } from "./exchange.ts";
import { errorPage, GatewayError } from "./gateway-error.ts";
import { requestHeaders, type From } from "./header-rules.ts";
import { judgeRequest } from "./host-rules.ts";
import { ProviderAgent, untilConnected } from "./provider-agent.ts";
import { TunnelSocket } from "./tunnel-socket.ts";
import { judgeUpgrade, refuseUpgrade, upgrade } from "./upgrade.ts";

export type GatewayParts = {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly connector: Connector;
  readonly directory: Directory;
  readonly self: PeerName;
  /** For a provider to begin its response. */
  readonly answerMs: () => number;
};

export class Gateway {
  readonly #parts: GatewayParts;
  readonly #agents = new Map<string, ProviderAgent>();
  readonly #running = new Map<string, number>();
  readonly #upgraded = new Set<Duplex>();
  readonly #server = createServer({
    insecureHTTPParser: false,
    requireHostHeader: true,
    maxHeaderSize: limits.gatewayHeaderBytesMax,
    headersTimeout: limits.gatewayHeadersMs,
    requestTimeout: 0, // an upload may take its time; `gatewayIdleMs` bounds it
    keepAliveTimeout: limits.gatewayKeepAliveMs,
    connectionsCheckingInterval: limits.gatewayKeepAliveMs,
    noDelay: true,
  });

  constructor(parts: GatewayParts) {
    this.#parts = parts;
    const server = this.#server;
    server.maxConnections = limits.gatewayConnectionsMax;
    server.maxHeadersCount = limits.gatewayHeadersMax;
    server.on("request", (request, response) => void this.#serve(request, response));
    server.on("upgrade", (request, socket, head) => void this.#upgrade(request, socket, head));
    server.on("drop", () => parts.metrics.count("services.gateway_over_limit"));
    server.on("clientError", (error, socket) => this.#unreadable(error, socket));
    parts.directory.onChange(() => this.#forgetAgents());
  }

  /** Rejects `CONFLICT` or `NO_ADDRESS`. */
  listen({ host, port }: TcpEndpoint): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
        const taken = "code" in error && error.code === "EADDRINUSE";
        const message = taken ? "another program listens there" : error.message;
        reject(new CoterieError(taken ? "CONFLICT" : "NO_ADDRESS", message));
      };
      this.#server.once("error", fail);
      this.#server.listen(port, host, () => {
        this.#server.off("error", fail);
        this.#server.on("error", ({ message }) => {
          this.#parts.log.warn("the gateway's port failed", { reason: message });
        });
        resolve();
      });
    });
  }

  /** Undefined while it does not listen. */
  get port(): number | undefined {
    const address = this.#server.address();
    return typeof address === "object" ? address?.port : undefined;
  }

  /** Requests under way, WebSockets included. */
  get running(): number {
    return [...this.#running.values()].reduce((sum, count) => sum + count, 0);
  }

  close(): void {
    this.#server.close();
    this.#server.closeIdleConnections();
  }

  dropAll(): void {
    this.#server.closeAllConnections();
    for (const socket of this.#upgraded) socket.destroy();
    for (const agent of this.#agents.values()) agent.destroy();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.on("error", () => gone.abort());
    response.once("close", () => gone.abort());
    this.#parts.metrics.count("services.gateway_requests");
    try {
      const { service, host } = judgeRequest(request, { port: this.port ?? 0, isUpgrade: false });
      await this.#counted(service, async () => {
        const from = { address: request.socket.remoteAddress ?? "unknown", host };
        const { lease, upstream } = await this.#begin(request, service, from, gone.signal);
        const { clock, answerMs } = this.#parts;
        await exchange(request, response, upstream, { clock, lease, answerMs: answerMs() });
      });
    } catch (error) {
      this.#refuse(response, request, this.#reasonOf(error));
    }
  }

  /** A request to a provider with its connection, of which nothing is sent yet. */
  async #begin(request: IncomingMessage, service: string, from: From, signal: AbortSignal) {
    const headers = [...requestHeaders(request.rawHeaders, from), ...framing(request)];
    const begin = async (lease: Lease) => {
      const upstream = ask({
        method: request.method,
        path: request.url,
        headers,
        agent: this.#agent(service, lease.peer),
        maxHeaderSize: limits.gatewayHeaderBytesMax,
        insecureHTTPParser: false,
      });
      await untilConnected(upstream, signal);
      return upstream;
    };
    const found = await this.#parts.connector.first(service, this.#choice(from), begin, signal);
    return { lease: found.lease, upstream: found.result };
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const gone = new AbortController();
    socket.on("error", () => gone.abort());
    socket.once("close", () => gone.abort());
    this.#upgraded.add(socket);
    socket.once("close", () => this.#upgraded.delete(socket));
    this.#parts.metrics.count("services.gateway_requests");
    try {
      const { service, host } = judgeRequest(request, { port: this.port ?? 0, isUpgrade: true });
      judgeUpgrade(request);
      if (head.length > 0) socket.unshift(head);
      await this.#counted(service, async () => {
        const from = { address: request.socket.remoteAddress ?? "unknown", host };
        const { clock, connector, answerMs } = this.#parts;
        const choice = this.#choice(from);
        const { lease, channel } = await connector.connect(service, choice, gone.signal);
        const provider = new TunnelSocket(channel);
        try {
          await upgrade(request, socket, provider, { from, clock, answerMs: answerMs() });
        } finally {
          provider.destroy();
          lease.end();
        }
      });
    } catch (error) {
      const reason = this.#reasonOf(error);
      this.#count(reason);
      if (!socket.writableEnded) refuseUpgrade(socket, reason, request.headers.accept);
    }
  }

  /** Refuses what is over the limit of one service before anything is done for it. */
  async #counted(service: string, work: () => Promise<void>): Promise<void> {
    const providers = this.#parts.directory.providers(service);
    if (providers.length > 0 && !providers.some(({ http }) => http)) {
      throw new GatewayError("NOT_HTTP", `the service ${service} does not speak HTTP`);
    }
    const running = this.#running.get(service) ?? 0;
    if (running >= limits.gatewayRequestsPerServiceMax) {
      throw new GatewayError("BUSY", "too many requests to this service are under way");
    }
    this.#running.set(service, running + 1);
    try {
      await work();
    } finally {
      const left = (this.#running.get(service) ?? 1) - 1;
      if (left > 0) this.#running.set(service, left);
      else this.#running.delete(service);
    }
  }

  #choice({ address }: From): Choice {
    return { policy: "latency", client: `${this.#parts.self} ${address}` };
  }

  #agent(service: string, peer: PeerName): ProviderAgent {
    const { connector, clock } = this.#parts;
    const key = `${service} ${peer}`;
    const known = this.#agents.get(key);
    if (known !== undefined) return known;
    const agent = new ProviderAgent(clock, async () => {
      // it outlives the request that asked for it, so it is not bound to that one's client
      const channel = await connector.open(service, peer, new AbortController().signal);
      return new TunnelSocket(channel);
    });
    this.#agents.set(key, agent);
    return agent;
  }

  /** Those of providers that are no longer there. */
  #forgetAgents(): void {
    for (const [key, agent] of this.#agents) {
      const [service = "", peer] = key.split(" ");
      const providers = this.#parts.directory.providers(service);
      if (providers.some((provider) => provider.peer === peer)) continue;
      if (Object.keys(agent.sockets).length > 0) continue; // it is looked at again
      agent.destroy();
      this.#agents.delete(key);
    }
  }

  #reasonOf(error: unknown): GatewayError {
    if (error instanceof GatewayError) return error;
    if (error instanceof Refused) return refusalError(error);
    const { code, message } = toCoterieError(error);
    if (code === "NOT_FOUND") return new GatewayError("NO_PROVIDER", message);
    if (code === "TIMEOUT") return new GatewayError("TIMEOUT", message);
    if (code === "OVERLOADED") return new GatewayError("BUSY", message);
    return new GatewayError("PROVIDER_FAILED", "no provider of the service can be reached");
  }

  #refuse(response: ServerResponse, request: IncomingMessage, error: GatewayError): void {
    this.#count(error);
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    const { status, headers, body } = errorPage(error, request.headers.accept);
    // what is left of the request is not read
    response.writeHead(status, request.complete ? headers : { ...headers, connection: "close" });
    response.end(request.method === "HEAD" ? undefined : body);
  }

  #count({ code }: GatewayError): void {
    this.#parts.metrics.count(`services.gateway_${code.toLowerCase()}`);
  }

  #unreadable(error: Error, socket: Duplex): void {
    this.#parts.metrics.count("services.gateway_unreadable");
    const isLong = "code" in error && error.code === "HPE_HEADER_OVERFLOW";
    const status = isLong ? "431 Request Header Fields Too Large" : "400 Bad Request";
    if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
    else socket.destroy();
  }
}

/** What Node is to put around the body: the same length, or chunks where there was none. */
function framing({ method, headers }: IncomingMessage): string[] {
  if (headers["transfer-encoding"] !== undefined) return ["Transfer-Encoding", "chunked"];
  if (headers["content-length"] !== undefined || method === "GET" || method === "HEAD") return [];
  return ["Content-Length", "0"];
}

function refusalError({ refusal, message }: Refused): GatewayError {
  if (refusal === "forbidden") return new GatewayError("REFUSED", message);
  if (refusal === "busy") return new GatewayError("BUSY", message);
  return new GatewayError("PROVIDER_FAILED", message);
}
