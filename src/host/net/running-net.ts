/** The parts at work: started in order, stopped in reverse, and behind the ports in between. */
import { CoterieError, toCoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type {
  Bulk,
  BulkChannel,
  FrameChannel,
  PeerName,
  Providers,
  PubSub,
} from "../../core/ports.ts";
import { bareAddress, parseAddress, portOf } from "./addresses.ts";
import type { NetNode } from "./create-node.ts";
import { worstOf } from "./dial-error.ts";
import { dropConnections, type NetParts } from "./net-parts.ts";
import type { LinkShape, Peer, RunningNet } from "./net-types.ts";
import type { PeerHandler } from "./peers.ts";
import { ticketAddresses } from "./ticket-addresses.ts";

export class Libp2pNet implements RunningNet {
  readonly self: PeerName;
  readonly pubsub: PubSub;
  readonly bulk: Bulk;
  readonly providers: Providers;
  /** The node itself, for this room's own tests. */
  readonly libp2p: NetNode;
  readonly #parts: NetParts;
  #stopped: Promise<void> | undefined;

  constructor(parts: NetParts) {
    this.#parts = parts;
    this.self = parts.self;
    this.pubsub = parts.gossip;
    this.bulk = parts.bulk;
    this.providers = parts.providers;
    this.libp2p = parts.node;
  }

  async start(): Promise<void> {
    const { sync, pulls, probes, bulk, node, meeting, upkeep, routes, redial, discovery, options } =
      this.#parts;
    await sync.offer();
    await pulls.offer();
    await probes.offer();
    await bulk.offer();
    try {
      await node.start();
    } catch (error) {
      throw cannotListen(options.listen, error);
    }
    await meeting?.start();
    await bulk.start();
    upkeep.start();
    for (const peer of routes.known()) redial.know(peer);
    redial.start();
    discovery.start();
    this.#parts.providers.start();
  }

  stop(): Promise<void> {
    return (this.#stopped ??= this.#stop());
  }

  async #stop(): Promise<void> {
    const { stopping, redial, discovery, upkeep, pulse, prover, file, meeting, bulk } = this.#parts;
    const { clock, log } = this.#parts.options;
    stopping.abort(new CoterieError("SHUTTING_DOWN", "the daemon is stopping"));
    redial.stop();
    discovery.stop();
    upkeep.stop();
    pulse.stop();
    this.#parts.providers.stop();
    await prover.stop();
    const closing = Promise.allSettled([
      file.close(),
      meeting?.stop(),
      bulk.stop(),
      this.libp2p.stop(),
    ]);
    const inTime = closing.then(() => true);
    if (await Promise.race([inTime, clock.sleep(limits.netStopMs)])) return;
    log.warn("connections did not close in time and are dropped");
    dropConnections(this.libp2p.getConnections(), "the daemon is stopping");
  }

  connected(): PeerName[] {
    return this.#parts.peers.names();
  }

  /** Peers that are up already are reported at once, so that nobody is missed between start and this call. */
  onPeer(handler: PeerHandler): void {
    const { peers, stopping } = this.#parts;
    for (const peer of peers.names()) handler(peer, true);
    peers.onChange((peer, up) => {
      if (!stopping.signal.aborted) handler(peer, up);
    });
  }

  openSync(peer: PeerName, signal: AbortSignal): Promise<FrameChannel> {
    return this.#parts.sync.open(peer, signal);
  }

  onSync(handler: (channel: FrameChannel) => void): void {
    this.#parts.sync.onStream(handler);
  }

  openPull(peer: PeerName, signal: AbortSignal): Promise<FrameChannel> {
    return this.#parts.pulls.open(peer, signal);
  }

  onPull(handler: (channel: FrameChannel) => void): void {
    this.#parts.pulls.onStream(handler);
  }

  openProbe(peer: PeerName, signal: AbortSignal): Promise<FrameChannel> {
    return this.#parts.probes.open(peer, signal);
  }

  onProbe(handler: (channel: FrameChannel) => void): void {
    this.#parts.probes.onStream(handler);
  }

  banned(peer: PeerName): boolean {
    return this.#parts.bans.has(peer);
  }

  keep(peers: readonly PeerName[]): void {
    this.#parts.redial.keep(peers);
  }

  ban(peer: PeerName, forMs: number): void {
    this.#parts.bans.add(peer, forMs);
    this.#parts.bulk.cut(peer, "broke the rules");
    const connections = this.libp2p.getConnections();
    dropConnections(
      connections.filter(({ remotePeer }) => remotePeer.toString() === peer),
      "broke the rules",
    );
  }

  addresses(): string[] {
    const meeting = this.#parts.meeting?.addresses() ?? [];
    return [...this.#ownAddresses(), ...meeting].map((address) => `${address}/p2p/${this.self}`);
  }

  ticketAddresses(): string[] {
    const { peers, file, meeting, self } = this.#parts;
    const others = peers.names().flatMap((peer) => {
      const [address] = file.book.addressesOf(peer);
      return address === undefined ? [] : [`${address}/p2p/${peer}`];
    });
    const own = this.#ownAddresses();
    return ticketAddresses({ own, meeting: meeting?.addresses() ?? [], self, others });
  }

  bulkChannels(): Readonly<Record<BulkChannel["lane"], number>> {
    return this.#parts.bulk.counts();
  }

  peers(): Peer[] {
    return this.connected().flatMap((peer) => this.#describe(peer) ?? []);
  }

  dht(): { mode: string; routingTableSize: number } {
    const { dht } = this.libp2p.services;
    return { mode: dht.getMode(), routingTableSize: dht.routingTable.size };
  }

  async dial(addresses: readonly string[], signal: AbortSignal): Promise<void> {
    const dials = addresses.map((text) => this.#dialText(text, signal));
    await Promise.any(dials).catch((error: AggregateError) => {
      throw worstOf(error.errors.map(toCoterieError));
    });
  }

  async setBlocked(peers: readonly PeerName[]): Promise<void> {
    const { cut, healed } = this.#parts.faults.block(peers);
    const isCut = new Set(cut);
    for (const peer of cut) this.#parts.bulk.cut(peer, "cut off by a fault");
    const connections = this.libp2p.getConnections();
    dropConnections(
      connections.filter(({ remotePeer }) => isCut.has(remotePeer.toString())),
      "cut off by a fault",
    );
    this.#parts.redial.hurry(healed);
  }

  blocked(): readonly PeerName[] {
    return this.#parts.faults.blocked();
  }

  setShapes(shapes: ReadonlyMap<PeerName, LinkShape>): void {
    const { faults, shaper, redial } = this.#parts;
    const heard = faults.shape(shapes);
    shaper?.set(faults.shapes());
    redial.hurry(heard);
  }

  shapes(): ReadonlyMap<PeerName, LinkShape> {
    return this.#parts.faults.shapes();
  }

  #ownAddresses(): string[] {
    return this.libp2p.getMultiaddrs().flatMap((address) => bareAddress(address) ?? []);
  }

  #describe(peerId: PeerName): Peer | undefined {
    const [connection] = this.#parts.peers.connections(peerId);
    if (connection === undefined) return undefined;
    const { remoteAddr, direction, timeline, rtt } = connection;
    const connectedMs = Math.max(0, this.#parts.options.clock.wallMs() - timeline.open);
    return { peerId, address: remoteAddr.toString(), direction, connectedMs, rttMs: rtt ?? null };
  }

  /** At the meeting port whoever of the network answers will do. */
  async #dialText(text: string, signal: AbortSignal): Promise<void> {
    const { dialer, meeting } = this.#parts;
    const address = parseAddress(text);
    if (address === undefined) throw new CoterieError("BAD_REQUEST", `not an address: ${text}`);
    const bare = bareAddress(address);
    const isMeeting = bare !== undefined && portOf(bare) === meeting?.port;
    if (isMeeting) await dialer.dialAnyone(bare, signal);
    else await dialer.dialWritten(address, signal);
  }
}

function cannotListen(listen: readonly string[], error: unknown): CoterieError {
  const { message } = toCoterieError(error);
  const reason = /E[A-Z]{4,}[^\n]*/.exec(message)?.[0] ?? message.split("\n", 1)[0] ?? "";
  return new CoterieError("NO_ADDRESS", `cannot listen on ${listen.join(", ")}: ${reason}`, {
    hint: "choose another address or port with --listen, or stop the program that holds it",
    cause: error,
  });
}
