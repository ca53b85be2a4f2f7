/**
 * A peer of the benchmarks: store, state, network and driver as in a daemon, without its control socket, in a process of its
 * own that is told what to do over IPC. Times are of `Date`'s clock with a fraction, which processes of one machine share.
 */
import { join } from "node:path";
import { encodeUtf8, fromHex, toHex } from "../../src/core/codec.ts";
import { identityFromSeed, sha256 } from "../../src/core/identity.ts";
import type { Log, NetworkKeys } from "../../src/core/ports.ts";
import { Driver } from "../../src/driver/driver.ts";
import { systemClock } from "../../src/host/clock.ts";
import { openLmdbStore } from "../../src/host/lmdb-store.ts";
import { createMetrics } from "../../src/host/metrics.ts";
import { startNet, type RunningNet } from "../../src/host/net/libp2p-net.ts";
import { systemRandom } from "../../src/host/random.ts";
import type { Entry } from "../../src/protocol/state/entry.ts";
import { registerEntry } from "../../src/protocol/state/register.ts";
import { State } from "../../src/protocol/state/state.ts";
import { Roster } from "../../src/protocol/membership/roster.ts";
import { limits } from "../../src/core/limits.ts";
import type { PeerCommands, PeerSettings } from "./peers.ts";

const namespace = "default";

const silent: Log = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  trace: () => undefined,
  child: () => silent,
};

function now(): number {
  return performance.timeOrigin + performance.now();
}

/** Keys of 16 bytes and values of 64 that no one can guess or compress. */
function entryOf(prefix: string, number: number): Entry {
  const key = `${prefix}${String(number).padStart(16 - prefix.length, "0")}`;
  const half = sha256(encodeUtf8(key));
  const bytes = new Uint8Array(64);
  bytes.set(half);
  bytes.set(sha256(half), 32);
  return registerEntry(key, { kind: "bytes", bytes });
}

function entriesOf(prefix: string, from: number, count: number): Entry[] {
  return Array.from({ length: count }, (_, index) => entryOf(prefix, from + index));
}

class Peer {
  readonly #settings: PeerSettings;
  readonly #state: State;
  readonly #store: ReturnType<typeof openLmdbStore>;
  #net: RunningNet | undefined;
  #driver: Driver | undefined;

