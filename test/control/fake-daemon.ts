/** A daemon of maps and arrays behind the `Daemon` seam, for tests of the server and the client. */
import type { ChangeEvent, Daemon, KvRecord, WriteOp } from "../../src/control/daemon.ts";
import type { EventMessage, Member } from "../../src/control/schema.ts";
import { CoterieError } from "../../src/core/errors.ts";
import { systemClock } from "../../src/host/clock.ts";
import { createLog, type Logs } from "../../src/host/log.ts";
import { typesInMemory } from "../types-in-memory.ts";
import { refusedFiles } from "../../src/daemon/refused-files.ts";
import { memoryDocuments } from "../memory-documents.ts";
import { memoryServices } from "../memory-services.ts";

const author = "12D3KooWFakeAuthor";
const fakeMember: Member = {
  peerId: author,
  name: "fake",
  version: "0.1.0",
  status: "failed",
  lastHeardAt: null,
  connected: false,
  rttMs: null,
  self: false,
  fork: null,
  tags: {},
  capacity: null,
};

export const someFiles = {
  quotaBytes: 10 * 2 ** 30,
  diskBytes: 3 * 2 ** 20,
  liveBytes: 2 * 2 ** 20,
  cachedBytes: 0,
};

export type FakeDaemon = Daemon & {
  readonly logs: Logs;
  /** Namespaces by name, keys in bytewise order. */
  records(namespace: string): KvRecord[];
  /** Everything that was asked of it and is not a read. */
  readonly calls: string[];
  /** What the next writes do before they are applied. */
  beforeWrite: (ops: readonly WriteOp[], signal?: AbortSignal) => Promise<void>;
  /** Streams that are open at the moment. */
  openStreams: number;
};

