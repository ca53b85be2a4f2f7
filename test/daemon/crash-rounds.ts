/**
 * Kill -9 rounds: a daemon under load is killed at a random moment and started again; nothing it acknowledged may be
 * missing, and its new writes must reach a second daemon that was connected all along. In some rounds the start itself
 * is killed first.
 */
import { join } from "node:path";
import type { Random } from "../../src/core/ports.ts";
import { seededRandom } from "../seeded-random.ts";
import { launchDaemon, startDaemon, until, type DaemonProcess } from "./daemon-process.ts";
import { joining } from "./pair.ts";
import { WriteHistory } from "./write-history.ts";
import { loadNamespace, readAll, WriteLoad } from "./write-load.ts";

export type CrashRound = {
  readonly round: number;
  /** Writes acknowledged in this round. */
  readonly acknowledged: number;
  /** Keys whose acknowledged write was gone, with what was there instead. */
  readonly lost: readonly string[];
  /** From spawn to ready. */
  readonly restartMs: number;
  /** From ready until two new writes were on the other daemon. */
  readonly spreadMs: number;
  readonly killedWhileStarting: boolean;
};

export type CrashReport = {
  readonly seed: number;
  readonly rounds: readonly CrashRound[];
  readonly acknowledged: number;
  readonly lost: number;
  readonly restartMsMedian: number;
  readonly restartMsWorst: number;
  /** Of both daemons. */
  readonly forks: number;
  readonly equalDigests: boolean;
};

export type CrashOptions = {
  /** An empty folder for the data directories. */
  readonly folder: string;
  readonly rounds: number;
  readonly seed: number;
  onRound?(round: CrashRound): void;
};

const acknowledgedMax = 400;
const afterLastMsMax = 25;
const startingMsMax = 500;
const spreadMsMax = 20_000;

export async function crashRounds(options: CrashOptions): Promise<CrashReport> {
  const witness = await launchDaemon({ dataDir: join(options.folder, "witness") });
  const run = new CrashRun(options, witness);
  try {
    return await run.report();
  } finally {
    await Promise.all([witness.kill(), run.kill()]);
  }
}

class CrashRun {
  readonly #options: CrashOptions;
  readonly #witness: DaemonProcess;
  readonly #random: Random;
  readonly #history = new WriteHistory();
  readonly #dataDir: string;
  #victim: DaemonProcess | undefined;

  constructor(options: CrashOptions, witness: DaemonProcess) {
    this.#options = options;
    this.#witness = witness;
    this.#random = seededRandom(options.seed);
    this.#dataDir = join(options.folder, "victim");
  }

  async report(): Promise<CrashReport> {
    const rounds: CrashRound[] = [];
    let victim = await this.#start(await joining(this.#witness));
    for (let round = 1; round <= this.#options.rounds; round++) {
      const acknowledged = await this.#killUnderLoad(victim);
      const killedWhileStarting = this.#random.float() < 0.25;
      if (killedWhileStarting) await this.#killWhileStarting();
      victim = await this.#start();
      const lost = this.#history.judge(await readAll(victim.client));
      const spreadMs = await this.#spread(victim, round);
      const { readyMs: restartMs } = victim;
      const done = { round, acknowledged, lost, restartMs, spreadMs, killedWhileStarting };
      this.#options.onRound?.(done);
      rounds.push(done);
    }
    const equalDigests = await this.#agreed(victim);
    const states = [await victim.client.status(), await this.#witness.client.status()];
    const restarts = rounds.map(({ restartMs }) => restartMs).toSorted((one, other) => one - other);
    return {
      seed: this.#options.seed,
      rounds,
      acknowledged: rounds.reduce((sum, { acknowledged }) => sum + acknowledged, 0),
      lost: rounds.reduce((sum, { lost }) => sum + lost.length, 0),
      restartMsMedian: restarts[restarts.length >> 1] ?? 0,
      restartMsWorst: restarts.at(-1) ?? 0,
      forks: states.reduce((sum, { state }) => sum + state.forks, 0),
      equalDigests,
    };
  }

  async kill(): Promise<void> {
    await this.#victim?.kill();
  }

  async #start(words: readonly string[] = []): Promise<DaemonProcess> {
    this.#victim = await launchDaemon({ dataDir: this.#dataDir, words });
    return this.#victim;
  }

  /** The number of writes acknowledged before the kill. */
  async #killUnderLoad(victim: DaemonProcess): Promise<number> {
    const before = this.#history.acknowledged;
    const enough = before + Math.floor(this.#random.float() * acknowledgedMax);
    const load = new WriteLoad(victim.client, this.#history, this.#random);
    const loaded = until("the load makes progress", () => this.#history.acknowledged > enough);
    await Promise.race([loaded, load.failure()]);
    await delay(this.#random.float() * afterLastMsMax);
    const ended = load.end();
    await victim.kill();
    await ended;
    this.#history.crashed();
    return this.#history.acknowledged - before;
  }

  async #killWhileStarting(): Promise<void> {
    const starting = startDaemon({ dataDir: this.#dataDir });
    await delay(this.#random.float() * startingMsMax);
    await starting.kill();
  }

  /** Two writes after one another, so that the second refers to the first in the writer's chain. */
  async #spread(victim: DaemonProcess, round: number): Promise<number> {
    const startMs = performance.now();
    for (const key of ["after-1", "after-2"]) {
      const write = this.#history.begin(key, `round ${round}`);
      const value = { kind: "text", bytes: Buffer.from(`round ${round}`) } as const;
      await victim.client.kvPut(loadNamespace, key, value);
      this.#history.acknowledge(write);
      await until(
        `${key} of round ${round} is on the other daemon`,
        () => this.#isOnWitness(key, `round ${round}`),
        spreadMsMax,
      );
    }
    return performance.now() - startMs;
  }

  async #isOnWitness(key: string, value: string): Promise<boolean> {
    const { items } = await this.#witness.client.kvList(loadNamespace, { prefix: key });
    return items.some((item) => item.value === value);
  }

  async #agreed(victim: DaemonProcess): Promise<boolean> {
    const daemons = [victim, this.#witness];
    await until(
      "both have the same digest",
      async () => {
        const found = await Promise.all(daemons.map(({ client }) => client.status()));
        return new Set(found.map(({ state }) => state.digest)).size === 1;
      },
      spreadMsMax,
    );
    const [ours, theirs] = await Promise.all(daemons.map(({ client }) => readAll(client)));
    return JSON.stringify([...(ours ?? [])]) === JSON.stringify([...(theirs ?? [])]);
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
