/**
 * A node at 95 % of its quota under adding, getting and unpinning: how far its packs go over the quota, and how long a
 * write of state takes beside it. The quiet before is the same adding and getting with room for all, so that nothing is
 * collected: what is compared is collection, and not a busy disk with an idle one.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "../../src/control/client.ts";
import { toCoterieError } from "../../src/core/errors.ts";
import type { Random } from "../../src/core/ports.ts";
import { launchPair } from "../../test/daemon/pair.ts";
import { configure, resultOf } from "../../test/daemon/shared-files.ts";
import { bytesOf, KiB, MiB } from "../../test/files/fixture.ts";
import { seededRandom } from "../../test/seeded-random.ts";
import { percentile, rounded, type Measure } from "../show/measure.ts";

type Options = { readonly quotaMiB: number; readonly forMs: number; readonly seed: number };

const fullAt = 0.95;
const overshootMiB = 64;
const slowerMax = 2;
const loads = 2;
const betweenPutsMs = 10;
const betweenAddsMs = 40;
const betweenLooksMs = 100;
/** Between rounds of one load, so that the machine's processors are not what is measured. */
const betweenRoundsMs = 20;

export async function measureQuota(folder: string, options: Options): Promise<Measure[]> {
  const { quotaMiB, forMs, seed } = options;
  const { one, other } = await launchPair(folder);
  try {
    const random = seededRandom(seed);
    const load = new Load(one.client, other.client, random, seed);
    const quietMs = Math.max(2_000, forMs / 10);
    const quiet = await load.run(quietMs, Number.POSITIVE_INFINITY);
    await configure(one, "files.quota", `${quotaMiB}MiB`);
    const packs = join(one.info.dataDir, "blocks");
    const quotaBytes = quotaMiB * MiB;
    await load.fill(fullAt * quotaBytes);
    await resultOf(one.client.blocksCollect()); // what was written before there was this quota
    let worst = 0;
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, bytesIn(packs));
      worst = Math.max(worst, most - quotaBytes);
    }, betweenLooksMs);
    const busy = await load.run(forMs, fullAt * quotaBytes);
    clearInterval(watch);
    const { counters } = await one.client.status();
    const { damaged, incomplete } = await resultOf(one.client.blocksVerify());
    const p99 = (times: readonly number[]): number => rounded(percentile(times, 99));
    const times = (of: "puts" | "adds") => rounded(p99(busy[of]) / p99(quiet[of]));
    return [
      {
        what: `quota of ${quotaMiB} MiB, ${forMs / 1_000} s at ${fullAt * 100} %: the packs were over it by`,
        wanted: overshootMiB,
        value: Math.ceil(worst / MiB),
        unit: "MiB",
        details: {
          mostMiB: Math.round(most / MiB),
          addsAndGets: busy.rounds,
          unpins: busy.unpins,
          refused: busy.refused,
          faults: damaged.length + incomplete.length + (counters["files.damaged_blocks"] ?? 0),
        },
      },
      {
        what: "p99 of `kv put` during collection, against adding without it",
        wanted: slowerMax,
        value: times("puts"),
        unit: "times",
        details: { quietMs: p99(quiet.puts), busyMs: p99(busy.puts), puts: busy.puts.length },
      },
      {
        what: "p99 of adding a file of 64 KiB during collection, against adding without it",
        wanted: slowerMax,
        value: times("adds"),
        unit: "times",
        details: { quietMs: p99(quiet.adds), busyMs: p99(busy.adds), adds: busy.adds.length },
      },
    ];
  } finally {
    await Promise.all([one.kill(), other.kill()]);
  }
}

function bytesIn(folder: string): number {
  return readdirSync(folder).reduce((sum, name) => {
    const facts = statSync(join(folder, name), { throwIfNoEntry: false });
    return sum + (facts?.size ?? 0);
  }, 0);
}

type Tally = {
  /** Milliseconds of each. */
  readonly puts: number[];
  readonly adds: number[];
  rounds: number;
  unpins: number;
  refused: number;
};

