/**
 * The libp2p node under everything in this room: TCP, the network's Noise, yamux, identify, ping, kad-dht under the
 * network's own protocol id, gossipsub, and mDNS when wanted. Not started; limits are ours.
 */
import { privateKeyFromRaw } from "@libp2p/crypto/keys";
import { identify, type Identify } from "@libp2p/identify";
import type {
  ConnectionGater,
  Libp2p,
  PeerInfo,
  Topology,
  Transport,
  Upgrader,
} from "@libp2p/interface";
import { kadDHT, type SingleKadDHT } from "@libp2p/kad-dht";
import { peerIdFromPrivateKey } from "@libp2p/peer-id";
import { ping } from "@libp2p/ping";
import { tcp } from "@libp2p/tcp";
import type { Multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";
import { concatBytes, toHex } from "../../core/codec.ts";
import { sha256, tag, type Identity } from "../../core/identity.ts";
import { limits } from "../../core/limits.ts";
import type { Metrics, NetworkKeys } from "../../core/ports.ts";
import { bareAddress, ipOf, isLoopback } from "./addresses.ts";
import { networkEncrypter } from "./encrypter.ts";
import { gossipRouter, type GossipRouter } from "./gossip-router.ts";
import { safeYamux } from "./muxer.ts";
import { PeerMemory } from "./peer-memory.ts";
import { shapedTcp, type Shaper } from "./shaper.ts";

export type NodeParts = {
  readonly identity: Identity;
  readonly network: NetworkKeys;
  readonly listen: readonly string[];
  readonly connectionsMax: number;
  readonly gater: ConnectionGater;
  readonly metrics: Metrics;
  /** Undefined for a daemon without faults, whose TCP is libp2p's own. */
  readonly shaper: Shaper | undefined;
  /** Hears of peers by mDNS; undefined turns mDNS off. */
  readonly onMdnsPeer: ((peer: PeerInfo) => void) | undefined;
};

/** Parts of libp2p that it hands to services only. */
export type Inner = {
  readonly upgrader: Upgrader;
  readonly registrar: { getTopologies(protocol: string): Topology[] };
  readonly addressManager: {
    confirmObservedAddr(address: Multiaddr, options: { type: "transport"; ttl: number }): void;
  };
  readonly transportManager: { getTransports(): Transport[]; getAddrs(): Multiaddr[] };
};

export type NetNode = Libp2p<{
  identify: Identify;
  dht: SingleKadDHT;
  gossip: GossipRouter;
  inner: Inner;
}>;

/** For records of live peers: libp2p's own hour is shorter than a quiet network's silence. Memory is bounded by count. */
const recordAgeMsMax = 365 * 24 * 3_600_000;

export function dhtProtocol(network: NetworkKeys): string {
  return `/coterie/${toHex(network.id)}/kad/1.0.0`;
}

export async function createNode(parts: NodeParts): Promise<NetNode> {
  // seed and public key: deriving the one from the other again would be done in JavaScript
  const { seed, publicKey } = parts.identity;
  const privateKey = privateKeyFromRaw(concatBytes(seed, publicKey));
  const self = peerIdFromPrivateKey(privateKey);
  const node = await createLibp2p({
    start: false,
    privateKey,
    nodeInfo: { name: "coterie", userAgent: "coterie" },
    addresses: { listen: [...parts.listen], announceFilter: announced },
    datastore: new PeerMemory(self, parts.metrics),
    peerStore: { maxAddressAge: recordAgeMsMax, maxPeerAge: recordAgeMsMax },
    transports: [parts.shaper === undefined ? tcp() : shapedTcp(parts.shaper)],
    connectionEncrypters: [networkEncrypter(parts.network, parts.metrics)],
    streamMuxers: [
      safeYamux({
        enableKeepAlive: false,
        maxInboundStreams: limits.streamsInboundMax,
        streamOptions: { maxStreamWindowSize: limits.streamWindowBytesMax },
      }),
    ],
    connectionGater: parts.gater,
    connectionManager: connectionManager(parts.connectionsMax),
    // a hanging peer is noticed by `pulse.ts`
    connectionMonitor: { enabled: false },
    peerDiscovery: await peerDiscovery(parts),
    services: {
      identify: identify({ timeout: limits.identifyMs }),
      ping: ping(),
      dht: dht(parts.network),
      gossip: gossipRouter,
      inner: (components: Inner): Inner => ({
        upgrader: components.upgrader,
        registrar: components.registrar,
        addressManager: components.addressManager,
        transportManager: components.transportManager,
      }),
    },
  });
  // the interfaces name less than the classes have
  return node as unknown as NetNode;
}

function connectionManager(connectionsMax: number) {
  return {
    maxConnections: connectionsMax,
    maxParallelDials: limits.dialsAtOnceMax,
    maxDialQueueLength: limits.dialsQueuedMax,
    maxPeerAddrsToDial: limits.addressesPerPeerMax,
    dialTimeout: limits.dialMs,
    addressDialTimeout: limits.dialAddressMs,
    inboundUpgradeTimeout: limits.pendingUpgradeMs,
    inboundStreamProtocolNegotiationTimeout: limits.pendingUpgradeMs,
    outboundStreamProtocolNegotiationTimeout: limits.pendingUpgradeMs,
    connectionCloseTimeout: 500,
    maxIncomingPendingConnections: limits.pendingUpgradesMax,
    inboundConnectionThreshold: limits.inboundPerHostPerSecondMax,
    // redialling is ours
    reconnectRetries: 0,
    // no DNS look-ups on behalf of records
    resolvers: {},
  };
}

function dht(network: NetworkKeys) {
  return kadDHT({
    protocol: dhtProtocol(network),
    clientMode: false,
    // private and loopback addresses stay: members are where they are
    peerInfoMapper: (peer) => ({
      ...peer,
      multiaddrs: peer.multiaddrs.slice(0, limits.addressesPerPeerMax),
    }),
    // each query in flight dials; 3 is the value of the paper
    alpha: 3,
    initialQuerySelfInterval: 100,
    maxInboundStreams: limits.dhtStreamsInboundMax,
    networkDialTimeout: { minTimeout: limits.dialAddressMs, maxTimeout: limits.dialMs * 2 },
    routingTableUpdateQueueConcurrency: 8,
    routingTableUpdateMaxQueueSize: 512,
  });
}

async function peerDiscovery(parts: NodeParts) {
  const { onMdnsPeer } = parts;
  if (onMdnsPeer === undefined) return [];
  const { mdns } = await import("@libp2p/mdns");
  const makeService = mdns({ serviceTag: mdnsTag(parts.network), interval: 20_000 });
  return [
    (components: Parameters<typeof makeService>[0]) => {
      const service = makeService(components);
      service.addEventListener("peer", (event) => onMdnsPeer(event.detail));
      return service;
    },
  ];
}

/** A service name of the network's own that does not give away its id. */
export function mdnsTag(network: NetworkKeys): string {
  const digest = sha256(concatBytes(tag("coterie/mdns"), network.id));
  return `_coterie-${toHex(digest.subarray(0, 3))}._udp.local`;
}

/** Loopback last, and not more than a peer keeps. */
function announced(addresses: Multiaddr[]): Multiaddr[] {
  const onLoopback = (address: Multiaddr): number =>
    isLoopback(ipOf(bareAddress(address) ?? "")) ? 1 : 0;
  return addresses
    .toSorted((a, b) => onLoopback(a) - onLoopback(b))
    .slice(0, limits.addressesPerPeerMax);
}
