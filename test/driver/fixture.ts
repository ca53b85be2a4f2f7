/** Two or more drivers in one process: a network and gossip of callbacks, real stores, the machine's clock. */
import { expect, onTestFinished } from "vitest";
import { CoterieError } from "../../src/core/errors.ts";
import { sha256, type Identity } from "../../src/core/identity.ts";
import type {
  Clock,
  FrameChannel,
  Log,
  Metrics,
  Net,
  PeerName,
  PubSub,
  Store,
  Verdict,
} from "../../src/core/ports.ts";
import { Driver } from "../../src/driver.ts";
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
  readonly timers = new Set<object>();

  wallMs(): number {
    return this.stoppedAtMs ?? systemClock.wallMs();
  }

  monotonicMs(): number {
    return systemClock.monotonicMs();
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

/** One end of a stream; what is sent arrives at the other end in a later turn of the loop. */
class Channel implements FrameChannel {
  readonly peer: PeerName;
  readonly frames: AsyncIterable<Uint8Array>;
  bytesIn = 0;
  bytesOut = 0;
  other!: Channel;
  readonly #arrived: Uint8Array[] = [];
  #ended = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(peer: PeerName) {
    this.peer = peer;
    this.frames = this.#read();
  }

  static pair(a: PeerName, b: PeerName): [Channel, Channel] {
    const [atA, atB] = [new Channel(b), new Channel(a)];
    atA.other = atB;
    atB.other = atA;
    return [atA, atB];
  }

  get dead(): boolean {
    return this.#failure !== undefined;
  }

  async send(frame: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    this.bytesOut += frame.length;
    await later();
    this.other.#arrive(() => {
      this.other.bytesIn += frame.length;
      this.other.#arrived.push(frame.slice());
    });
  }

  async close(): Promise<void> {
    await later();
    this.other.#arrive(() => (this.other.#ended = true));
  }

  abort(reason: Error): void {
    for (const end of [this, this.other]) end.#arrive(() => (end.#failure ??= reason));
  }

  #arrive(change: () => void): void {
    change();
    this.#wake?.();
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      const frame = this.#arrived.shift();
      if (frame !== undefined) yield frame;
      else if (this.#ended) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

function later(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

type Receiver = (topic: string, data: Uint8Array, from: PeerName) => Verdict;

/** `Net` and `PubSub` of one node. */
class TestNet implements Net, PubSub {
  readonly self: PeerName;
  readonly links = new Map<PeerName, TestNet>();
  readonly channels: Channel[] = [];
  readonly published: { readonly topic: string; readonly data: Uint8Array }[] = [];
  readonly verdicts: Verdict[] = [];
  /** False keeps gossip from arriving. */
  gossips = true;
  readonly #topics = new Set<string>();
  #receive: Receiver = () => "ignore";
  #accept: (channel: FrameChannel) => void = () => {};
  #peer: (peer: PeerName, up: boolean) => void = () => {};

  constructor(self: PeerName) {
    this.self = self;
  }

  connected(): PeerName[] {
    return [...this.links.keys()];
  }

  async openSync(peer: PeerName, signal: AbortSignal): Promise<FrameChannel> {
    await later();
    signal.throwIfAborted();
    const other = this.links.get(peer);
    if (other === undefined) throw new CoterieError("UNREACHABLE", "not connected");
    const [here, there] = Channel.pair(this.self, peer);
    this.channels.push(here);
    other.channels.push(there);
    other.#accept(there);
    return here;
  }

  onSync(handler: (channel: FrameChannel) => void): void {
    this.#accept = handler;
  }

  onPeer(handler: (peer: PeerName, up: boolean) => void): void {
    this.#peer = handler;
  }

  subscribe(topic: string): void {
    this.#topics.add(topic);
  }

  onMessage(handler: Receiver): void {
    this.#receive = handler;
  }

  topics(): { topic: string; meshPeers: number; subscribers: number }[] {
    return [...this.#topics].map((topic) => ({ topic, meshPeers: 0, subscribers: 0 }));
  }

  async publish(topic: string, data: Uint8Array): Promise<number> {
    this.published.push({ topic, data });
    const others = [...this.links.values()].filter((other) => other.#topics.has(topic));
    if (!this.gossips) return others.length;
    await later();
    for (const other of others) other.deliver(topic, data, this.self);
    return others.length;
  }

  deliver(topic: string, data: Uint8Array, from: PeerName): Verdict {
    const verdict = this.#receive(topic, data.slice(), from);
    this.verdicts.push(verdict);
    return verdict;
  }

  connect(other: TestNet): void {
    this.links.set(other.self, other);
    other.links.set(this.self, this);
    this.#peer(other.self, true);
    other.#peer(this.self, true);
  }

  disconnect(other: TestNet): void {
    this.links.delete(other.self);
    other.links.delete(this.self);
    const lost = new CoterieError("UNREACHABLE", "the connection is gone");
    for (const channel of this.channels) if (channel.peer === other.self) channel.abort(lost);
    this.#peer(other.self, false);
    other.#peer(this.self, false);
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
  readonly net: TestNet;
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
  const net = new TestNet(identity.peer);
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
