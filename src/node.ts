/**
 * Composition root: builds the rooms of one daemon, starts them in order and stops them in reverse. Everything that can
 * fail at start fails before the node is visible to anyone.
 */
import { createDaemon } from "./daemon/daemon.ts";
import { startControl, type Control } from "./control/server.ts";
import type { ConfigReload } from "./control/schema.ts";
import { diffConfig, type ConfigFlags, type LoadedConfig } from "./config.ts";
import { toHex } from "./core/codec.ts";
import { exitCodes, toCoterieError } from "./core/errors.ts";
import { limits } from "./core/limits.ts";
import type { Log, Store } from "./core/ports.ts";
import { docThread, Documents } from "./documents/documents.ts";
import { Driver } from "./driver/driver.ts";
import { systemClock } from "./host/clock.ts";
import { prepareControlSocket, prepareDataDir, removeControlSocket } from "./host/data-dir.ts";
import { removeTemporaries } from "./host/files.ts";
import { watchLifeline } from "./host/lifeline.ts";
import { openLmdbStore } from "./host/lmdb-store.ts";
import { acquireLock, type DataDirLock } from "./host/lock.ts";
import { createLog, type Logs } from "./host/log.ts";
import { createMetrics } from "./host/metrics.ts";
import { startNet, type RunningNet } from "./host/net/libp2p-net.ts";
import { monitorProcess } from "./host/process-stats.ts";
import { systemRandom } from "./host/random.ts";
import { watchSignals } from "./host/shutdown.ts";
import { storeOrigin } from "./host/store-origin.ts";
import { trimHeap } from "./host/trim-heap.ts";
import { version } from "./host/version.ts";
import { ensureNode, joinNode, readConfig, type LoadedNode } from "./offline.ts";
import { Membership } from "./own-membership.ts";
import { openFiles } from "./own-files.ts";
import { Roster } from "./protocol/membership/roster.ts";
import { State } from "./protocol/state/state.ts";
import { localFile, membersPort, noticesPort, tunnelsOver } from "./service-ports.ts";
import { Services } from "./share/services/services.ts";

/** Once what starts a node has settled. */
const trimAfterMs = 2_000;

export type DaemonOptions = {
  readonly dataDir: string;
  /** Settings from the command line, by their keys. */
  readonly flags: ConfigFlags;
  readonly enableFaults: boolean;
  /** Leave when standard input ends before it said `release`. */
  readonly lifeline?: boolean;
  readonly joinTicket?: string;
  onReady(info: ReadyInfo): void;
};

export type ReadyInfo = {
  readonly peerId: string;
  readonly name: string;
  readonly network: { readonly id: string; readonly name: string };
  readonly addresses: readonly string[];
  readonly socketPath: string;
  readonly dataDir: string;
  /** True when this start made the identity and the network. */
  readonly created: boolean;
  readonly pid: number;
};

/** Runs until told to stop; resolves with the exit code. Throws a coded error when it cannot start. */
export async function runDaemon(options: DaemonOptions): Promise<number> {
  const { dataDir } = options;
  if (options.joinTicket !== undefined) {
    await joinNode({ dataDir, ticket: options.joinTicket });
  }
  const { node, created } = await ensureNode({ dataDir });
  prepareDataDir(dataDir);
  const lock = await acquireLock(dataDir);
  await removeTemporaries(dataDir);
  const running = new RunningNode(options, node, lock);
  try {
    await running.start();
  } catch (error) {
    await running.stop();
    throw error;
  }
  options.onReady(running.readyInfo(created));
  return running.untilStopped();
}