export function createFakeDaemon(): FakeDaemon {
  const namespaces = new Map<string, Map<string, KvRecord>>();
  const changes: ChangeEvent[] = [];
  const waiting = new Set<() => void>();
  const subscribers = new Map<string, Set<(message: EventMessage) => void>>();
  const calls: string[] = [];
  let faults: { blockedPeers: string[] } = { blockedPeers: [] };
  let stamp = 1_700_000_000_000n << 16n;

  const sorted = (namespace: string): KvRecord[] =>
    [...(namespaces.get(namespace)?.values() ?? [])].toSorted((a, b) =>
      Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)),
    );

  const apply = (namespace: string, op: WriteOp): void => {
    const records = namespaces.get(namespace) ?? new Map<string, KvRecord>();
    namespaces.set(namespace, records);
    stamp += 1n;
    const record = op.value && { key: op.key, value: op.value, author, stamp };
    if (record === undefined) records.delete(op.key);
    else records.set(op.key, record);
    const cursor = String(changes.length + 1);
    const holding = record && ({ type: "register", record } as const);
    const head = { cursor, namespace, type: "register", key: op.key };
    changes.push({ ...head, holding, author, stamp });
    for (const wake of waiting) wake();
  };

  const daemon: FakeDaemon = {
    calls,
    openStreams: 0,
    beforeWrite: async () => undefined,
    records: sorted,
    status: () => ({
      version: "0.1.0",
      peerId: author,
      name: "fake",
      network: { id: "00", name: "net", epoch: 1 },
      uptimeMs: 1,
      dataDir: "/nowhere",
      faultsEnabled: false,
      addresses: [],
      connections: 0,
      dht: { mode: "server", routingTableSize: 0 },
      gossip: { topics: [] },
      members: { alive: 1, suspect: 0, failed: 0, left: 0 },
      state: {
        entries: 0,
        digest: "00",
        namespaces: [],
        quarantined: 0,
        forks: 0,
        writable: true,
      },
      sync: { lastEqualAt: null, sessions: 0, active: 0, bytesIn: 0, bytesOut: 0, missingTwice: 0 },
      clock: { offsetMs: null, leadMs: 0 },
      files: someFiles,
      bulk: { direct: 2, libp2p: 1 },
      services: { exposed: 0, forwards: 0, open: 0, gateway: null, faults: [] },
      counters: {},
      process: { pid: 1, rssBytes: 1, heapBytes: 1, cpuMs: 1, loopDelayMaxMs: 1 },
    }),
    identity: () => ({
      peerId: author,
      name: "fake",
      network: { id: "00", name: "net" },
      writer: "00",
      addresses: [],
    }),
    invite: () => ({ ticket: "t", network: { id: "00", name: "net", epoch: 1 }, addresses: [] }),
    peers: () => ({ peers: [] }),
    members: {
      list: () => ({ members: [] }),
      async *watch() {
        yield fakeMember;
      },
      forget(member) {
        calls.push(`forget ${member}`);
        return fakeMember;
      },
    },
    doctor: async () => ({ checks: [{ name: "x", verdict: "ok", detail: "y", remedy: null }] }),
    config: () => ({ items: [{ key: "a", value: 1, origin: "default" }] }),
    reloadConfig: async () => ({ changed: [], needRestart: [] }),
    shutdown: () => void calls.push("shutdown"),
    dial: async (addresses) => void calls.push(`dial ${addresses.join(" ")}`),
    setFaults: async (next) => void (faults = next),
    faults: () => faults,
    ...typesInMemory(),
    kv: {
      get: (namespace, key) => namespaces.get(namespace)?.get(key),
      list(namespace, { prefix, after, limit }) {
        const all = sorted(namespace).filter((record) => record.key.startsWith(prefix));
        const from = after === undefined ? 0 : all.findIndex((record) => record.key === after) + 1;
        const items = all.slice(from, from + limit);
        const more = from + limit < all.length;
        return { items, next: more ? items.at(-1)?.key : undefined };
      },
      async write(namespace, ops, signal, { atomic = false } = {}) {
        await daemon.beforeWrite(ops, signal);
        if (atomic) calls.push(`atomic write of ${ops.length}`);
        for (const op of ops) apply(namespace, op);
        return stamp;
      },
      async *watch(namespace, { prefix, cursor }, signal) {
        if (cursor !== undefined && !/^\d+$/.test(cursor)) {
          throw new CoterieError("BAD_CURSOR", "the cursor is of another store");
        }
        let at = cursor === undefined ? changes.length : Number(cursor);
        daemon.openStreams++;
        try {
          while (!signal.aborted) {
            const change = changes[at];
            if (change === undefined) await pushed(waiting, signal);
            else at++;
            if (change?.namespace === namespace && change.key.startsWith(prefix)) yield change;
          }
        } finally {
          daemon.openStreams--;
        }
      },
    },
    backup: async function* () {
      for (let piece = 0; piece < 3; piece++) yield Uint8Array.of(piece, 0xff, 0);
    },
    doc: memoryDocuments(),
    services: memoryServices(),
    files: refusedFiles(new CoterieError("NOT_FOUND", "no files are shared here")),
    events: {
      async publish(topic, data) {
        const message = {
          topic,
          author,
          sentAt: 1,
          dataBase64: Buffer.from(data).toString("base64"),
        };
        const receivers = subscribers.get(topic) ?? new Set();
        for (const receive of receivers) receive(message);
        return receivers.size;
      },
      async *subscribe(topic, signal) {
        const queue: EventMessage[] = [];
        const wakers = new Set<() => void>();
        const receive = (message: EventMessage): void => {
          queue.push(message);
          for (const wake of wakers) wake();
        };
        const receivers = subscribers.get(topic) ?? new Set();
        subscribers.set(topic, receivers.add(receive));
        daemon.openStreams++;
        try {
          while (!signal.aborted) {
            const message = queue.shift();
            if (message === undefined) await pushed(wakers, signal);
            else yield message;
          }
        } finally {
          receivers.delete(receive);
          daemon.openStreams--;
        }
      },
    },
    logs: createLog({ clock: systemClock, level: "info", format: "text", write: () => undefined }),
  };
  return daemon;
}

function pushed(wakers: Set<() => void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      wakers.delete(wake);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    wakers.add(wake);
    signal.addEventListener("abort", wake);
    if (signal.aborted) wake();
  });
}
