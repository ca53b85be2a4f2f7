/** What the simulated gossip and membership are held against: the same measures on real daemons of this machine. */
import { readFileSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import type { Status } from "../../src/control/schema.ts";
import { connect, type LiveNode } from "../../testnet/nodes.ts";
import { readRecord } from "../../testnet/record.ts";
import { Witnesses } from "../detect/witnesses.ts";
import { Cluster } from "../show/cluster.ts";
import { percentile, rounded } from "../show/measure.ts";

export type Spread = { readonly p50: number; readonly p99: number; readonly max: number };

export type Measured = {
  readonly nodes: number;
  readonly cores: number;
  /** Runnable processes of the whole machine before (one minute's mean): others' work makes all times longer. */
  readonly loadBefore: number;
  readonly connections: number;
  readonly meshPeers: number;
  readonly idleBytesPerNodeAndSecond: number | null;
  readonly idleCpuMsPerNodeAndSecond: number;
  readonly writes: number;
  readonly writesPerSecond: number;
  /** From the request of a put to its appearance in the watch of another node, over all pairs; and of the last node. */
  readonly visibleMs: Spread;
  readonly lastVisibleMs: Spread;
  /** Until the writer's client was answered. */
  readonly acknowledgedMs: Spread;
  /** Of a message, by a node that did not publish it. */
  readonly copies: number;
  readonly cpuMsPerWriteAndNode: number;
  /** The measuring process's own, which shares the cores. */
  readonly observerCpuMsPerWriteAndNode: number;
  readonly busyBytesPerNodeAndSecond: number | null;
  readonly kills: number;
  /** From kill -9 to `failed`, over all pairs of victim and survivor; and of the last survivor. */
  readonly failedMs: Spread;
  readonly lastFailedMs: Spread;
  readonly falseFailed: number;
};

export type CalibrationOptions = {
  readonly nodes: number;
  readonly writes: number;
  readonly writesPerSecond: number;
  readonly kills: number;
  readonly idleMs: number;
  /** The loopback interface is this run's alone. */
  readonly ownLoopback: boolean;
};

const namespace = "default";
const prefix = "scale/";
const patienceMs = 90_000;

function spread(sample: readonly number[]): Spread {
  const [p50, p99] = [percentile(sample, 50), percentile(sample, 99)];
  return { p50: rounded(p50), p99: rounded(p99), max: rounded(Math.max(...sample)) };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Bytes that the loopback interface carried so far, all headers included; undefined where the system does not say. */
function loopbackBytes(): number | undefined {
  try {
    const line = /^\s*lo:\s*(\d+)/m.exec(readFileSync("/proc/net/dev", "utf8"));
    return line?.[1] === undefined ? undefined : Number(line[1]);
  } catch {
    return undefined; // not Linux
  }
}

type Totals = { readonly atMs: number; readonly bytes: number | undefined; readonly ownMs: number };

function totals(): Totals {
  const { user, system } = process.cpuUsage();
  return { atMs: performance.now(), bytes: loopbackBytes(), ownMs: (user + system) / 1_000 };
}

function bytesRate(from: Totals, to: Totals, options: CalibrationOptions): number | null {
  if (!options.ownLoopback || from.bytes === undefined || to.bytes === undefined) return null;
  return Math.round((to.bytes - from.bytes) / ((to.atMs - from.atMs) / 1_000) / options.nodes);
}

function statuses(nodes: readonly LiveNode[]): Promise<Status[]> {
  return Promise.all(nodes.map(({ client }) => client.status()));
}

function cpuMs(all: readonly Status[]): number {
  return all.reduce((sum, { process: { cpuMs: ms } }) => sum + ms, 0);
}

function counted(all: readonly Status[], name: string): number {
  return all.reduce((sum, { counters }) => sum + (counters[name] ?? 0), 0);
}

/** The times at which keys appear in the watches of some nodes. */
class Appearances {
  readonly #seen = new Map<string, number[]>();
  readonly #wanted: number;
  readonly #end = new AbortController();
  #wake = Promise.withResolvers<void>();

  constructor(nodes: readonly LiveNode[]) {
    this.#wanted = nodes.length;
    for (const node of nodes) void this.#watch(node);
  }

  /** When each of them had the key. */
  async of(key: string): Promise<readonly number[]> {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const times = this.#seen.get(key) ?? [];
      if (times.length >= this.#wanted) return times;
      if (performance.now() > deadline) throw new Error(`${key} did not reach all`);
      await Promise.race([this.#wake.promise, sleep(1_000)]);
    }
  }

  close(): void {
    this.#end.abort();
  }

  async #watch({ node, client }: LiveNode): Promise<void> {
    const { signal } = this.#end;
    try {
      for await (const { key } of client.kvWatch(namespace, { prefix, cursor: "0" }, { signal })) {
        const times = this.#seen.get(key) ?? [];
        times.push(performance.now());
        this.#seen.set(key, times);
        this.#wake.resolve();
        this.#wake = Promise.withResolvers();
      }
    } catch (error) {
      if (!signal.aborted) process.stderr.write(`${node.name}: ${String(error)}\n`);
    }
  }
}

async function put({ client }: LiveNode, key: string): Promise<number> {
  const startedAt = performance.now();
  await client.kvPut(namespace, key, { kind: "text", bytes: Buffer.from(`value of ${key}`) });
  return performance.now() - startedAt;
}

async function measureIdle(
  nodes: readonly LiveNode[],
  options: CalibrationOptions,
): Promise<Pick<Measured, "idleBytesPerNodeAndSecond" | "idleCpuMsPerNodeAndSecond">> {
  const [before, from] = [await statuses(nodes), totals()];
  await sleep(options.idleMs);
  const [to, after] = [totals(), await statuses(nodes)];
  const seconds = (to.atMs - from.atMs) / 1_000;
  return {
    idleBytesPerNodeAndSecond: bytesRate(from, to, options),
    idleCpuMsPerNodeAndSecond: rounded((cpuMs(after) - cpuMs(before)) / seconds / nodes.length),
  };
}

type WritesMeasured = Pick<
  Measured,
  | "writes"
  | "writesPerSecond"
  | "visibleMs"
  | "lastVisibleMs"
  | "acknowledgedMs"
  | "copies"
  | "cpuMsPerWriteAndNode"
  | "observerCpuMsPerWriteAndNode"
  | "busyBytesPerNodeAndSecond"
>;

async function measureWrites(
  nodes: readonly LiveNode[],
  idleCpuMs: number,
  options: CalibrationOptions,
): Promise<WritesMeasured> {
  const [writer, ...others] = nodes;
  if (writer === undefined) throw new Error("there is no node 0");
  const appearances = new Appearances(others);
  await put(writer, `${prefix}opens the watches`);
  await appearances.of(`${prefix}opens the watches`);
  const [before, from] = [await statuses(nodes), totals()];
  const [visible, last, acknowledged]: number[][] = [[], [], []];
  for (let index = 0; index < options.writes; index++) {
    const key = `${prefix}${index}`;
    const startedAt = performance.now();
    acknowledged!.push(await put(writer, key));
    const times = (await appearances.of(key)).map((atMs) => atMs - startedAt);
    visible!.push(...times);
    last!.push(Math.max(...times));
    const nextAt = startedAt + 1_000 / options.writesPerSecond;
    await sleep(Math.max(0, nextAt - performance.now()));
  }
  const [to, after] = [totals(), await statuses(nodes)];
  appearances.close();
  const seconds = (to.atMs - from.atMs) / 1_000;
  const grown = (name: string): number => counted(after, name) - counted(before, name);
  const spentMs = cpuMs(after) - cpuMs(before) - idleCpuMs * seconds * nodes.length;
  const heard = grown("gossip.received");
  return {
    writes: options.writes,
    writesPerSecond: rounded(options.writes / seconds),
    visibleMs: spread(visible!),
    lastVisibleMs: spread(last!),
    acknowledgedMs: spread(acknowledged!),
    copies: rounded((heard + grown("gossip.duplicates")) / heard),
    cpuMsPerWriteAndNode: rounded(spentMs / options.writes / nodes.length),
    observerCpuMsPerWriteAndNode: rounded((to.ownMs - from.ownMs) / options.writes / others.length),
    busyBytesPerNodeAndSecond: bytesRate(from, to, options),
  };
}

async function measureKills(
  cluster: Cluster,
  witnesses: Witnesses,
  options: CalibrationOptions,
): Promise<Pick<Measured, "kills" | "failedMs" | "lastFailedMs" | "falseFailed">> {
  const rows = readRecord(cluster.dir).record.nodes;
  const dead = new Set<string>();
  const [each, last]: number[][] = [[], []];
  const since = performance.now();
  for (let at = 0; at < options.kills; at++) {
    const victim = rows[(at * 7 + 3) % rows.length];
    if (victim?.process === undefined || victim.process === null) throw new Error("no victim");
    dead.add(victim.name);
    const startedAt = performance.now();
    process.kill(victim.process.pid, "SIGKILL");
    const survivors = rows.filter(({ name }) => !dead.has(name));
    await witnesses.until(`${victim.name} is failed`, patienceMs, () =>
      survivors.every(({ name }) => witnesses.says(name, victim.name) === "failed"),
    );
    const times = witnesses
      .since(startedAt)
      .filter(({ of, status, by }) => of === victim.name && status === "failed" && !dead.has(by))
      .map(({ atMs }) => atMs - startedAt);
    each!.push(...times);
    last!.push(Math.max(...times));
    await sleep(4_000);
  }
  const wrong = witnesses
    .since(since)
    .filter(({ status, of }) => status === "failed" && !dead.has(of));
  return {
    kills: options.kills,
    failedMs: spread(each!),
    lastFailedMs: spread(last!),
    falseFailed: wrong.length,
  };
}

/** Starts that many daemons, measures them at rest, while one of them writes, and while some are killed. */
export async function measureDaemons(options: CalibrationOptions): Promise<Measured> {
  const loadBefore = rounded(loadavg()[0] ?? 0);
  const cluster = new Cluster(options.nodes);
  const witnesses = new Witnesses();
  try {
    await cluster.run("up", "-n", `${options.nodes}`);
    const nodes = readRecord(cluster.dir).record.nodes.map((row) => connect(row));
    const names = nodes.map(({ node }) => node.name);
    witnesses.listen(nodes);
    await witnesses.until("all say that all are alive", patienceMs, () =>
      names.every((name) => names.every((of) => witnesses.says(name, of) === "alive")),
    );
    // gossipsub's meshes and the walks of the DHT settle within some heartbeats
    await sleep(5_000);
    const idle = await measureIdle(nodes, options);
    const writes = await measureWrites(nodes, idle.idleCpuMsPerNodeAndSecond, options);
    const all = await statuses(nodes);
    const kills = await measureKills(cluster, witnesses, options);
    return {
      nodes: options.nodes,
      cores: availableParallelism(),
      loadBefore,
      connections: rounded(mean(all.map(({ connections }) => connections))),
      meshPeers: rounded(mean(all.map((status) => meshPeersOf(status)))),
      ...idle,
      ...writes,
      ...kills,
    };
  } finally {
    witnesses.close();
    await cluster.end();
  }
}

function meshPeersOf({ gossip }: Status): number {
  const topic = gossip.topics.find((one) => one.topic.endsWith(`/${namespace}`));
  return topic?.meshPeers ?? 0;
}
