/** What this room offers the rest of the house, beyond the ports. */
import type { Identity } from "../../core/identity.ts";
import type {
  Clock,
  Log,
  Metrics,
  Net,
  NetworkKeys,
  PeerName,
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
  /** Ends within `limits.netStopMs`. */
  stop(): Promise<void>;
}
