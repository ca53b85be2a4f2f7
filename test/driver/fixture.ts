/** Two or more drivers in one process: a network and gossip of callbacks, real stores, the machine's clock. */
import { expect, onTestFinished } from "vitest";
import { sha256, type Identity } from "../../src/core/identity.ts";
import type { Clock, Log, Metrics, Store } from "../../src/core/ports.ts";
import { Driver } from "../../src/driver/driver.ts";
import { systemClock } from "../../src/host/clock.ts";
import { openLmdbStore } from "../../src/host/lmdb-store.ts";
import { createMetrics } from "../../src/host/metrics.ts";
import { Roster } from "../../src/protocol/membership/roster.ts";
import { State } from "../../src/protocol/state/state.ts";
import { stateDigest } from "../../src/state-digest.ts";
import { seededRandom } from "../seeded-random.ts";
import { failingStore, type FailingStore } from "../state/failing-store.ts";
import { testWriter } from "../state/fixture.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { MeshNet } from "./mesh-net.ts";

export const network: Uint8Array = new Uint8Array(sha256(Buffer.from("network of drivers")));

const silent: Log = {
  error: () => {},
  warn: () => {},
  info: () => {},
  debug: () => {},
  trace: () => {},
  child: () => silent,
};

/** The machine's clock, whose wall can be set, and whose timers are counted. */
class TestClock implements Clock {
  /** The wall stands still at this time while it is set. */
  stoppedAtMs: number | undefined;
  /** Added to the monotonic clock; timers that are set already run when they would have. */
  aheadMs = 0;
  readonly timers = new Set<object>();

  wallMs(): number {
    return this.stoppedAtMs ?? systemClock.wallMs();
  }

  monotonicMs(): number {
    return systemClock.monotonicMs() + this.aheadMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = {};
    this.timers.add(timer);
    const cancel = systemClock.after(delayMs, () => {
      this.timers.delete(timer);
      run();
    });
    return () => {
      this.timers.delete(timer);
      cancel();
    };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return systemClock.sleep(delayMs, signal);
  }
}

/** A store whose `flushed` can be held back. */
export type TestStore = FailingStore & { hold(): () => void };

function holdableStore(inner: Store): TestStore {
  const failing = failingStore(inner);
  let held: Promise<void> | undefined;
  return {
    get: (key) => failing.get(key),
    range: (options) => failing.range(options),
    transaction: (work) => failing.transaction(work),
    sizeBytes: () => failing.sizeBytes(),
    close: () => failing.close(),
    failAfter: (writes) => failing.failAfter(writes),
    get writes() {
      return failing.writes;
    },
    flushed: async () => {
      await failing.flushed();
      await held;
    },
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      held = promise;
      return () => {
        held = undefined;
        resolve();
      };
    },
  };
}

export type TestNode = {
  readonly identity: Identity;
  readonly clock: TestClock;
  readonly metrics: Metrics;
  readonly store: TestStore;
  readonly net: MeshNet;
  readonly state: State;
  readonly roster: Roster;
  readonly driver: Driver;
};

/** A started driver that ends with the test. */
export function startNode(name: string): TestNode {
  const { identity } = testWriter(name);
  const clock = new TestClock();
  const metrics = createMetrics();
  const store = holdableStore(openLmdbStore(temporaryFolder()));
  const net = new MeshNet(identity.peer);
  const random = seededRandom(name.length);
  const state = new State({ store, identity, network, random, origin: "here" });
  const roster = new Roster(identity.peer);
  const parts = {
    clock,
    random,
    log: silent,
    metrics,
    store,
    net,
    pubsub: net,
    state,
    roster,
    identity,
    network,
  };
  const driver = new Driver({ ...parts, syncIntervalMs: () => 15_000, coalesceMs: 4 });
  driver.start();
  onTestFinished(async () => {
    driver.stop();
    await store.close();
  });
  return { identity, clock, metrics, store, net, state, roster, driver };
}

/** Waits until it holds; fails after ten seconds. */
export async function until(condition: () => boolean): Promise<void> {
  await expect.poll(condition, { timeout: 10_000, interval: 5 }).toBe(true);
}

export function digestOf({ state }: TestNode): string {
  return stateDigest(state).digest;
}