class Load {
  readonly #client: Client;
  readonly #other: Client;
  readonly #random: Random;
  #seed: number;
  #names = 0;
  /** Pinned, the oldest first. */
  readonly #pinned: { readonly root: string; readonly bytes: number }[] = [];
  #bytes = 0;

  constructor(client: Client, other: Client, random: Random, seed: number) {
    this.#client = client;
    this.#other = other;
    this.#random = random;
    this.#seed = seed;
  }

  /** What was removed a moment ago may still have its place: then less fits, and what is full is full. */
  async fill(bytes: number): Promise<void> {
    await this.#shrink(bytes, { puts: [], adds: [], rounds: 0, unpins: 0, refused: 0 });
    const pieces = [8 * MiB, MiB];
    try {
      for (const size of pieces) while (this.#bytes + size <= bytes) await this.#bring(size, false);
    } catch (error) {
      if (toCoterieError(error).code !== "FILES_QUOTA") throw error;
    }
  }

  /** Adds, gets and unpins for as long, at most so many bytes pinned at once. */
  async run(forMs: number, bytesMax: number): Promise<Tally> {
    const tally: Tally = { puts: [], adds: [], rounds: 0, unpins: 0, refused: 0 };
    const endMs = performance.now() + forMs;
    const round = async (): Promise<void> => {
      const size = Math.floor(64 * KiB + this.#random.float() ** 2 * 8 * MiB);
      await this.#shrink(bytesMax - size, tally);
      tally.rounds++;
      await this.#bring(size, this.#random.float() < 0.3).catch((error: unknown) => {
        if (toCoterieError(error).code !== "FILES_QUOTA") throw error;
        tally.refused++;
      });
      await sleep(betweenRoundsMs);
    };
    const until = async (work: () => Promise<void>): Promise<void> => {
      while (performance.now() < endMs) await work();
    };
    const puts = until(async () => {
      const beganMs = performance.now();
      const value = { kind: "text", bytes: Buffer.from("value") } as const;
      await this.#client.kvPut("default", `key-${tally.puts.length % 1_000}`, value);
      tally.puts.push(performance.now() - beganMs);
      await sleep(betweenPutsMs);
    });
    const adds = until(async () => {
      await this.#addSmall(tally);
      await sleep(betweenAddsMs);
    });
    await Promise.all([puts, adds, ...Array.from({ length: loads }, () => until(round))]);
    return tally;
  }

  /** Something new comes to be pinned here: out of this node's files, or from the other. */
  async #bring(size: number, isFromOther: boolean): Promise<void> {
    const name = `large-${this.#names++}`;
    const from = isFromOther ? this.#other : this.#client;
    const wish = { name, copiesMin: 1, copiesMax: 1 };
    const { root } = await resultOf(from.shareAddStream(chunksOf(this.#seed++, size), wish));
    try {
      await resultOf(this.#client.filePin(root));
      this.#pinned.push({ root, bytes: size });
      this.#bytes += size;
    } catch (error) {
      await this.#client.fileUnpin(root).catch(() => undefined); // half of it may be held
      throw error;
    } finally {
      await from.shareRemove(name, false);
    }
  }

  async #shrink(bytesMax: number, tally: Tally): Promise<void> {
    while (this.#bytes > Math.max(0, bytesMax)) {
      const oldest = this.#pinned.shift();
      if (oldest === undefined) return;
      this.#bytes -= oldest.bytes;
      tally.unpins++;
      await this.#client.fileUnpin(oldest.root);
    }
  }

  async #addSmall(tally: Tally): Promise<void> {
    const name = `small-${this.#names++}`;
    const wish = { name, copiesMin: 1, copiesMax: 1 };
    const beganMs = performance.now();
    try {
      const chunks = chunksOf(this.#seed++, 64 * KiB);
      await resultOf(this.#client.shareAddStream(chunks, wish));
      tally.adds.push(performance.now() - beganMs);
      await this.#client.shareRemove(name, false);
    } catch (error) {
      if (toCoterieError(error).code !== "FILES_QUOTA") throw error;
      tally.refused++;
    }
  }
}

async function* chunksOf(seed: number, size: number): AsyncGenerator<Uint8Array> {
  yield bytesOf(seed, size);
}
