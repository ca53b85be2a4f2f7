/** A daemon in memory, behind the real control server. */
import { EventEmitter, on } from "node:events";
import type { ChangeEvent, Daemon, KvRecord } from "../../src/control/daemon.ts";
import type {
  ConfigView,
  Doctor,
  EventMessage,
  Faults,
  LogRecord,
  Members,
  Peers,
  Status,
} from "../../src/control/schema.ts";
import { BackupWriter } from "../../src/core/backup-stream.ts";
import { CoterieError } from "../../src/core/errors.ts";
import { keyFault } from "../../src/core/ids.ts";
import type { LogLevel } from "../../src/core/ports.ts";
import { typesInMemory } from "../types-in-memory.ts";
import { refusedFiles } from "../../src/daemon/refused-files.ts";
import { memoryDocuments } from "../memory-documents.ts";
import { memoryServices } from "../memory-services.ts";
import { someFiles } from "../control/fake-daemon.ts";

export const peerA = "12D3KooWGRUaeTLvNtLh5bYkQKXGR9AsYhbQQSHkGPVtbbDJMSbk";
export const peerB = "12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5";
export const networkId = "8f3a1c".padEnd(64, "0");
export const ticket = "coterie1abcdefgh234567";

/** What a test may change. */
export type FakeState = {
  status: Status;
  doctor: Doctor;
  peers: Peers;
  members: Members;
  config: ConfigView;
  logRecords: LogRecord[];
  level: LogLevel;
  refuse: CoterieError | undefined;
  onShutdown: () => void;
  backup: () => AsyncIterable<Uint8Array>;
};

export function fakeStatus(dataDir: string): Status {
  return {
    version: "0.1.0",
    peerId: peerA,
    name: "falcon",
    network: { id: networkId, name: "home", epoch: 1 },
    uptimeMs: 11_520_000,
    dataDir,
    faultsEnabled: false,
    addresses: [1, 2, 3, 4, 5, 6].map((n) => `/ip4/192.0.2.${n}/tcp/4001/p2p/${peerA}`),
    connections: 5,
    dht: { mode: "server", routingTableSize: 9 },
    gossip: {
      topics: Array.from({ length: 9 }, (_, n) => ({
        topic: `ns/topic-${n}`,
        meshPeers: 4,
        subscribers: 9,
      })),
    },
    members: { alive: 10, suspect: 0, failed: 2, left: 1 },
    state: {
      entries: 123_456,
      digest: "ab".repeat(32),
      namespaces: Array.from({ length: 7 }, (_, n) => ({
        name: `space-${n}`,
        entries: n,
        digest: "cd".repeat(32),
      })),
      quarantined: 3,
      forks: 1,
      writable: false,
    },
    sync: {
      lastEqualAt: 1_700_000_000_000,
      sessions: 12,
      active: 1,
      bytesIn: 1e6,
      bytesOut: 2e9,
      missingTwice: 1,
    },
    clock: { offsetMs: -1_234.5, leadMs: 5_000 },
    files: someFiles,
    bulk: { direct: 2, libp2p: 1 },
    services: { exposed: 1, forwards: 2, open: 3, gateway: "127.0.0.1:8780", faults: [] },
    counters: { "sync.sessions": 12 },
    process: {
      pid: process.pid,
      rssBytes: 97e6,
      heapBytes: 31e6,
      cpuMs: 12_345,
      loopDelayMaxMs: 12,
    },
  };
}

export function fakeState(dataDir: string): FakeState {
  return {
    status: fakeStatus(dataDir),
    doctor: { checks: [{ name: "socket", verdict: "ok", detail: "it answers", remedy: null }] },
    peers: {
      peers: [
        {
          peerId: peerB,
          name: "owl",
          address: "/ip4/192.0.2.9/tcp/4001",
          direction: "outbound",
          connectedMs: 61_000,
          rttMs: 1.25,
        },
        {
          peerId: peerA,
          name: null,
          address: "/ip4/192.0.2.8/tcp/4001",
          direction: "inbound",
          connectedMs: 5,
          rttMs: null,
        },
      ],
    },
    members: {
      members: [
        {
          peerId: peerA,
          name: "falcon",
          version: "0.1.0",
          status: "alive",
          lastHeardAt: 1_700_000_000_000,
          connected: false,
          rttMs: null,
          self: true,
          fork: null,
          tags: { role: "worker", zone: "home" },
          capacity: { quota: 1_000, free: 400 },
        },
        {
          peerId: peerB,
          name: "evil\u001b[2J\tname\nrow\u202e",
          version: "0.1.0",
          status: "failed",
          lastHeardAt: null,
          connected: false,
          rttMs: null,
          self: false,
          fork: null,
          tags: { role: "worker\u001b[2J\t\n" },
          capacity: null,
        },
      ],
    },
    config: {
      items: [
        { key: "node.name", value: "falcon", origin: "flag" },
        { key: "network.listen", value: ["/ip4/0.0.0.0/tcp/0"], origin: "default" },
      ],
    },
    logRecords: (["info", "debug", "error"] as const).map((level, n) => ({
      time: 1_700_000_000_000 + n,
      level,
      room: "sync",
      message: `record ${n}`,
      fields: { peer: peerB, note: "two words" },
    })),
    level: "info",
    refuse: undefined,
    onShutdown: () => undefined,
    backup: fakeBackup,
  };
}

