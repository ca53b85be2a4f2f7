/**
 * One run of a plan: nodes come up, write and suffer until all heals; then they must agree within a bounded time, and
 * what they agree on must be right (checks.ts). The same plan gives the same trace, event for event.
 */
import { toCoterieError } from "../../src/core/errors.ts";
import { limits } from "../../src/core/limits.ts";
import { stateDigest } from "../../src/state-digest.ts";
import { testWriter } from "../state/fixture.ts";
import { checkAll, type Checked } from "./checks.ts";
import { Hostile } from "./hostile.ts";
import { Model, type Told } from "./model.ts";
import type { Fault, Operation, Plan } from "./plan.ts";
import { Prng } from "./prng.ts";
import { injectedReadError } from "./sim-disk.ts";
import type { Internet } from "./sim-net.ts";
import { SimNode, type Process } from "./sim-node.ts";
import { Trace } from "./trace.ts";
import { VirtualTime } from "./virtual-clock.ts";
import { Watcher } from "./watcher.ts";
import { Wires } from "./wires.ts";
import { namespaceOf, requestsOf } from "./workload.ts";

export type Outcome = {
  readonly violations: readonly string[];
  /** SHA-256 of the event trace. */
  readonly hash: string;
  readonly events: number;
  readonly virtualMs: number;
  /** From the heal until all agreed; undefined when they never did. */
  readonly agreedMs: number | undefined;
  readonly acknowledged: number;
};

export type SimulationOptions = {
  readonly print?: ((line: string) => void) | undefined;
  readonly flushesEarly?: boolean;
};

/** Virtual time within which everybody agrees after everything healed. */
const agreeMsMax = 120_000;
const lookEveryMs = 250;
const restartMs = 1_500;

export async function simulate(plan: Plan, options: SimulationOptions = {}): Promise<Outcome> {
  return new Simulation(plan, options).run();
}

class Simulation {
  readonly #plan: Plan;
  readonly #time: VirtualTime;
  readonly #trace: Trace;
  readonly #internet: Internet;
  readonly #model = new Model();
  readonly #nodes: SimNode[];
  readonly #watchers: Watcher[];
  readonly #hostile: Hostile | undefined;
  /** The largest lead of any wall clock so far. */
  #leadMs = 0;
  #isHealed = false;
  /** Down for now, whatever wants to start them. */
  readonly #held = new Set<SimNode>();
  /** The last edit of a document that each process works on. */
  readonly #edits = new WeakMap<Process, Promise<void>>();
  /** Ends what a fault began. */
  readonly #ends = new Set<() => void>();

  constructor(plan: Plan, { print, flushesEarly = false }: SimulationOptions) {
    this.#plan = plan;
    const prng = new Prng(plan.seed);
    this.#time = new VirtualTime(prng.fork("ties"));
    this.#trace = new Trace(print);
    const wires = new Wires(this.#time, prng.fork("wires"), this.#trace, plan.delayMs);
    this.#internet = { wires, listening: new Map() };
    this.#nodes = Array.from({ length: plan.nodes }, (_, index) => {
      return new SimNode({
        index,
        identity: testWriter(`node ${index}`).identity,
        internet: this.#internet,
        prng: prng.fork(`node ${index}`),
        connectionsWanted: plan.connectionsWanted,
        disk: { flushesEarly },
        recorder: this.#model,
        version: plan.newer.includes(index) ? "9.0.0" : "0.1.0",
        banned: (peer) => this.#banned(index, peer),
      });
    });
    for (const node of this.#nodes) this.#killAtReadErrors(node);
    this.#watchers = this.#nodes.map(
      (node) => new Watcher(node, prng.fork(`watcher ${node.index}`)),
    );
    const peers = this.#nodes.map(({ peer }) => peer);
    for (const node of this.#nodes) node.peers = peers.filter((peer) => peer !== node.peer);
    const isAttacked = plan.faults.some(({ kind }) => kind === "attack");
    this.#hostile = isAttacked
      ? new Hostile(this.#internet, prng.fork("hostile"), peers)
      : undefined;
  }

  async run(): Promise<Outcome> {
    const { healMs, operations, faults } = this.#plan;
    const rejected = (reason: unknown): void => this.#threw(reason, "an unhandled rejection");
    this.#time.onThrow = (error) => this.#threw(error, "an uncaught exception");
    process.on("unhandledRejection", rejected);
    try {
      for (const node of this.#nodes) this.#time.at(node.index * 20, () => this.#start(node));
      for (const operation of operations)
        this.#time.at(operation.atMs, () => this.#tell(operation));
      for (const fault of faults) this.#time.at(fault.atMs, () => this.#begin(fault));
      this.#watchLimits();
      await this.#time.runUntil(healMs);
      this.#heal();
      const agreedMs = (await this.#agreeWithoutHeld()) ? await this.#agree() : undefined;
      if (agreedMs !== undefined) this.#check();
      await this.#stop();
      const { violations, acknowledged } = this.#model;
      return {
        violations,
        hash: this.#trace.finish(),
        events: this.#time.events,
        virtualMs: this.#time.nowMs,
        agreedMs,
        acknowledged: acknowledged.size,
      };
    } finally {
      process.off("unhandledRejection", rejected);
    }
  }

  /** A disk that cannot be read at start is tried again, as a supervisor would. */
  #start(node: SimNode): void {
    if (this.#held.has(node)) return;
    if (node.isStopping) {
      this.#time.after(restartMs, () => this.#start(node));
      return;
    }
    try {
      node.start();
    } catch (error) {
      this.#threw(error, "starting failed");
      this.#time.after(restartMs, () => this.#start(node));
    }
  }

  /** A disk that cannot be read ends the daemon; nothing else may. */
  #threw(error: unknown, what: string): void {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    if (!message.startsWith(injectedReadError)) {
      this.#model.violation(`${what}: ${stack ?? message}`);
    }
  }

  #killAtReadErrors(node: SimNode): void {
    node.disk.onReadError = () => {
      this.#time.after(0, () => node.crash("kill"));
      this.#time.after(restartMs, () => this.#start(node));
    };
  }

