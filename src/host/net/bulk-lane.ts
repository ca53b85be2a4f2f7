/**
 * The bulk lane: what is large goes past libp2p, whose encryption, multiplexing and framing in JavaScript cost three times
 * the CPU of a bare TLS socket. The two ends agree over a stream of the authenticated connection (bulk-frames.ts); the
 * asker then opens a socket (bulk-dial.ts) to the other's listener (bulk-listener.ts). Where that fails, the stream of
 * the agreement becomes the channel. Channels of a peer live no longer than its last libp2p connection.
 */
import type { Connection, Stream } from "@libp2p/interface";
import { equalBytes } from "../../core/codec.ts";
import { CoterieError, toCoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type {
  Bulk,
  BulkChannel,
  BulkHandler,
  Clock,
  Log,
  Metrics,
  PeerName,
  Random,
} from "../../core/ports.ts";
import type { AddressBook } from "./address-book.ts";
import { bareAddress, ipOf } from "./addresses.ts";
import { BulkChannels } from "./bulk-channels.ts";
import { dialBulk } from "./bulk-dial.ts";
import {
  bulkProtocol,
  decodeAnswer,
  decodeAsk,
  encodeAnswer,
  encodeAsk,
  fallBack,
  readFrame,
  type Answer,
  type Ask,
} from "./bulk-frames.ts";
import { BulkListener } from "./bulk-listener.ts";
import { BulkTokens, type Grant } from "./bulk-tokens.ts";
import { channelOver, type ByteDuplex } from "./byte-duplex.ts";
import type { NetNode } from "./create-node.ts";
import type { Dialer } from "./dialer.ts";
import type { Peers } from "./peers.ts";
import type { Shaper } from "./shaper.ts";
import type { SocketBytes } from "./socket-bytes.ts";
import { StreamBytes } from "./stream-bytes.ts";
import { settledConnection } from "./sync-streams.ts";

export type BulkLaneParts = {
  readonly node: NetNode;
  readonly peers: Peers;
  readonly book: AddressBook;
  readonly dialer: Dialer;
  readonly shaper: Shaper | undefined;
  /** IPs of the listen addresses, and the lane's own port on them; 0 for any. */
  readonly hosts: readonly string[];
  readonly port: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
};

type Expected = Grant & { readonly handler: BulkHandler };
type SocketAnswer = Extract<Answer, { kind: "socket" }>;

export class BulkLane implements Bulk {
  readonly #parts: BulkLaneParts;
  readonly #listener: BulkListener;
  readonly #tokens: BulkTokens<Expected>;
  readonly #channels = new BulkChannels();
  readonly #handlers = new Map<string, BulkHandler>();
  /** Until when no socket is tried with a connected peer. */
  readonly #directRests = new Map<PeerName, number>();

  constructor(parts: BulkLaneParts) {
    this.#parts = parts;
    this.#tokens = new BulkTokens(parts.clock, parts.random);
    this.#listener = new BulkListener({
      ...parts,
      admit: (token, fingerprint) => this.#admit(token, fingerprint),
    });
    parts.node.addEventListener("peer:disconnect", ({ detail }) => {
      this.cut(detail.toString(), "the peer is no longer connected");
    });
  }

  /** To be called before the node listens, since identify names the protocols. */
  async offer(): Promise<void> {
    await this.#parts.node.handle(
      bulkProtocol,
      (stream, connection) => this.#accept(stream, connection.remotePeer.toString()),
      { maxInboundStreams: limits.bulkStreamsMax, maxOutboundStreams: limits.bulkStreamsMax },
    );
  }

  async start(): Promise<void> {
    await this.#listener.start();
  }

  async stop(): Promise<void> {
    this.#channels.cutAll("the daemon is stopping");
    await this.#listener.stop();
  }

  on(purpose: string, handler: BulkHandler): () => void {
    this.#handlers.set(purpose, handler);
    return () => {
      if (this.#handlers.get(purpose) === handler) this.#handlers.delete(purpose);
    };
  }

  /** Ends the peer's channels and forgets what was agreed with it. */
  cut(peer: PeerName, why: string): void {
    this.#tokens.revokePeer(peer);
    this.#directRests.delete(peer);
    this.#channels.cut(peer, why);
  }

  /** Open channels by lane. */
  counts(): Readonly<Record<BulkChannel["lane"], number>> {
    return this.#channels.counts();
  }

  async open(
    peer: PeerName,
    purpose: string,
    signal: AbortSignal,
    lane?: "libp2p",
  ): Promise<BulkChannel> {
    if (this.#channels.isFull(peer)) {
      throw new CoterieError("OVERLOADED", "too many channels are open");
    }
    if (!this.#parts.peers.isUp(peer)) await this.#connect(peer, signal);
    const connection = settledConnection(this.#parts.peers, peer, this.#parts.clock);
    const hosts = lane === "libp2p" ? [] : this.#hostsOf(peer, connection);
    const { stream, answer } = await this.#ask(connection, { purpose, hosts }, signal);
    const onAbort = (): void => stream.abort(toCoterieError(signal.reason));
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      if (answer.kind === "refused") {
        await stream.end();
        throw new CoterieError(answer.code, `the peer refused a channel for ${purpose}`);
      }
      if (answer.kind === "socket") {
        const socket = await this.#dial(peer, hosts[answer.host], answer, signal);
        if (socket !== undefined) {
          void stream.end();
          return this.#begin(socket, { peer, purpose, lane: "direct" });
        }
        await stream.write(fallBack);
      }
      signal.throwIfAborted();
      return this.#begin(stream, { peer, purpose, lane: "libp2p" });
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  async #connect(peer: PeerName, signal: AbortSignal): Promise<void> {
    const { book, dialer } = this.#parts;
    try {
      const known = [...book.addressesOf(peer), ...(await dialer.signedAddresses(peer))];
      const addresses = [...new Set(known)].slice(0, limits.dialAddressesMax);
      if (addresses.length > 0) await dialer.dialPeer(peer, addresses, { signal });
      else await dialer.dialHeard(peer, signal);
    } catch (error) {
      if (signal.aborted) throw new CoterieError("ABORTED", "opening the channel was cancelled");
      throw error;
    }
  }

  async #ask(
    connection: Connection,
    { purpose, hosts }: Pick<Ask, "purpose" | "hosts">,
    signal: AbortSignal,
  ): Promise<{ stream: StreamBytes; answer: Answer }> {
    const { fingerprint } = this.#listener.certificate;
    const deadline = AbortSignal.timeout(limits.bulkAgreeMs);
    const either = AbortSignal.any([signal, deadline]);
    let stream: StreamBytes | undefined;
    const onAbort = (): void => stream?.abort(toCoterieError(either.reason));
    either.addEventListener("abort", onAbort, { once: true });
    try {
      const opened = await connection.newStream([bulkProtocol], {
        signal: either,
        maxOutboundStreams: limits.bulkStreamsMax,
      });
      stream = new StreamBytes(opened);
      await stream.write(encodeAsk({ purpose, fingerprint, hosts }));
      return { stream, answer: decodeAnswer(await readFrame(stream.queue)) };
    } catch (error) {
      stream?.abort(toCoterieError(error));
      if (signal.aborted) throw new CoterieError("ABORTED", "opening the channel was cancelled");
      if (deadline.aborted) throw new CoterieError("TIMEOUT", "the peer did not answer in time");
      throw new CoterieError("UNREACHABLE", toCoterieError(error).message, { cause: error });
    } finally {
      either.removeEventListener("abort", onAbort);
    }
  }

  /** Undefined if no socket could be had. */
  async #dial(
    peer: PeerName,
    host: string | undefined,
    { port, fingerprint, token }: SocketAnswer,
    signal: AbortSignal,
  ): Promise<SocketBytes | undefined> {
    const { clock, log, metrics, peers } = this.#parts;
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(limits.bulkDirectMs)]);
    try {
      if (host === undefined)
        throw new CoterieError("BAD_FORMAT", "the peer chose no host of ours");
      const { certificate } = this.#listener;
      const bytes = await dialBulk({ host, port, fingerprint, token }, certificate, inTime);
      if (peers.connections(peer).length > 0) return this.#shaped(bytes, peer);
      bytes.abort(new CoterieError("UNREACHABLE", "the peer is no longer connected"));
    } catch (error) {
      const { message } = toCoterieError(error);
      log.debug("no socket of the bulk lane could be had", { peer, host, port, reason: message });
    }
    metrics.count("bulk.direct_failed");
    this.#directRests.set(peer, clock.monotonicMs() + limits.bulkDirectRestMs);
    return undefined;
  }

  /** Where the peer may be listening: the IP that we dialled, others that were proven, whence it dialled us. */
  #hostsOf(peer: PeerName, connection: Connection): string[] {
    const { book, clock } = this.#parts;
    if ((this.#directRests.get(peer) ?? -Infinity) > clock.monotonicMs()) return [];
    const remote = bareAddress(connection.remoteAddr);
    if (remote === undefined) return []; // relayed: there is no way between the two
    const proven = book.addressesOf(peer);
    const all = connection.direction === "outbound" ? [remote, ...proven] : [...proven, remote];
    return [...new Set(all.map(ipOf))].slice(0, limits.bulkHostsMax);
  }

  #accept(stream: Stream, peer: PeerName): void {
    const bytes = new StreamBytes(stream);
    this.#agree(bytes, peer).catch((error: unknown) => {
      const failure = toCoterieError(error);
      if (failure.code === "BAD_FORMAT") this.#parts.metrics.count("bulk.bad_frames");
      bytes.abort(failure);
    });
  }

  async #agree(stream: StreamBytes, peer: PeerName): Promise<void> {
    const ask = decodeAsk(await this.#within(limits.bulkAskMs, stream, readFrame(stream.queue)));
    const { purpose } = ask;
    const handler = this.#handlers.get(purpose);
    const code = this.#refusal(peer, handler);
    if (handler === undefined || code !== undefined) {
      this.#parts.metrics.count("bulk.refused");
      await stream.write(encodeAnswer({ kind: "refused", code: code ?? "REFUSED" }));
      await stream.end();
      return;
    }
    const offer = this.#offer(ask, { peer, purpose, fingerprint: ask.fingerprint, handler });
    await stream.write(encodeAnswer(offer ?? { kind: "stream" }));
    if (offer !== undefined && !(await this.#fellBack(stream, offer.token))) return;
    handler.handle(this.#begin(stream, { peer, purpose, lane: "libp2p" }));
  }

  #refusal(peer: PeerName, handler: BulkHandler | undefined): "REFUSED" | "OVERLOADED" | undefined {
    if (handler === undefined) return "REFUSED";
    return this.#channels.isFull(peer) ? "OVERLOADED" : handler.refuses?.(peer);
  }

  /** Undefined where there can be no socket. */
  #offer({ hosts }: Ask, grant: Expected): SocketAnswer | undefined {
    const ports = hosts.map((host) => this.#listener.portAt(host));
    const host = ports.findIndex((port) => port !== undefined);
    const port = ports[host];
    if (port === undefined) return undefined;
    const token = this.#tokens.give(grant);
    if (token === undefined) return undefined;
    const { fingerprint } = this.#listener.certificate;
    return { kind: "socket", host, port, fingerprint, token };
  }

  /** True when the asker could not get the socket; false when it could, or has gone. */
  async #fellBack(stream: StreamBytes, token: Uint8Array): Promise<boolean> {
    try {
      const said = await this.#within(
        limits.bulkTokenMs,
        stream,
        stream.queue.take(fallBack.length),
      );
      return equalBytes(said, fallBack);
    } catch (error) {
      await stream.end();
      if (toCoterieError(error).code === "UNREACHABLE") return false; // it closed the stream
      throw error;
    } finally {
      this.#tokens.revoke(token);
    }
  }

  #admit(token: Uint8Array, fingerprint: Uint8Array): ((bytes: SocketBytes) => void) | undefined {
    const grant = this.#tokens.redeem(token, fingerprint);
    if (grant === undefined) return undefined;
    const { peer, purpose, handler } = grant;
    return (bytes) => {
      const shaped = this.#shaped(bytes, peer);
      handler.handle(this.#begin(shaped, { peer, purpose, lane: "direct" }));
    };
  }

  #shaped(bytes: SocketBytes, peer: PeerName): SocketBytes {
    this.#parts.shaper?.adopt(bytes.shapeable);
    this.#parts.shaper?.identified(bytes.shapeable, peer);
    return bytes;
  }

  #begin(bytes: ByteDuplex, facts: Pick<BulkChannel, "peer" | "purpose" | "lane">): BulkChannel {
    const channel = channelOver(bytes, facts);
    this.#channels.add(channel);
    this.#parts.metrics.count(`bulk.channels_${facts.lane}`);
    return channel;
  }

  /** Aborts the stream when it takes longer. */
  async #within<T>(ms: number, stream: StreamBytes, work: Promise<T>): Promise<T> {
    const late = new CoterieError("TIMEOUT", "the peer said nothing");
    const cancel = this.#parts.clock.after(ms, () => stream.abort(late));
    return work.finally(cancel);
  }
}