class RunningNode {
  readonly #options: DaemonOptions;
  readonly #node: LoadedNode;
  /** What has been started, in order; stopped in reverse. */
  readonly #started: { readonly name: string; stop(): void | Promise<void> }[] = [];
  #settings: LoadedConfig | undefined;
  #logs: Logs | undefined;
  #net: RunningNet | undefined;
  #membership: Membership | undefined;
  #socketPath = "";
  readonly #signals = watchSignals({
    force: (signal) => this.#force(signal),
    reload: () => void this.#reloadBySignal(),
  });

  constructor(options: DaemonOptions, node: LoadedNode, lock: DataDirLock) {
    this.#options = options;
    this.#node = node;
    this.#started.push({ name: "lock", stop: () => lock.release() });
  }

  get #config(): LoadedConfig {
    if (this.#settings === undefined) throw new Error("the configuration is not loaded yet");
    return this.#settings;
  }

  get #log(): Log {
    if (this.#logs === undefined) throw new Error("the log is not open yet");
    return this.#logs.log;
  }

  async start(): Promise<void> {
    if (this.#options.lifeline === true) watchLifeline(() => this.#signals.ask("its starter died"));
    this.#settings = await readConfig(this.#options.dataDir, this.#options.flags);
    this.#logs = openLogs(this.#settings);
    for (const warning of this.#settings.warnings) this.#log.warn(warning);
    const process = monitorProcess();
    this.#started.push({ name: "process monitor", stop: () => process.stop() });
    const metrics = createMetrics();
    const store = this.#openStore();
    const { identity, network, bootstrap, paths } = this.#node;
    const state = new State({
      store,
      identity,
      network: network.id,
      random: systemRandom,
      origin: JSON.stringify(storeOrigin(this.#options.dataDir)),
    });
    if (state.migratedFrom !== undefined) {
      this.#log.info("the store was brought to this version's schema", {
        from: state.migratedFrom,
      });
    }
    const { config } = this.#settings;
    const net = await startNet({
      identity,
      network,
      ...config.network,
      bootstrap,
      addressBookFile: paths.addresses,
      faults: this.#options.enableFaults,
      clock: systemClock,
      random: systemRandom,
      log: this.#log.child("net"),
      metrics,
    });
    this.#net = net;
    this.#started.push({ name: "network", stop: () => net.stop() });
    const roster = new Roster(identity.peer);
    const driver = new Driver({
      clock: systemClock,
      random: systemRandom,
      log: this.#log.child("driver"),
      metrics,
      store,
      net,
      pubsub: net.pubsub,
      state,
      roster,
      identity,
      network: network.id,
      coalesceMs: config.gossip.coalesceMs,
      syncIntervalMs: () => this.#config.config.sync.intervalMs,
    });
    driver.start();
    this.#started.push({ name: "driver", stop: () => driver.stop() });
    const membership = new Membership({
      driver,
      state,
      roster,
      self: identity.peer,
      version,
      clock: systemClock,
      log: this.#log,
    });
    await membership.start(config.node.name, config.tags);
    this.#membership = membership;
    this.#started.push({
      name: "membership",
      stop: () => membership.leave(),
    });
    const documents = new Documents({
      state,
      driver,
      thread: docThread(),
      clock: systemClock,
      metrics,
      log: this.#log.child("documents"),
    });
    this.#started.push({ name: "documents", stop: () => documents.stop() });
    const services = new Services(
      {
        clock: systemClock,
        random: systemRandom,
        log: this.#log.child("services"),
        metrics,
        transport: tunnelsOver(net.bulk),
        members: membersPort({ roster, net, clock: systemClock }),
        notices: noticesPort({ state, driver, self: identity.peer }),
        file: localFile(paths.services),
      },
      {
        listen: config.services.gateway,
        answerMs: () => this.#config.config.services.answerMs,
      },
    );
    await services.start();
    this.#started.push({ name: "services", stop: () => services.stop() });
    const files = await openFiles({
      store,
      folder: paths.blocks,
      state,
      driver,
      roster,
      self: identity.peer,
      clock: systemClock,
      random: systemRandom,
      log: this.#log.child("files"),
      metrics,
      net,
      settings: () => this.#config.config.files,
      announce: (capacity) => membership.announce({ capacity }),
    });
    this.#started.push({ name: "files", stop: () => files.stop() });
    const control = await this.#startControl(
      createDaemon({
        clock: systemClock,
        metrics,
        logs: this.#logs,
        net,
        driver,
        state,
        roster,
        network,
        documents,
        services,
        files: files.calls,
        process,
        config: () => this.#config.config,
        configView: () => ({ items: [...this.#config.items] }),
        reloadConfig: () => this.#reload(),
        shutdown: () => this.#signals.ask("coterie down"),
        dataDir: this.#options.dataDir,
        faultsEnabled: this.#options.enableFaults,
        bootstrap,
      }),
      metrics,
    );
    this.#started.push({ name: "control", stop: () => control.stop() });
    this.#log.info("ready", {
      version,
      peer: identity.peer,
      network: network.name,
      addresses: net.addresses().join(" "),
    });
  }

  readyInfo(created: boolean): ReadyInfo {
    const { identity, network } = this.#node;
    return {
      peerId: identity.peer,
      name: this.#config.config.node.name,
      network: { id: toHex(network.id), name: network.name },
      addresses: this.#net?.addresses() ?? [],
      socketPath: this.#socketPath,
      dataDir: this.#options.dataDir,
      created,
      pid: process.pid,
    };
  }

  async untilStopped(): Promise<number> {
    const cancelTrim = systemClock.after(trimAfterMs, trimHeap);
    const why = await this.#signals.asked;
    cancelTrim();
    this.#log.info("leaving", { why });
    const timer = systemClock.after(limits.shutdownMs, () => this.#force("the deadline"));
    await this.stop();
    timer();
    return exitCodes.ok;
  }

  /** Stops what was started, last first; a room that fails to stop does not keep the others up. */
  async stop(): Promise<void> {
    for (const room of this.#started.splice(0).toReversed()) {
      try {
        await room.stop();
      } catch (error) {
        this.#logs?.log.warn("a room did not stop cleanly", {
          room: room.name,
          reason: toCoterieError(error).message,
        });
      }
    }
    this.#signals.stop();
  }

  #openStore(): Store {
    const store = openLmdbStore(this.#node.paths.store);
    this.#started.push({ name: "store", stop: () => store.close() });
    return store;
  }

  async #startControl(
    daemon: ReturnType<typeof createDaemon>,
    metrics: ReturnType<typeof createMetrics>,
  ): Promise<Control> {
    const { dataDir } = this.#options;
    this.#socketPath = prepareControlSocket(dataDir);
    this.#started.push({ name: "socket", stop: () => removeControlSocket(dataDir) });
    return startControl({
      daemon,
      socketPath: this.#socketPath,
      log: this.#log.child("control"),
      metrics,
      clock: systemClock,
      version,
    });
  }

  async #reload(): Promise<ConfigReload> {
    const next = await readConfig(this.#options.dataDir, this.#options.flags);
    const diff = diffConfig(this.#config, next);
    this.#settings = next;
    if (diff.changed.some(({ key }) => key === "log.level")) {
      this.#logs?.setLevel(next.config.log.level);
    }
    if (diff.changed.some(({ key }) => key === "tags")) {
      await this.#membership?.setTags(next.config.tags);
    }
    for (const { key, from, to } of diff.changed) {
      this.#log.info("setting changed", {
        key,
        from: JSON.stringify(from),
        to: JSON.stringify(to),
      });
    }
    return diff;
  }

  async #reloadBySignal(): Promise<void> {
    try {
      const { changed, needRestart } = await this.#reload();
      this.#log.info("configuration reloaded", {
        changed: changed.length,
        needRestart: needRestart.join(" "),
      });
    } catch (error) {
      const { code, message } = toCoterieError(error);
      this.#logs?.log.error("the configuration was not reloaded", { code, reason: message });
    }
  }

  /** The data directory is safe at any moment: what was acknowledged is on disk. */
  #force(why: string): void {
    this.#logs?.log.error("forced to stop", { why });
    process.exit(exitCodes.error);
  }
}

function openLogs({ config }: LoadedConfig): Logs {
  const { level, format } = config.log;
  const shape = format === "auto" ? (process.stderr.isTTY ? "text" : "json") : format;
  const logs = createLog({
    clock: systemClock,
    level,
    format: shape,
    write: (line) => void process.stderr.write(`${line}\n`),
  });
  process.stderr.on("error", () => undefined); // whoever read our log has gone; the ring keeps it
  process.on("unhandledRejection", (reason) => {
    const { message, stack } = reason instanceof Error ? reason : new Error(String(reason));
    logs.log.error("unhandled rejection", { reason: message, stack });
  });
  process.on("uncaughtException", ({ message, stack }) => {
    logs.log.error("uncaught exception, this is a bug", { reason: message, stack });
    process.exit(exitCodes.error);
  });
  return logs;
}