  #tell(operation: Operation): void {
    const node = this.#nodes[operation.node];
    const { process } = node ?? {};
    if (node === undefined || process === undefined || process.clock.isPaused) return;
    const told: Told = { operation, outcome: "unknown" };
    this.#model.told.push(told);
    node.note(`is told: ${operation.kind} ${operation.key} ${operation.value}`);
    if (operation.kind !== "edit") void this.#perform(node, process, told);
    else {
      // edits of documents follow one another, as in src/documents
      const before = this.#edits.get(process) ?? Promise.resolve();
      this.#edits.set(
        process,
        before.then(() => this.#perform(node, process, told)),
      );
    }
  }

  async #perform(node: SimNode, { driver, state }: Process, told: Told): Promise<void> {
    const { operation } = told;
    const namespace = namespaceOf(operation);
    let isStale = false;
    try {
      for (const { writes, options } of requestsOf(operation, state, () => (isStale = true))) {
        const stamp = await driver.write(namespace, writes, undefined, options);
        this.#model.acknowledge(node.index, namespace, stamp);
      }
      if (!isStale) told.outcome = "acknowledged";
      node.note(`acknowledged ${operation.value}`);
    } catch (error) {
      const { code, message } = toCoterieError(error);
      node.note(`refused ${operation.value}: ${code}`);
      if (code === "INTERNAL") this.#model.violation(`${operation.kind} failed: ${message}`);
    }
  }

  #begin(fault: Fault): void {
    const end = this.#inject(fault);
    if (end === undefined) return;
    this.#trace.note(this.#time.nowMs, `fault ${fault.kind}`);
    const once = (): void => {
      if (this.#ends.delete(once)) end();
    };
    this.#ends.add(once);
    this.#time.after(fault.forMs, once);
  }

  /** What ends it; undefined when it cannot be. */
  #inject(fault: Fault): (() => void) | undefined {
    switch (fault.kind) {
      case "cut":
        return this.#cut(fault);
      case "link":
        return this.#shape(fault);
      case "attack": {
        const target = this.#nodes[fault.target];
        return target && this.#hostile?.attack(fault.attack, target.peer);
      }
      default:
    }
    const node = this.#nodes[fault.node];
    return node && this.#harm(node, fault);
  }

  #cut({ pairs }: Extract<Fault, { kind: "cut" }>): () => void {
    const { wires } = this.#internet;
    const ways = pairs.flatMap(([from, to]) => this.#way(from, to) ?? []);
    for (const way of ways) wires.block(way);
    return () => {
      for (const way of ways) wires.unblock(way);
    };
  }

  #way(from: number, to: number): ReturnType<Wires["direction"]> | undefined {
    const [source, target] = [this.#nodes[from], this.#nodes[to]];
    if (source === undefined || target === undefined) return undefined;
    return this.#internet.wires.direction(source.peer, target.peer);
  }

  #shape(fault: Extract<Fault, { kind: "link" }>): () => void {
    const { delayMs, jitterMs, resets, drops, duplicates } = fault;
    const changed = fault.pairs.flatMap(([from, to]) => {
      const way = this.#way(from, to);
      return way === undefined ? [] : [{ way, before: { ...way } }];
    });
    for (const { way } of changed) {
      way.delayMs += delayMs;
      way.jitterMs += jitterMs;
      Object.assign(way, { resets, drops, duplicates });
    }
    return () => {
      for (const { way, before } of changed) Object.assign(way, { ...before, blocks: way.blocks });
    };
  }

  #harm(node: SimNode, fault: Extract<Fault, { readonly node: number }>): (() => void) | undefined {
    if (fault.kind === "clock") {
      this.#skew(node, fault.byMs);
      return () => this.#skew(node, -fault.byMs);
    }
    if (fault.kind === "disk") {
      const { full, writeErrors, flushErrors, readErrors } = fault;
      Object.assign(node.disk.faults, { full, writeErrors, flushErrors, readErrors });
      const none = { full: false, writeErrors: 0, flushErrors: 0, readErrors: 0 };
      return () => void Object.assign(node.disk.faults, none);
    }
    const { process } = node;
    if (process === undefined) return undefined;
    if (fault.kind === "pause") {
      process.clock.pause();
      return () => process.clock.resume();
    }
    if (process.clock.isPaused) return undefined;
    if (fault.kind === "crash") node.crash(fault.how);
    else void this.#leave(node);
    return () => this.#start(node);
  }

  /** The end of a fault that put a clock back can leave it ahead, by another fault that goes on. */
  #skew(node: SimNode, byMs: number): void {
    node.skewMs += byMs;
    if (!this.#isHealed) this.#leadMs = Math.max(this.#leadMs, node.skewMs);
  }

  async #leave(node: SimNode): Promise<void> {
    const { process } = node;
    await node.stop();
    if (process !== undefined) this.#checkTimers(node, process);
  }

  /** The farewell may have been cut short by what came after it. */
  #checkTimers(node: SimNode, { clock }: Process): void {
    this.#time.after(10_000, () => {
      if (clock.pending === 0) return;
      this.#model.violation(`${node.name} left ${clock.pending} timers behind`);
    });
  }

  /** Nobody who keeps the rules may be kept out. */
  #banned(by: number, peer: string): void {
    const node = this.#nodes.find((other) => other.peer === peer);
    if (node === undefined) return;
    this.#model.violation(`n${by} banned ${node.name}, which keeps the rules`);
  }

  #watchLimits(): void {
    this.#time.after(1_000, () => {
      for (const { name, process } of this.#nodes) {
        if (process === undefined) continue;
        const { active } = process.driver.syncStatus();
        if (active > limits.syncSessionsMax) this.#model.violation(`${name}: ${active} sessions`);
      }
      if (!this.#isHealed) this.#watchLimits();
    });
  }

  /** All faults end; wall clocks agree again, at a time that nothing written so far is ahead of. */
  #heal(): void {
    this.#isHealed = true;
    this.#trace.note(this.#time.nowMs, "heal");
    const down = this.#nodes.filter(({ process, isStopping }) => isStopping || !process);
    if (this.#plan.returnsLate === true && down.length < this.#nodes.length) {
      for (const node of down) this.#held.add(node);
    }
    for (const end of this.#ends) end();
    this.#hostile?.end();
    this.#internet.wires.heal();
    for (const node of this.#nodes) {
      node.skewMs = this.#leadMs;
      this.#start(node);
    }
  }

  /** Those that stay down for now are failed, or left, to all others. */
  async #agreeWithoutHeld(): Promise<boolean> {
    if (this.#held.size > 0 && (await this.#agree()) === undefined) return false;
    const back = [...this.#held];
    this.#held.clear();
    for (const node of back) this.#start(node);
    return true;
  }

  /** How long it took; undefined, and a violation, if it did not come about. */
  async #agree(): Promise<number | undefined> {
    const fromMs = this.#time.nowMs;
    let why = "";
    while (this.#time.nowMs - fromMs < agreeMsMax) {
      await this.#time.runUntil(this.#time.nowMs + lookEveryMs);
      why = this.#disagreement();
      if (why === "") return this.#time.nowMs - fromMs;
    }
    this.#model.violation(`no agreement ${agreeMsMax} ms after the heal: ${why}`);
    return undefined;
  }

  /** Empty when all are up that should be, have equal digests, and know who is alive and who is not. */
  #disagreement(): string {
    for (const node of this.#nodes) {
      const isUp = node.process !== undefined;
      if (isUp === this.#held.has(node)) return `${node.name} is ${isUp ? "up" : "down"}`;
    }
    const up = this.#nodes.flatMap(({ name, process }) => (process ? [{ name, process }] : []));
    const digests = up.map(({ process }) => stateDigest(process.state).digest.slice(0, 8));
    if (new Set(digests).size > 1) return `digests ${digests.join(" ")}`;
    for (const { name, process } of up) {
      const members = process.roster.list(process.clock.wallMs());
      for (const node of this.#nodes) {
        const status = members.find(({ peer }) => peer === node.peer)?.status ?? "unknown";
        const isRight = this.#held.has(node)
          ? ["failed", "left", "unknown"].includes(status)
          : status === "alive";
        if (!isRight) return `${name} says ${node.name} is ${status}`;
      }
    }
    return "";
  }

  #check(): void {
    const checked: Checked[] = this.#nodes.flatMap((node, index) => {
      const { process } = node;
      return process === undefined ? [] : [{ node, process, watcher: this.#watchers[index]! }];
    });
    const trusted = !this.#plan.faults.some(
      (fault) => fault.kind === "attack" && fault.attack === "contexts",
    );
    checkAll(checked, this.#model, trusted);
    for (const { node } of checked) {
      for (const [key, value] of node.disk.rows()) {
        this.#trace.note(0, `${node.name} ${key.length} ${value.length}`);
      }
    }
  }

  async #stop(): Promise<void> {
    for (const node of this.#nodes) this.#time.after(0, () => void this.#leave(node));
    await this.#time.runUntil(this.#time.nowMs + 15_000);
  }
}
