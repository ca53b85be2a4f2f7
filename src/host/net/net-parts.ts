/** Puts the parts of the network together; nothing is started here. */
import { setMaxListeners } from "node:events";
import type { Connection, PeerInfo } from "@libp2p/interface";
import { limits } from "../../core/limits.ts";
import type { PeerName } from "../../core/ports.ts";
import { AddressFile } from "./address-file.ts";
import { listenIps } from "./addresses.ts";
import { Bans } from "./bans.ts";
import { BulkLane } from "./bulk-lane.ts";
import { createNode } from "./create-node.ts";
import { DialBudget } from "./dial-budget.ts";
import { Dialer } from "./dialer.ts";
import { Discovery } from "./discovery.ts";
import { Faults } from "./faults.ts";
import { connectionGater } from "./gater.ts";
import { Gossip } from "./gossip.ts";
import { MdnsPeers } from "./mdns-peers.ts";
import { MeetingPort, meetingPortOf } from "./meeting-port.ts";
import type { NetOptions } from "./net-types.ts";
import { Peers } from "./peers.ts";
import { Provided } from "./provided.ts";
import { Prover } from "./prover.ts";
import { Pulse } from "./pulse.ts";
import { Redial } from "./redial.ts";
import { Routes } from "./routes.ts";
import { Shaper } from "./shaper.ts";
import { probeProtocol, pullProtocol, SyncStreams, syncProtocol } from "./sync-streams.ts";
import { Upkeep } from "./upkeep.ts";

export type NetParts = Awaited<ReturnType<typeof assemble>>;

export async function assemble(options: NetOptions) {
  const { clock, random, log, metrics, network, connectionsWanted, connectionsMax } = options;
  const self = options.identity.peer;
  const base = { clock, random, log, metrics, self, connectionsWanted, connectionsMax };
  const file = await AddressFile.open({ path: options.addressBookFile, clock, log, metrics });
  const faults = new Faults(options.faults);
  const shaper = options.faults ? new Shaper({ clock, random }) : undefined;
  const bans = new Bans(clock);
  const isBlocked = (peer: PeerName): boolean => faults.isBlocked(peer) || bans.has(peer);
  // what is being dialled counts, the dial that asks included
  const isEnough = (): boolean =>
    node.getConnections().length + node.getDialQueue().length > connectionsWanted;
  const budget = new DialBudget({ clock, metrics, isEnough });
  const stopping = new AbortController();
  setMaxListeners(0, stopping.signal);

  const onMdns: { found?: (peer: PeerInfo) => void } = {};
  const isFull = (): boolean => node.getConnections().length >= connectionsMax;
  const node = await createNode({
    identity: options.identity,
    network,
    listen: options.listen,
    connectionsMax,
    metrics,
    gater: connectionGater({
      budget,
      metrics,
      isBlocked,
      isFull,
      identified: (connection, peer) => shaper?.identified(connection, peer),
    }),
    shaper,
    onMdnsPeer: options.mdns ? (peer) => onMdns.found?.(peer) : undefined,
  });
  const { gossip: router, inner } = node.services;
  const { book } = file;
  const peers = new Peers(node, syncProtocol, log);
  const dialer = new Dialer({ node, peers, budget, metrics, stopping: stopping.signal });
  const mdns = new MdnsPeers({ ...base, peers, dialer, budget, isBlocked });
  onMdns.found = (peer) => mdns.found(peer);
  const port = meetingPortOf(network);
  const ips = listenIps(options.listen);
  const meeting = options.meetingPort ? new MeetingPort({ ...base, inner, port, ips }) : undefined;
  const routes = new Routes({
    ...base,
    book,
    dialer,
    peers,
    meeting,
    bootstrap: options.bootstrap,
    ownIps: ips,
  });
  const redial = new Redial({
    ...base,
    connected: () => peers.size,
    isUp: (peer) => peers.isUp(peer),
    isBlocked,
    ipsOf: (peer) => routes.ipsOf(peer),
    isMet: (ip) => routes.isMet(ip),
    dialPeer: (peer, attempt) => routes.dialPeer(peer, attempt),
    dialMeeting: meeting && ((ip) => routes.dialMeeting(ip)),
  });
  peers.onChange((peer, up) => (up ? redial.up(peer) : redial.lost(peer)));
  const disconnect = (peer: Connection["remotePeer"]): void =>
    dropConnections(node.getConnections(peer), "broke the rules of gossip");
  return {
    options,
    self,
    stopping,
    file,
    faults,
    shaper,
    bans,
    node,
    peers,
    dialer,
    meeting,
    routes,
    redial,
    gossip: new Gossip({ router, metrics, log, clock, disconnect }),
    sync: new SyncStreams({
      ...base,
      node,
      peers,
      protocol: syncProtocol,
      streamsMax: limits.syncStreamsMax,
    }),
    pulls: new SyncStreams({
      ...base,
      node,
      peers,
      protocol: pullProtocol,
      streamsMax: limits.pullStreamsMax,
    }),
    probes: new SyncStreams({
      ...base,
      node,
      peers,
      protocol: probeProtocol,
      streamsMax: limits.probeStreamsMax,
    }),
    bulk: new BulkLane({
      ...base,
      node,
      peers,
      book,
      dialer,
      shaper,
      hosts: ips,
      port: options.bulkPort ?? 0,
    }),
    providers: new Provided({ ...base, node, budget }),
    discovery: new Discovery({ ...base, node, peers, isBlocked }),
    prover: new Prover({ ...base, peers, dialer, book, meetingPort: meeting?.port }),
    pulse: new Pulse({ ...base, node }),
    upkeep: new Upkeep({ ...base, node, peers }),
  };
}

export function dropConnections(connections: readonly Connection[], reason: string): void {
  for (const connection of connections) connection.abort(new Error(reason));
}