/** Of a node without files or entries. */
async function* fakeBackup(): AsyncGenerator<Uint8Array> {
  const writer = new BackupWriter();
  const network = { id: networkId, name: "home" };
  const whose = { version: "0.1.0", createdAt: 1_700_000_000_000, peerId: peerA, name: "falcon" };
  yield writer.write({ kind: "info", info: { ...whose, network } });
  const sum = { entries: 0, digest: "ab".repeat(32), namespaces: [] };
  yield writer.write({ kind: "end", sum });
}

const levels: readonly LogLevel[] = ["error", "warn", "info", "debug", "trace"];

async function* until<T>(
  emitter: EventEmitter,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<T> {
  try {
    for await (const [item] of on(emitter, name, { signal })) yield item as T;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

export function fakeDaemon(state: FakeState): Daemon {
  const spaces = new Map<string, Map<string, KvRecord>>();
  const feed: ChangeEvent[] = [];
  const changes = new EventEmitter();
  const messages = new EventEmitter();
  let stamp = 0x018b_cfe5_6800_0000n;
  let faults: Faults = { blockedPeers: [] };
  const spaceOf = (name: string) => spaces.get(name) ?? spaces.set(name, new Map()).get(name)!;
  const allowed = () => {
    if (state.refuse !== undefined) throw state.refuse;
  };
  return {
    status: () => (allowed(), state.status),
    identity: () => {
      const { peerId, name, network, addresses } = state.status;
      return {
        peerId,
        name,
        network: { id: network.id, name: network.name },
        writer: `${peerId}/0011223344556677`,
        addresses,
      };
    },
    invite: () => ({ ticket, network: state.status.network, addresses: state.status.addresses }),
    peers: () => state.peers,
    members: {
      list: () => state.members,
      async *watch() {
        yield* state.members.members;
      },
      forget(text) {
        const found = state.members.members.find(({ peerId }) => peerId === text);
        if (found === undefined) throw new CoterieError("NOT_FOUND", "no member is named so");
        return found;
      },
    },
    doctor: async () => state.doctor,
    config: () => state.config,
    reloadConfig: async () => ({
      changed: [{ key: "log.level", from: "info", to: "debug" }],
      needRestart: ["network.listen"],
    }),
    shutdown: () => state.onShutdown(),
    dial: async () => undefined,
    faults: () => faults,
    setFaults: async (next) => {
      faults = next;
    },
    ...typesInMemory(),
    kv: {
      get: (namespace, key) => (allowed(), spaceOf(namespace).get(key)),
      list: (namespace, { prefix, after, limit }) => {
        const all = [...spaceOf(namespace).values()]
          .filter(({ key }) => key.startsWith(prefix) && (after === undefined || key > after))
          .toSorted((a, b) => (a.key < b.key ? -1 : 1));
        const items = all.slice(0, limit);
        return { items, next: all.length > limit ? items.at(-1)?.key : undefined };
      },
      write: async (namespace, ops) => {
        allowed();
        for (const { key, value } of ops) {
          const fault = keyFault(key);
          if (fault !== undefined) throw new CoterieError("BAD_KEY", fault);
          stamp += 1n;
          const record = value && { key, value, author: peerA, stamp };
          if (record === undefined) spaceOf(namespace).delete(key);
          else spaceOf(namespace).set(key, record);
          const event: ChangeEvent = {
            cursor: String(feed.length + 1),
            namespace,
            type: "register",
            key,
            holding: record && { type: "register", record },
            author: peerA,
            stamp,
          };
          feed.push(event);
          changes.emit("change", event);
        }
        return stamp;
      },
      watch: async function* (namespace, { prefix, cursor }, signal) {
        const wanted = (event: ChangeEvent) =>
          event.namespace === namespace && event.key.startsWith(prefix);
        const live = until<ChangeEvent>(changes, "change", signal);
        const first = live.next();
        if (cursor !== undefined) yield* feed.slice(Number(cursor)).filter(wanted);
        const { value, done } = await first;
        if (done !== true && wanted(value)) yield value;
        for await (const event of live) if (wanted(event)) yield event;
      },
    },
    backup: () => state.backup(),
    doc: memoryDocuments(),
    services: memoryServices(),
    files: refusedFiles(new CoterieError("NOT_FOUND", "no files are shared here")),
    events: {
      publish: async (topic, data) => {
        const text = Buffer.from(data);
        const message: EventMessage = {
          topic,
          author: peerB,
          sentAt: 1_700_000_000_000,
          data: text.toString(),
        };
        messages.emit(topic, message);
        return messages.listenerCount(topic);
      },
      subscribe: (topic, signal) => until<EventMessage>(messages, topic, signal),
    },
    logs: {
      read: async function* ({ level, tail, follow }, signal) {
        const most = levels.indexOf(level ?? "trace");
        const kept = state.logRecords.filter((record) => levels.indexOf(record.level) <= most);
        yield* kept.slice(-tail);
        if (follow) yield* until<LogRecord>(changes, "log", signal);
      },
      level: () => state.level,
      setLevel: (level) => {
        state.level = level;
      },
    },
  };
}
