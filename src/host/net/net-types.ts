/** What this room offers the rest of the house, beyond the ports. */
import type { Identity } from "../../core/identity.ts";
import type {
  Bulk,
  BulkChannel,
  Clock,
  Log,
  Metrics,
  Net,
  NetworkKeys,
  PeerName,
  Providers,
  PubSub,
  Random,
} from "../../core/ports.ts";

export type NetOptions = {
  readonly identity: Identity;
  readonly network: NetworkKeys;
  /** Multiaddrs such as `/ip4/127.0.0.1/tcp/0`. */
  readonly listen: readonly string[];
  /** Listen at the network's meeting port too, and look for lost peers there. */
  readonly meetingPort: boolean;
  /** Of the bulk lane's listener, at the IPs of `listen`; 0, the default, is any free one. */
  readonly bulkPort?: number;
  /** Multiaddrs ending in `/p2p/<peer id>`, from a ticket. */
  readonly bootstrap: readonly string[];
  readonly mdns: boolean;
  readonly connectionsWanted: number;
  readonly connectionsMax: number;
  readonly addressBookFile: string;
  readonly faults: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
};

/** What happens to all bytes that one peer sends us. */
export type LinkShape = {
  readonly latencyMs?: number;
  /** Around the latency, evenly, up to so much either way; bytes never overtake each other. */
  readonly jitterMs?: number;
  readonly bitsPerSecond?: number;
  /** The connection stays open and moves no bytes. */
  readonly stall?: boolean;
  /** With what probability a connection is reset in each second. */
  readonly resetPerSecond?: number;
};

/** A connected peer as `peers` shows it, without its name, which only the roster knows. */
export type Peer = {
  readonly peerId: PeerName;
  readonly address: string;
  readonly direction: "inbound" | "outbound";
  readonly connectedMs: number;
  readonly rttMs: number | null;
};

export interface RunningNet extends Net {
  readonly pubsub: PubSub;
  /** While it is kept out for its conduct. */
  banned(peer: PeerName): boolean;
  readonly bulk: Bulk;
  readonly providers: Providers;
  /** Open channels of the bulk lane, by the lane they got. */
  bulkChannels(): Readonly<Record<BulkChannel["lane"], number>>;
  /** Own dialable addresses, with `/p2p/`. */
  addresses(): string[];
  /** Up to `limits.ticketAddressesMax`: own ones, then those of connected peers at which a handshake succeeded. */
  ticketAddresses(): string[];
  peers(): Peer[];
  dht(): { mode: string; routingTableSize: number };
  /** Resolves when one of the addresses is connected; throws `UNREACHABLE`, `TIMEOUT`, `WRONG_NETWORK` or `BAD_REQUEST`. */
  dial(addresses: readonly string[], signal: AbortSignal): Promise<void>;
  /** Cuts off exactly these peers; an empty list heals. Throws `FAULTS_DISABLED`. */
  setBlocked(peers: readonly PeerName[]): Promise<void>;
  blocked(): readonly PeerName[];
  /** Shapes exactly the links from these peers to us; an empty map clears. Throws `FAULTS_DISABLED`. */
  setShapes(shapes: ReadonlyMap<PeerName, LinkShape>): void;
  shapes(): ReadonlyMap<PeerName, LinkShape>;
  /** Ends within `limits.netStopMs`. */
  stop(): Promise<void>;
}