  constructor(settings: PeerSettings) {
    this.#settings = settings;
    this.#store = openLmdbStore(join(settings.folder, "store"));
    this.#state = new State({
      store: this.#store,
      identity: identityFromSeed(sha256(encodeUtf8(settings.name))),
      network: this.#keys.id,
      random: systemRandom,
      origin: settings.folder,
    });
  }

  get #keys(): NetworkKeys {
    const secret = fromHex(this.#settings.secret);
    return { id: sha256(secret), name: "bench", secret, epoch: 1 };
  }

  async start(): Promise<string> {
    const identity = identityFromSeed(sha256(encodeUtf8(this.#settings.name)));
    const metrics = createMetrics();
    const net = await startNet({
      identity,
      network: this.#keys,
      listen: ["/ip4/127.0.0.1/tcp/0"],
      meetingPort: false,
      bootstrap: [],
      mdns: false,
      connectionsWanted: this.#settings.connectionsWanted,
      connectionsMax: 100,
      addressBookFile: join(this.#settings.folder, "addresses.json"),
      faults: true,
      clock: systemClock,
      random: systemRandom,
      log: silent,
      metrics,
    });
    this.#net = net;
    this.#driver = new Driver({
      clock: systemClock,
      random: systemRandom,
      log: silent,
      metrics,
      store: this.#store,
      net,
      pubsub: net.pubsub,
      state: this.#state,
      roster: new Roster(identity.peer),
      identity,
      network: this.#keys.id,
      coalesceMs: limits.coalesceMs,
      syncIntervalMs: () => limits.syncIntervalMs,
    });
    this.#driver.start();
    return net.addresses()[0]!;
  }

  /** Resolves with the time at which dialling began, once the connection is up. */
  async connect(address: string): Promise<number> {
    const startedAt = now();
    await this.#net!.dial([address], new AbortController().signal);
    return startedAt;
  }

  /** Cuts off exactly these peers, named by their addresses; nobody heals. */
  async cut(addresses: readonly string[]): Promise<void> {
    await this.#net!.setBlocked(addresses.map((address) => address.split("/p2p/")[1]!));
  }

  connections(): number {
    return this.#net!.connected().length;
  }

  topicPeers(): number {
    const topics = this.#net!.pubsub.topics();
    return Math.min(...topics.map(({ meshPeers }) => meshPeers));
  }

  /** Writes through the driver, `batch` entries a request; resolves with the beginning and the end of it. */
  async write(prefix: string, count: number, batch: number): Promise<[number, number]> {
    const entries = entriesOf(prefix, 0, count);
    const startedAt = now();
    const waiting: Promise<unknown>[] = [];
    for (let at = 0; at < count; at += batch) {
      waiting.push(this.#driver!.write(namespace, entries.slice(at, at + batch)));
    }
    await Promise.all(waiting);
    return [startedAt, now()];
  }

  /** Puts entries into the state directly, before there is a network to tell. */
  async fill(prefix: string, count: number, batch: number): Promise<number> {
    const startedAt = now();
    for (let at = 0; at < count; at += 16 * batch) {
      const batches = [];
      for (let from = at; from < Math.min(count, at + 16 * batch); from += batch) {
        const entries = entriesOf(prefix, from, Math.min(batch, count - from));
        batches.push({ namespace, entries });
      }
      this.#state.write(batches, systemClock.wallMs());
    }
    await this.#store.flushed();
    return now() - startedAt;
  }

  /** Overwrites every `step`th key from `from` on. */
  async overwrite(prefix: string, from: number, count: number, step: number): Promise<void> {
    for (let index = 0; index < count; index++) {
      const { key } = entryOf(prefix, from + index * step);
      const bytes = encodeUtf8(`again ${index}`);
      const entries = [registerEntry(key, { kind: "bytes", bytes })];
      this.#state.write([{ namespace, entries }], systemClock.wallMs());
    }
    await this.#store.flushed();
  }

  /** Resolves with the time at which this many entries are here and on disk, and the sum of their hashes is that, unless it is empty. */
  reached(count: number, sum: string): Promise<number> {
    return new Promise((resolve) => {
      let stop = (): void => undefined;
      const check = (): void => {
        const summary = this.#state.summary(namespace);
        if (summary.count < count) return;
        if (sum !== "" && toHex(summary.bytes()) !== sum) return;
        const at = now();
        stop();
        resolve(at);
      };
      stop = this.#driver!.onChange(check);
      check();
    });
  }

  /** Resolves once a key is here. */
  hasKey(key: string): Promise<number> {
    return new Promise((resolve) => {
      let stop = (): void => undefined;
      const check = (): void => {
        const subject = { namespace, class: 1, type: "register", key } as const;
        if ([...this.#state.live(subject)].length === 0) return;
        stop();
        resolve(now());
      };
      stop = this.#driver!.onChange(check);
      check();
    });
  }

  async put(key: string): Promise<number> {
    const startedAt = now();
    const entry = registerEntry(key, { kind: "bytes", bytes: new Uint8Array(64) });
    await this.#driver!.write(namespace, [entry]);
    return startedAt;
  }

  digest(): { count: number; sum: string } {
    const summary = this.#state.summary(namespace);
    return { count: summary.count, sum: toHex(summary.bytes()) };
  }

  usage(): { cpuMs: number; rssBytes: number; storeBytes: number; syncBytes: number } {
    const { user, system } = process.cpuUsage();
    const sync = this.#driver?.syncStatus();
    return {
      cpuMs: (user + system) / 1000,
      rssBytes: process.memoryUsage.rss(),
      storeBytes: this.#store.sizeBytes(),
      syncBytes: sync === undefined ? 0 : sync.bytesIn + sync.bytesOut,
    };
  }

  async stop(): Promise<void> {
    this.#driver?.stop();
    await this.#net?.stop();
    await this.#store.close();
  }
}

const openedAt = now();
const peer = new Peer(JSON.parse(process.argv[2] ?? "{}") as PeerSettings);
const openMs = now() - openedAt;
const commands: PeerCommands = {
  openMs: async () => openMs,
  start: () => peer.start(),
  connect: (address) => peer.connect(address),
  cut: (addresses) => peer.cut(addresses),
  connections: async () => peer.connections(),
  topicPeers: async () => peer.topicPeers(),
  write: (...given) => peer.write(...given),
  fill: (...given) => peer.fill(...given),
  overwrite: (...given) => peer.overwrite(...given),
  reached: (...given) => peer.reached(...given),
  hasKey: (key) => peer.hasKey(key),
  put: (key) => peer.put(key),
  digest: async () => peer.digest(),
  usage: async () => peer.usage(),
  stop: () => peer.stop(),
};

type Call = { readonly id: number; readonly name: keyof PeerCommands; readonly given: never[] };

process.on("message", ({ id, name, given }: Call) => {
  const answer = (message: object): void => void process.send?.({ id, ...message });
  const command: (...words: never[]) => Promise<unknown> = commands[name];
  command(...given).then(
    (result) => answer({ result }),
    (error: unknown) => answer({ error: String(error) }),
  );
});
process.on("disconnect", () => process.exit(0));
process.send?.({ id: 0 });
