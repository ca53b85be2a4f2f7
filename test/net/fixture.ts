/** Real nodes on loopback for the tests of this room: made with one call, stopped and cleaned up after each test. */
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { identityFromSeed, sha256, type Identity } from "../../src/core/identity.ts";
import { encodeUtf8 } from "../../src/core/codec.ts";
import type { Clock, Log, Metrics, NetworkKeys } from "../../src/core/ports.ts";
import { systemClock } from "../../src/host/clock.ts";
import { createMetrics } from "../../src/host/metrics.ts";
import type { NetNode } from "../../src/host/net/create-node.ts";
import { startNet, type NetOptions, type RunningNet } from "../../src/host/net/libp2p-net.ts";
import { systemRandom } from "../../src/host/random.ts";
import { temporaryFolder } from "../temporary-folder.ts";

export type TestNode = RunningNet & {
  readonly metrics: Metrics;
  readonly options: NetOptions;
  /** Stops it and starts it again with the same identity and book. */
  restart(changes?: Partial<NetOptions>): Promise<TestNode>;
};

export const silentLog: Log = {
  error: () => {},
  warn: () => {},
  info: () => {},
  debug: () => {},
  trace: () => {},
  child: () => silentLog,
};

/** A network that no other test has. */
export function testNetwork(name: string, changes: Partial<NetworkKeys> = {}): NetworkKeys {
  const unique = `${name} ${process.pid} ${performance.timeOrigin}`;
  return {
    id: sha256(encodeUtf8(`id ${unique}`)),
    name,
    secret: sha256(encodeUtf8(`secret ${unique}`)),
    epoch: 1,
    ...changes,
  };
}

export function testIdentity(): Identity {
  return identityFromSeed(systemRandom.bytes(32));
}

/** Starts a node on 127.0.0.1 without meeting port, mDNS or bootstrap, unless told otherwise. */
export async function node(
  network: NetworkKeys,
  changes: Partial<NetOptions> = {},
): Promise<TestNode> {
  const metrics = createMetrics();
  const options: NetOptions = {
    identity: testIdentity(),
    network,
    listen: ["/ip4/127.0.0.1/tcp/0"],
    meetingPort: false,
    bootstrap: [],
    mdns: false,
    connectionsWanted: 20,
    connectionsMax: 100,
    addressBookFile: changes.addressBookFile ?? join(temporaryFolder(), "addresses.json"),
    faults: true,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    metrics,
    ...changes,
  };
  const net = await startNet(options);
  onTestFinished(() => net.stop());
  const restart = async (more: Partial<NetOptions> = {}): Promise<TestNode> => {
    await net.stop();
    return node(network, { ...options, metrics: createMetrics(), ...more });
  };
  return Object.assign(net, { metrics: options.metrics, options, restart });
}

/** Nodes of which each knows its predecessor only. */
export async function chain(
  count: number,
  network: NetworkKeys,
  changes: (index: number) => Partial<NetOptions> = () => ({}),
): Promise<TestNode[]> {
  const nodes: TestNode[] = [];
  for (let index = 0; index < count; index++) {
    const bootstrap = nodes.at(-1)?.addresses() ?? [];
    nodes.push(await node(network, { bootstrap, ...changes(index) }));
  }
  return nodes;
}

/** Waits until the condition holds; fails with what it was told last. */
export async function until(
  what: string,
  condition: () => boolean,
  timeoutMs = 25_000,
): Promise<number> {
  const startedAt = performance.now();
  await expect
    .poll(condition, {
      timeout: timeoutMs,
      interval: 20,
      message: `not within ${timeoutMs} ms: ${what}`,
    })
    .toBe(true);
  return performance.now() - startedAt;
}

export function connectedAll(nodes: readonly TestNode[], wanted = nodes.length - 1): boolean {
  return nodes.every((each) => each.connected().length >= wanted);
}

/** The libp2p node inside, to do to it what a rude peer would. */
export function insideOf(each: TestNode): NetNode {
  return (each as unknown as { readonly libp2p: NetNode }).libp2p;
}

/** A clock that stands still until time passes; for parts without timers. */
export function manualClock(): Clock & { pass(ms: number): void } {
  let nowMs = 1_000;
  return {
    ...systemClock,
    wallMs: () => nowMs,
    monotonicMs: () => nowMs,
    pass: (ms) => void (nowMs += ms),
  };
}

/** A clock whose waits are shorter by a factor, for loops with long pauses. */
export function hastyClock(factor: number): Clock {
  return { ...systemClock, after: (delayMs, run) => systemClock.after(delayMs / factor, run) };
}

/** A clock whose timers run when time passes, in their order, with everything they set off. */
export function virtualClock(): Clock & { pass(ms: number): Promise<void> } {
  const timers = new Set<{ atMs: number; run: () => void }>();
  let nowMs = 0;
  const after = (delayMs: number, run: () => void): (() => void) => {
    const timer = { atMs: nowMs + delayMs, run };
    timers.add(timer);
    return () => void timers.delete(timer);
  };
  const pass = async (ms: number): Promise<void> => {
    const untilMs = nowMs + ms;
    for (;;) {
      const [next] = [...timers].toSorted((a, b) => a.atMs - b.atMs);
      if (next === undefined || next.atMs > untilMs) break;
      timers.delete(next);
      nowMs = next.atMs;
      next.run();
      await new Promise((resolve) => setImmediate(resolve));
    }
    nowMs = untilMs;
  };
  const sleep = (delayMs: number): Promise<void> =>
    new Promise((resolve) => after(delayMs, resolve));
  return { wallMs: () => nowMs, monotonicMs: () => nowMs, after, sleep, pass };
}
