/**
 * One machine of the simulated network: its disk, its wall clock, and the process on it, which comes and goes. The
 * process is put together as src/node.ts does it, from the same rooms; only what is below the ports is simulated.
 */
import type { Identity } from "../../src/core/identity.ts";
import type { Log, Metrics, PeerName, Store } from "../../src/core/ports.ts";
import { Driver } from "../../src/driver/driver.ts";
import { createMetrics } from "../../src/host/metrics.ts";
import { Membership } from "../../src/own-membership.ts";
import { Roster } from "../../src/protocol/membership/roster.ts";
import { network } from "../state/fixture.ts";
import type { Prng } from "./prng.ts";
import { RecordedState, type Recorder } from "./recorded-state.ts";
import { SimDisk, type SimStoreOptions } from "./sim-disk.ts";
import { SimNet, type Internet } from "./sim-net.ts";
import { ProcessClock } from "./virtual-clock.ts";

/** Wall clock at the beginning of a run. */
export const epochMs = 1_800_000_000_000;
const coalesceMs = 4;
const syncIntervalMs = 15_000;

export type Process = {
  readonly clock: ProcessClock;
  readonly metrics: Metrics;
  readonly store: Store;
  readonly net: SimNet;
  readonly state: RecordedState;
  readonly roster: Roster;
  readonly driver: Driver;
  readonly membership: Membership;
};

export type SimNodeParts = {
  readonly index: number;
  readonly identity: Identity;
  readonly internet: Internet;
  readonly prng: Prng;
  readonly connectionsWanted: number;
  readonly disk: SimStoreOptions;
  readonly recorder: Recorder;
  /** Version that its card names. */
  readonly version: string;
  readonly banned: (peer: PeerName) => void;
};

export class SimNode {
  readonly index: number;
  readonly name: string;
  readonly identity: Identity;
  readonly disk: SimDisk;
  /** What the wall clock is off by. */
  skewMs = 0;
  /** Undefined while it is down. */
  process: Process | undefined;
  /** On its way down, in good order. */
  isStopping = false;
  /** Called with each new process. */
  onStart: (process: Process) => void = () => {};
  /** Peers that it may find. */
  peers: readonly PeerName[] = [];
  readonly #parts: SimNodeParts;
  #starts = 0;
  /** Lets others hear that the machine was dead. */
  #hangUp: (() => void) | undefined;

  constructor(parts: SimNodeParts) {
    this.#parts = parts;
    this.index = parts.index;
    this.name = `n${parts.index}`;
    this.identity = parts.identity;
    this.disk = new SimDisk(this.name, parts.prng.fork("disk"), parts.disk);
  }

  get peer(): PeerName {
    return this.identity.peer;
  }

  note(what: string): void {
    const { trace, time } = this.#parts.internet.wires;
    trace.note(time.nowMs, `${this.name} ${what}`);
  }

  wallMs(): number {
    return epochMs + Math.floor(this.#parts.internet.wires.time.nowMs) + this.skewMs;
  }

  /** Throws what the store throws. */
  start(): void {
    if (this.process !== undefined) return;
    this.#hangUp?.();
    this.#hangUp = undefined;
    const { internet, identity, prng, connectionsWanted, recorder, version } = this.#parts;
    const random = prng.fork(`process ${this.#starts++}`);
    const clock = new ProcessClock(internet.wires.time, () => this.wallMs());
    const metrics = createMetrics();
    const store = this.disk.open(clock);
    const options = { store, identity, network, random, origin: "here" };
    const state = new RecordedState(options, this.index, recorder);
    const { banned } = this.#parts;
    const net = new SimNet({
      internet,
      self: this.peer,
      name: this.name,
      clock,
      connectionsWanted,
      banned,
      prng: random.fork("net"),
    });
    const roster = new Roster(this.peer);
    const log = this.#log();
    const parts = { clock, random, log, metrics, store, net, state, roster, identity, network };
    const driver = new Driver({
      ...parts,
      pubsub: net.gossip,
      coalesceMs,
      syncIntervalMs: () => syncIntervalMs,
    });
    this.note("starts");
    const self = this.peer;
    const membership = new Membership({ driver, state, roster, self, version, clock, log });
    this.process = { clock, metrics, store, net, state, roster, driver, membership };
    driver.start();
    void membership.start(this.name, {});
    net.start(this.peers);
    this.onStart(this.process);
  }

  /** A kill -9 of the process, or a power cut of the machine. */
  crash(how: "kill" | "power cut"): void {
    if (this.process === undefined) return;
    const { net, clock } = this.process;
    this.process = undefined;
    this.isStopping = false;
    clock.end();
    if (how === "kill") {
      net.stop();
      this.disk.kill();
      this.note("was killed");
    } else {
      this.#hangUp = net.lose();
      const lost = this.disk.powerCut(clock.monotonicMs());
      this.note(`lost its power, and ${lost} commits`);
    }
  }

  /** Leaves and stops as src/node.ts does. */
  async stop(): Promise<void> {
    const { process } = this;
    if (process === undefined) return;
    const { membership, driver, net, store } = process;
    this.isStopping = true;
    await membership.leave();
    driver.stop();
    net.stop();
    await store.close();
    if (this.process === process) {
      this.process = undefined;
      this.isStopping = false;
    }
    this.note("stopped");
  }

  #log(): Log {
    const line = (level: string, message: string, fields: object = {}): void => {
      this.note(`${level}: ${message} ${JSON.stringify(fields)}`);
    };
    const log: Log = {
      error: (message, fields) => line("error", message, fields),
      warn: (message, fields) => line("warn", message, fields),
      info: (message, fields) => line("info", message, fields),
      debug: (message, fields) => line("debug", message, fields),
      trace: () => {},
      child: () => log,
    };
    return log;
  }
}
