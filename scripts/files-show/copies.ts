/** Copies through losses: two holders are killed for good, then the network is cut in two for a while and healed. */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { seededRandom } from "../../test/seeded-random.ts";
import { resultOf } from "../../test/daemon/shared-files.ts";
import { bytesOf, KiB } from "../../test/files/fixture.ts";
import { formatNodeSet } from "../../testnet/node-set.ts";
import type { LiveNode } from "../../testnet/nodes.ts";
import { waitUntil } from "../../testnet/wait-until.ts";
import { Field } from "../partition/field.ts";
import { rounded, type Measure } from "../show/measure.ts";

type Options = {
  readonly count: number;
  readonly shares: number;
  readonly cutMs: number;
  readonly seed: number;
};

const copiesMin = 3;
const copiesMax = 4;
const placedWithinMs = 300_000;
const repairedMs = 90_000;
const reunitedMs = 180_000;
/** What was reached must still be so after this. */
const lastsMs = 3_000;

export async function measureCopies(folder: string, options: Options): Promise<Measure[]> {
  const field = new Field(join(folder, "net"));
  field.downWhenStopped();
  try {
    await field.run("up", "-n", String(options.count));
    return await new Copies(field, folder, options).measure();
  } finally {
    await field.run("down");
  }
}

class Copies {
  readonly #field: Field;
  readonly #folder: string;
  readonly #options: Options;
  /** SHA-256 by name. */
  readonly #added = new Map<string, string>();

  constructor(field: Field, folder: string, options: Options) {
    this.#field = field;
    this.#folder = folder;
    this.#options = options;
  }

  async measure(): Promise<Measure[]> {
    const { shares, cutMs } = this.#options;
    const addMs = await timed(() => this.#addAll());
    const placeMs = await this.#within(placedWithinMs, copiesMax);
    const victims = await this.#busiest();
    await this.#field.run("kill", formatNodeSet(victims));
    const repairMs = await this.#within(repairedMs * 2, Number.POSITIVE_INFINITY);
    await this.#field.run("start", formatNodeSet(victims));
    const returnMs = await this.#within(placedWithinMs, copiesMax);
    const { apart, healMs } = await this.#cut(cutMs);
    const lost = await this.#lost();
    const what = `${shares} shares of ${copiesMin} to ${copiesMax} copies on ${this.#options.count} nodes`;
    return [
      {
        what: `${what}, two holders killed: ${copiesMin} copies of each again`,
        wanted: repairedMs,
        value: repairMs,
        unit: "ms",
        details: { addMs, placeMs, returnMs },
      },
      {
        what: `cut in two for ${cutMs / 1_000} s and healed: ${copiesMin} to ${copiesMax} copies of each`,
        wanted: reunitedMs,
        value: healMs,
        unit: "ms",
        details: apart,
      },
      {
        what: "shares that are not byte-equal in the end, each read on a node that does not hold it",
        wanted: 0,
        value: lost,
        unit: "faults",
        details: { read: shares },
      },
    ];
  }

  async #addAll(): Promise<void> {
    const nodes = this.#field.live();
    const random = seededRandom(this.#options.seed);
    const plans = Array.from({ length: this.#options.shares }, (_, index) => {
      return {
        name: `share-${index}`,
        size: Math.floor(4 * KiB + random.float() ** 3 * 2_000 * KiB),
      };
    });
    await Promise.all(
      nodes.map(async ({ client }, own) => {
        for (let index = own; index < plans.length; index += nodes.length) {
          const { name, size } = plans[index]!;
          const bytes = bytesOf(this.#options.seed + index, size);
          const path = join(this.#folder, name);
          writeFileSync(path, bytes);
          await resultOf(client.shareAdd({ path, copiesMin, copiesMax }));
          this.#added.set(name, createHash("sha256").update(bytes).digest("hex"));
        }
      }),
    );
  }

  /** How many running nodes hold each share, as a node sees it. */
  async #counts({ client }: LiveNode): Promise<number[]> {
    const running = new Set(this.#field.live().map(({ node }) => node.peerId));
    const { shares } = await client.shares();
    return shares.map(({ holders }) => holders.filter((peer) => running.has(peer)).length);
  }

  async #isWithin(max: number): Promise<boolean> {
    const nodes = this.#field.live();
    const all = await Promise.all([nodes[0]!, nodes.at(-1)!].map((node) => this.#counts(node)));
    return all.every((counts) => {
      const isWhole = counts.length === this.#options.shares;
      return isWhole && counts.every((count) => count >= copiesMin && count <= max);
    });
  }

  /** Milliseconds until two nodes see each share in so many copies, and still do a moment later; NaN if never. */
  async #within(timeoutMs: number, max: number): Promise<number> {
    const beganMs = performance.now();
    for (let left = timeoutMs; left > 0; left = timeoutMs - (performance.now() - beganMs)) {
      await waitUntil(() => this.#isWithin(max), { timeoutMs: left, everyMs: 500 });
      const reachedMs = rounded(performance.now() - beganMs);
      await sleep(lastsMs);
      if (await this.#isWithin(max)) return reachedMs;
    }
    return Number.POSITIVE_INFINITY;
  }

  /** The two nodes with most shares, but for the first and the last, which are asked. */
  async #busiest(): Promise<number[]> {
    const nodes = this.#field.live();
    const { shares } = await nodes[0]!.client.shares();
    const counted = nodes.slice(1, -1).map(({ node }) => ({
      index: node.index,
      count: shares.filter(({ holders }) => holders.includes(node.peerId ?? "")).length,
    }));
    const most = counted.toSorted((a, b) => b.count - a.count).slice(0, 2);
    return most.map(({ index }) => index).toSorted((a, b) => a - b);
  }

  async #cut(cutMs: number): Promise<{ apart: Record<string, number>; healMs: number }> {
    const indexes = this.#field.live().map(({ node }) => node.index);
    const half = Math.ceil(indexes.length / 2);
    const sets = [indexes.slice(0, half), indexes.slice(half)].map(formatNodeSet);
    await this.#field.run("partition", ...sets);
    await sleep(cutMs);
    await this.#field.run("heal");
    const counts: number[] = [];
    const watch = setInterval(() => {
      void this.#counts(this.#field.live()[0]!).then((seen) => void counts.push(Math.max(...seen)));
    }, 1_000);
    try {
      const healMs = await this.#within(reunitedMs * 2, copiesMax);
      return { apart: { mostCopiesSeen: Math.max(...counts, 0) }, healMs };
    } finally {
      clearInterval(watch);
    }
  }

  async #lost(): Promise<number> {
    const nodes = this.#field.live();
    let lost = 0;
    for (const { name, holders } of (await nodes[0]!.client.shares()).shares) {
      const reader = nodes.find(({ node }) => !holders.includes(node.peerId ?? "")) ?? nodes[0]!;
      const hash = createHash("sha256");
      try {
        for await (const chunk of reader.client.fileBytes(name)) hash.update(chunk);
      } catch (error) {
        process.stderr.write(`${name}: ${String(error)}\n`);
      }
      if (hash.digest("hex") !== this.#added.get(name)) lost++;
      this.#added.delete(name);
    }
    lost += this.#added.size; // names that nobody knows any more
    return lost;
  }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const beganMs = performance.now();
  await work();
  return rounded(performance.now() - beganMs);
}
