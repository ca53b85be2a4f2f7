/**
 * Honest nodes among many hostile peers, in one process: the honest ones are drivers over real stores, the others
 * speak bytes. Nothing here knows of the test runner, so that a script can run it for longer.
 */
import { join } from "node:path";
import { mkdirSync } from "node:fs";
import { encodeUtf8 } from "../../src/core/codec.ts";
import { sha256, type Identity } from "../../src/core/identity.ts";
import type { Clock, Log, Metrics, PeerName, Store } from "../../src/core/ports.ts";
import { Driver } from "../../src/driver/driver.ts";
import { systemClock } from "../../src/host/clock.ts";
import { openLmdbStore } from "../../src/host/lmdb-store.ts";
import { createMetrics } from "../../src/host/metrics.ts";
import { Roster } from "../../src/protocol/membership/roster.ts";
import { State } from "../../src/protocol/state/state.ts";
import { stateDigest } from "../../src/state-digest.ts";
import { waitUntil } from "../../testnet/wait-until.ts";
import { MeshNet } from "../driver/mesh-net.ts";
import { seededRandom } from "../seeded-random.ts";
import { testWriter, type TestWriter } from "../state/fixture.ts";

export const network: Uint8Array = new Uint8Array(sha256(encodeUtf8("network under attack")));

export const silent: Log = {
  error: () => {},
  warn: () => {},
  info: () => {},
  debug: () => {},
  trace: () => {},
  child: () => silent,
};

/** The machine's clock; remembers the longest time that a timer's work took. */
export class WatchedClock implements Clock {
  longestMs = 0;
  wallMs = (): number => systemClock.wallMs();
  monotonicMs = (): number => systemClock.monotonicMs();
  sleep: Clock["sleep"] = (delayMs, signal) => systemClock.sleep(delayMs, signal);

  after(delayMs: number, run: () => void): () => void {
    return systemClock.after(delayMs, () => {
      const beganMs = systemClock.monotonicMs();
      run();
      this.longestMs = Math.max(this.longestMs, systemClock.monotonicMs() - beganMs);
    });
  }
}

export type Honest = {
  readonly name: string;
  readonly identity: Identity;
  readonly clock: WatchedClock;
  readonly metrics: Metrics;
  readonly net: MeshNet;
  readonly store: Store;
  readonly state: State;
  readonly driver: Driver;
};

export type Attacker = {
  readonly name: string;
  readonly writer: TestWriter;
  readonly net: MeshNet;
  readonly victims: readonly Honest[];
  /** 0 to 1, from the seed. */
  readonly random: () => number;
};

export type Attack = {
  readonly name: string;
  /** What becomes of the attacker at some honest node at least. */
  readonly ends: "banned" | "tolerated";
  /** Prepares answers to sessions that honest nodes open; without it they are reset. */
  answer?(attacker: Attacker): void;
  /** Runs until it is done or told to stop. */
  run(attacker: Attacker, stop: AbortSignal): Promise<void>;
};

export type ArenaOptions = {
  readonly folder: string;
  readonly honest: number;
  readonly attacks: readonly Attack[];
  /** Attackers for each attack. */
  readonly each: number;
  readonly seed: number;
};

export class Arena {
  readonly honest: readonly Honest[];
  readonly attackers: readonly (Attacker & { readonly attack: Attack })[];
  readonly #stop = new AbortController();

  constructor({ folder, honest, attacks, each, seed }: ArenaOptions) {
    this.honest = Array.from({ length: honest }, (_, index) =>
      startHonest(`honest ${index}`, join(folder, `${index}`)),
    );
    const random = seededRandom(seed);
    this.attackers = attacks.flatMap((attack) =>
      Array.from({ length: each }, (_, index) => {
        const name = `${attack.name} ${index}`;
        const writer = testWriter(name);
        const net = new MeshNet(writer.identity.peer);
        const float = (): number => random.float();
        return { name, writer, net, victims: this.honest, random: float, attack };
      }),
    );
  }

  connect(): void {
    for (const { attack, ...attacker } of this.attackers) {
      attack.answer?.(attacker);
      for (const { net } of this.honest) attacker.net.connect(net);
    }
    for (const [index, { net }] of this.honest.entries()) {
      for (const other of this.honest.slice(index + 1)) net.connect(other.net);
    }
  }

  /** Resolves when every attack has run; those who must end banned have longer to get there than the others. */
  async attack(forMs: number): Promise<void> {
    const within = (ms: number): AbortSignal =>
      AbortSignal.any([this.#stop.signal, AbortSignal.timeout(ms)]);
    const [stop, deadline] = [within(forMs), within(forMs + 20_000)];
    await Promise.all(
      this.attackers.map(({ attack, ...attacker }) =>
        attack.run(attacker, attack.ends === "banned" ? deadline : stop),
      ),
    );
  }

  digests(): string[] {
    return this.honest.map(({ state }) => stateDigest(state).digest);
  }

  isEqual(): boolean {
    return new Set(this.digests()).size === 1;
  }

  /** Throws when they are not equal in time. */
  async untilEqual(timeoutMs: number): Promise<void> {
    if (await waitUntil(() => this.isEqual(), { timeoutMs })) return;
    throw new Error(`honest nodes differ: ${this.digests().join(" ")}`);
  }

  isBannedSomewhere(peer: PeerName): boolean {
    return this.honest.some(({ net }) => net.banned.has(peer));
  }

  async end(): Promise<void> {
    this.#stop.abort();
    for (const { driver } of this.honest) driver.stop();
    for (const { store } of this.honest) await store.close();
  }
}

function startHonest(name: string, folder: string): Honest {
  mkdirSync(folder, { recursive: true });
  const { identity } = testWriter(name);
  const clock = new WatchedClock();
  const metrics = createMetrics();
  const store = openLmdbStore(folder);
  const net = new MeshNet(identity.peer);
  const random = seededRandom(name.length);
  const state = new State({ store, identity, network, random, origin: "here" });
  const roster = new Roster(identity.peer);
  const parts = { clock, random, log: silent, metrics, store, net, pubsub: net, state };
  const driver = new Driver({
    ...parts,
    roster,
    identity,
    network,
    syncIntervalMs: () => 1_000,
    coalesceMs: 4,
  });
  driver.start();
  return { name, identity, clock, metrics, net, store, state, driver };
}
