/** The daemon as its control API sees it: reads the rooms, writes through the driver. */
import type { Config } from "../config.ts";
import { toHex } from "../core/codec.ts";
import { CoterieError } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import type { Clock, Metrics, NetworkKeys } from "../core/ports.ts";
import { encodeTicket } from "../core/ticket.ts";
import type { Daemon } from "../control/daemon.ts";
import type { DocCalls } from "../control/doc-daemon.ts";
import type { ServiceCalls } from "../control/service-daemon.ts";
import type { FilesCalls } from "../control/files-daemon.ts";
import type {
  ConfigReload,
  ConfigView,
  EventMessage,
  Identity,
  Invite,
  Peers,
  Status,
} from "../control/schema.ts";
import { backupOf } from "./backup.ts";
import { docOf } from "./doc.ts";
import { faultsOf, setFaults } from "./faults.ts";
import { kvOf } from "./kv.ts";
import { membersOf } from "./members.ts";
import { typesOf } from "./types.ts";
import type { Driver } from "../driver/driver.ts";
import { runDoctor } from "../host/doctor.ts";
import type { Logs } from "../host/log.ts";
import type { RunningNet } from "../host/net/libp2p-net.ts";
import type { ProcessMonitor } from "../host/process-stats.ts";
import { version } from "../host/version.ts";
import { topicFault, type AppEvent } from "../protocol/gossip/event.ts";
import type { Roster } from "../protocol/membership/roster.ts";
import type { State } from "../protocol/state/state.ts";
import { Mailbox } from "../mailbox.ts";
import { stateDigest } from "../state-digest.ts";

export type DaemonParts = {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly logs: Logs;
  readonly net: RunningNet;
  readonly driver: Driver;
  readonly state: State;
  readonly roster: Roster;
  readonly network: NetworkKeys;
  readonly documents: DocCalls;
  readonly services: ServiceCalls;
  readonly files: FilesCalls;
  readonly process: ProcessMonitor;
  readonly config: () => Config;
  readonly configView: () => ConfigView;
  readonly reloadConfig: () => Promise<ConfigReload>;
  readonly shutdown: () => void;
  readonly dataDir: string;
  readonly faultsEnabled: boolean;
  /** Addresses of a ticket or the address book; whether anybody else is known at all. */
  readonly bootstrap: readonly string[];
};

export function createDaemon(parts: DaemonParts): Daemon {
  return {
    status: () => statusOf(parts),
    identity: () => identityOf(parts),
    invite: () => inviteOf(parts),
    peers: () => peersOf(parts),
    members: membersOf(parts),
    doctor: async () => ({ checks: await doctorOf(parts) }),
    config: () => parts.configView(),
    reloadConfig: () => parts.reloadConfig(),
    shutdown: () => parts.shutdown(),
    dial: (addresses, signal) => parts.net.dial(addresses, signal),
    setFaults: (faults) => setFaults(parts.net, faults),
    faults: () => faultsOf(parts.net),
    backup: () => backupOf({ ...parts, self: parts.net.self }),
    kv: kvOf(parts),
    doc: docOf(parts),
    services: parts.services,
    files: parts.files,
    ...typesOf({ ...parts, log: parts.logs.log.child("state") }),
    events: {
      publish: (topic, data) => publish(parts, topic, data),
      subscribe: (topic, signal) => subscribe(parts, topic, signal),
    },
    logs: {
      read: (options, signal) => parts.logs.read(options, signal),
      level: () => parts.logs.level(),
      setLevel: (level) => parts.logs.setLevel(level),
    },
  };
}

