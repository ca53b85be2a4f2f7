/**
 * Where sockets of the bulk lane arrive: TLS 1.3 on the hosts of libp2p's own listen addresses. Whoever connects has
 * seconds to show a token, in silence on our side, under the certificate that the token was given for; everything else is
 * closed without a word. Sockets that have not done so are bounded, from one IP and in all.
 */
import { once } from "node:events";
import { createServer, isIPv6, type Server, type Socket } from "node:net";
import { createSecureContext, TLSSocket, type SecureContext } from "node:tls";
import { CoterieError, toCoterieError } from "../../core/errors.ts";
import { sha256 } from "../../core/identity.ts";
import { limits } from "../../core/limits.ts";
import type { Clock, Log, Metrics, Random } from "../../core/ports.ts";
import { makeCertificate, type Certificate } from "./bulk-certificate.ts";
import { tokenBytes } from "./bulk-frames.ts";
import { SocketBytes } from "./socket-bytes.ts";

/** Said once a token was good; the channel's bytes follow. */
export const welcome = Uint8Array.of(1);

export type BulkListenerParts = {
  /** Unspecified ones included. */
  readonly hosts: readonly string[];
  /** 0 for any free one. */
  readonly port: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  /** What to do with the socket of whoever shows this token and certificate; undefined closes it. */
  admit(token: Uint8Array, fingerprint: Uint8Array): ((bytes: SocketBytes) => void) | undefined;
};

export class BulkListener {
  readonly #parts: BulkListenerParts;
  readonly #servers = new Map<string, Server>();
  readonly #sockets = new Set<Socket>();
  /** Sockets without a token, by IP. */
  readonly #pending = new Map<string, number>();
  #pendingAll = 0;
  #certificate: Certificate;
  #context: SecureContext;
  #cancelRenewal: (() => void) | undefined;

  constructor(parts: BulkListenerParts) {
    this.#parts = parts;
    this.#certificate = makeCertificate(parts.clock, parts.random);
    this.#context = contextOf(this.#certificate);
  }

  get certificate(): Certificate {
    return this.#certificate;
  }

  /** Resolves after one try at each host; where that fails, channels go over libp2p. */
  async start(): Promise<void> {
    this.#renewLater();
    await Promise.all(this.#parts.hosts.map((host) => this.#listen(host)));
  }

  /** The port at which a peer that reaches us at this IP finds the listener. */
  portAt(ip: string): number | undefined {
    const server = this.#servers.get(ip) ?? this.#servers.get(isIPv6(ip) ? "::" : "0.0.0.0");
    const address = server?.address();
    return typeof address === "object" ? address?.port : undefined;
  }

  async stop(): Promise<void> {
    this.#cancelRenewal?.();
    const servers = [...this.#servers.values()];
    this.#servers.clear();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  #renewLater(): void {
    const { clock, random } = this.#parts;
    this.#cancelRenewal = clock.after(limits.bulkCertificateMs / 2, () => {
      this.#certificate = makeCertificate(clock, random);
      this.#context = contextOf(this.#certificate);
      this.#renewLater();
    });
  }

  async #listen(host: string): Promise<void> {
    const { port, log } = this.#parts;
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#arrived(socket));
    try {
      server.listen({ host, port, ipv6Only: true });
      await once(server, "listening");
    } catch (error) {
      const { message } = toCoterieError(error);
      log.warn("the bulk lane cannot listen here and goes over libp2p", { host, reason: message });
      return;
    }
    server.on("error", ({ message }) => log.warn("the bulk lane fails", { reason: message }));
    server.unref();
    this.#servers.set(host, server);
  }

  #arrived(socket: Socket): void {
    const ip = socket.remoteAddress ?? "";
    const ofHost = this.#pending.get(ip) ?? 0;
    if (ofHost >= limits.bulkPendingPerHostMax || this.#pendingAll >= limits.bulkPendingMax) {
      this.#parts.metrics.count("bulk.over_pending");
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    this.#pending.set(ip, ofHost + 1);
    this.#pendingAll++;
    void this.#greet(socket).finally(() => this.#settle(ip));
  }

  #settle(ip: string): void {
    this.#pendingAll--;
    const left = (this.#pending.get(ip) ?? 0) - 1;
    if (left > 0) this.#pending.set(ip, left);
    else this.#pending.delete(ip);
  }

  /** Resolves when the socket has been admitted or closed. */
  async #greet(socket: Socket): Promise<void> {
    const tls = new TLSSocket(socket, {
      isServer: true,
      secureContext: this.#context,
      requestCert: true,
      // who it is, token and fingerprint decide
      rejectUnauthorized: false,
    });
    const bytes = new SocketBytes(tls, socket);
    const late = new CoterieError("TIMEOUT", "no token came in time");
    const cancel = this.#parts.clock.after(limits.bulkPendingMs, () => bytes.abort(late));
    try {
      const token = await bytes.queue.take(tokenBytes);
      const shown = tls.getPeerX509Certificate();
      const taken = shown && this.#parts.admit(token, sha256(shown.raw));
      // nothing may follow the token before it was welcomed
      if (taken === undefined || bytes.queue.received > tokenBytes) {
        throw new CoterieError("REFUSED", "the token is not good here");
      }
      await bytes.write(welcome);
      taken(bytes);
    } catch (error) {
      this.#parts.metrics.count("bulk.sockets_refused");
      bytes.abort(toCoterieError(error));
    } finally {
      cancel();
    }
  }
}

function contextOf({ cert, key }: Certificate): SecureContext {
  return createSecureContext({ cert, key, minVersion: "TLSv1.3" });
}