function statusOf(parts: DaemonParts): Status {
  const { driver, net, state, roster, clock, network } = parts;
  const wallMs = clock.wallMs();
  const counts = { alive: 0, suspect: 0, failed: 0, left: 0 };
  for (const { status } of roster.list(wallMs)) counts[status]++;
  const digest = stateDigest(state);
  const { pid, rssBytes, heapBytes, cpuMs, loopDelayMaxMs } = parts.process.read();
  return {
    version,
    peerId: net.self,
    name: parts.config().node.name,
    network: { id: toHex(network.id), name: network.name, epoch: network.epoch },
    uptimeMs: Math.round(clock.monotonicMs()),
    dataDir: parts.dataDir,
    faultsEnabled: parts.faultsEnabled,
    addresses: net.addresses(),
    connections: net.peers().length,
    dht: net.dht(),
    gossip: { topics: [...net.pubsub.topics()] },
    members: counts,
    state: {
      ...digest,
      quarantined: state.quarantined,
      forks: state.forks,
      writable: driver.writable,
    },
    sync: driver.syncStatus(),
    clock: { offsetMs: driver.clockOffsetMs() ?? null, leadMs: state.leadMs(wallMs) },
    files: filesUsage(parts),
    bulk: net.bulkChannels(),
    services: parts.services.summary(),
    counters: { ...parts.metrics.read() },
    process: { pid, rssBytes, heapBytes, cpuMs, loopDelayMaxMs },
  };
}

function filesUsage({ files }: DaemonParts): Status["files"] {
  try {
    return files.usage();
  } catch (error) {
    if (error instanceof CoterieError) return null; // who asks for files is told why
    throw error;
  }
}

function identityOf({ net, config, network, state }: DaemonParts): Identity {
  return {
    peerId: net.self,
    name: config().node.name,
    network: { id: toHex(network.id), name: network.name },
    writer: toHex(state.writer),
    addresses: net.addresses(),
  };
}

function inviteOf({ net, network }: DaemonParts): Invite {
  const addresses = net.ticketAddresses();
  if (addresses.length === 0) {
    throw new CoterieError("NO_ADDRESS", "this node has no address that others could dial", {
      hint: "check network.listen with: coterie config show",
    });
  }
  return {
    ticket: encodeTicket({ network, addresses }),
    network: { id: toHex(network.id), name: network.name, epoch: network.epoch },
    addresses,
  };
}

function peersOf({ net, roster }: DaemonParts): Peers {
  const peers = net.peers().map((peer) => ({ ...peer, name: roster.name(peer.peerId) ?? null }));
  return { peers };
}

function doctorOf(parts: DaemonParts): ReturnType<typeof runDoctor> {
  const { clock, driver, net, roster, state } = parts;
  const others = roster
    .list(clock.wallMs())
    .filter(({ self, status }) => !self && status !== "left");
  return runDoctor({
    dataDir: parts.dataDir,
    daemon: {
      addresses: net.addresses(),
      connections: net.peers().length,
      othersKnown: Math.max(others.length, parts.bootstrap.length > 0 ? 1 : 0),
      routingTableSize: net.dht().routingTableSize,
      clockOffsetMs: driver.clockOffsetMs() ?? null,
      clockLeadMs: state.leadMs(clock.wallMs()),
      writable: driver.writable,
    },
  });
}

async function publish(parts: DaemonParts, topic: string, data: Uint8Array): Promise<number> {
  checkTopic(topic);
  if (data.length > limits.eventBytesMax) {
    throw new CoterieError(
      "TOO_LARGE",
      `an event is at most ${limits.eventBytesMax} bytes; this one has ${data.length}`,
    );
  }
  return parts.driver.publishEvent(topic, data);
}

function checkTopic(topic: string): void {
  const fault = topicFault(topic);
  if (fault !== undefined) throw new CoterieError("BAD_REQUEST", fault);
}

async function* subscribe(
  parts: DaemonParts,
  topic: string,
  signal: AbortSignal,
): AsyncGenerator<EventMessage> {
  checkTopic(topic);
  const inbox = new Mailbox<AppEvent>(limits.eventsWaitingMax);
  const stop = parts.driver.onEvent((event) => {
    if (event.topic === topic && !inbox.put(event)) parts.metrics.count("events.slow_subscriber");
  });
  try {
    for (;;) yield eventMessage(await inbox.take(signal));
  } finally {
    stop();
  }
}

function eventMessage({ topic, author, sentAtMs, data }: AppEvent): EventMessage {
  const base = { topic, author, sentAt: sentAtMs };
  try {
    return { ...base, data: new TextDecoder("utf-8", { fatal: true }).decode(data) };
  } catch {
    return { ...base, dataBase64: Buffer.from(data).toString("base64") }; // not text
  }
}
