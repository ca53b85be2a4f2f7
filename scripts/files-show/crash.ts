/**
 * A daemon is killed with -9 at random moments while it adds, gets, repairs and collects, all at once. Each time its store
 * must open, `verify` find nothing, and all that it had acknowledged to hold be whole.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { launchDaemon, type DaemonProcess } from "../../test/daemon/daemon-process.ts";
import { connected, joining } from "../../test/daemon/pair.ts";
import { resultOf } from "../../test/daemon/shared-files.ts";
import { bytesOf, KiB } from "../../test/files/fixture.ts";
import { seededRandom } from "../../test/seeded-random.ts";
import { percentile, rounded, type Measure } from "../show/measure.ts";

type Options = { readonly kills: number; readonly seed: number };

const loadMsMax = 1_500;
const sizeMax = 3_000 * KiB;
/** Roots that are held for sure at once; older ones are given up, so that there is something to collect. */
const safeMax = 20;

export async function measureCrashes(folder: string, options: Options): Promise<Measure[]> {
  const donor = await launchDaemon({ dataDir: join(folder, "donor") });
  const run = new Crashes(join(folder, "victim"), donor, options);
  try {
    return [await run.measure()];
  } finally {
    await Promise.all([donor.kill(), run.kill()]);
  }
}

class Crashes {
  readonly #dataDir: string;
  readonly #donor: DaemonProcess;
  readonly #options: Options;
  readonly #float: () => number;
  #victim: DaemonProcess | undefined;
  #next = 0;
  /** What the victim said it holds, with the seed and size that it was made of, the oldest first. */
  readonly #safe = new Map<string, { readonly seed: number; readonly size: number }>();
  readonly #done = { adds: 0, pins: 0, repairs: 0, releases: 0, collections: 0 };

  constructor(dataDir: string, donor: DaemonProcess, options: Options) {
    this.#dataDir = dataDir;
    this.#donor = donor;
    this.#options = options;
    const random = seededRandom(options.seed);
    this.#float = () => random.float();
  }

  async kill(): Promise<void> {
    await this.#victim?.kill();
  }

  async measure(): Promise<Measure> {
    const { kills } = this.#options;
    const openMs: number[] = [];
    let faults = 0;
    let victim = await this.#start(await joining(this.#donor));
    for (let round = 0; round < kills; round++) {
      await connected(this.#donor, victim);
      await this.#killUnderLoad(victim);
      victim = await this.#start();
      openMs.push(victim.readyMs);
      faults += await this.#check(victim);
    }
    faults += await this.#read(victim);
    return {
      what: `${kills} times kill -9 under adding, getting, repair and collection: damaged, not whole or lost`,
      wanted: 0,
      value: faults,
      unit: "faults",
      details: {
        ...this.#done,
        heldInTheEnd: this.#safe.size,
        openMsWorst: rounded(percentile(openMs, 100)),
      },
    };
  }

  async #start(words: readonly string[] = []): Promise<DaemonProcess> {
    this.#victim = await launchDaemon({ dataDir: this.#dataDir, words });
    return this.#victim;
  }

  async #killUnderLoad(victim: DaemonProcess): Promise<void> {
    const over = new AbortController();
    const jobs = [this.#add, this.#pin, this.#repair, this.#release, this.#collect];
    const running = jobs.map(async (job) => {
      while (!over.signal.aborted) {
        try {
          await job.call(this, victim);
        } catch (error) {
          if (!over.signal.aborted) throw error;
        }
      }
    });
    const ended = Promise.all(running);
    await Promise.race([sleep(this.#float() * loadMsMax), ended]);
    over.abort();
    await victim.kill();
    await ended;
  }

  #plan(): { name: string; seed: number; size: number; chunks: AsyncIterable<Uint8Array> } {
    const number = this.#next++;
    const seed = this.#options.seed + number;
    const size = Math.floor(1 * KiB + this.#float() ** 2 * sizeMax);
    const chunks = (async function* () {
      yield bytesOf(seed, size);
    })();
    return { name: `share-${number}`, seed, size, chunks };
  }

  async #add({ client }: DaemonProcess): Promise<void> {
    const { name, chunks, ...plan } = this.#plan();
    const wish = { name, copiesMin: 1, copiesMax: 1 };
    await resultOf(client.shareAddStream(chunks, wish));
    this.#safe.set(name, plan);
    this.#done.adds++;
  }

  /** What is removed at the donor is left here by its pin alone. */
  async #pin({ client }: DaemonProcess): Promise<void> {
    const { name, chunks, ...plan } = this.#plan();
    const wish = { name, copiesMin: 1, copiesMax: 1 };
    const { root } = await resultOf(this.#donor.client.shareAddStream(chunks, wish));
    try {
      await resultOf(client.filePin(root));
      this.#safe.set(root, plan);
      this.#done.pins++;
    } finally {
      await this.#donor.client.shareRemove(name, false);
    }
  }

  /** The donor wants two copies: the victim is the only other. */
  async #repair(): Promise<void> {
    const { name, chunks } = this.#plan();
    const wish = { name, copiesMin: 2, copiesMax: 2 };
    await resultOf(this.#donor.client.shareAddStream(chunks, wish));
    this.#done.repairs++;
    await sleep(this.#float() * 1_000);
    if (this.#float() < 0.7) await this.#donor.client.shareRemove(name, false);
  }

  async #release({ client }: DaemonProcess): Promise<void> {
    const [oldest] = this.#safe.keys();
    if (oldest === undefined || this.#safe.size < safeMax) {
      await sleep(20);
      return;
    }
    this.#safe.delete(oldest); // from now on it may be gone, whether this is answered or not
    if (oldest.startsWith("share-")) await client.shareRemove(oldest, false);
    else await client.fileUnpin(oldest);
    this.#done.releases++;
  }

  async #collect({ client }: DaemonProcess): Promise<void> {
    await sleep(this.#float() * 200);
    await resultOf(client.blocksCollect());
    this.#done.collections++;
  }

  async #check({ client }: DaemonProcess): Promise<number> {
    const { damaged, incomplete } = await resultOf(client.blocksVerify());
    const { shares } = await client.shares();
    const here = new Set(shares.filter(({ isHere }) => isHere).map(({ name }) => name));
    const lost = [...this.#safe.keys()].filter(
      (what) => what.startsWith("share-") && !here.has(what),
    );
    for (const what of [...damaged, ...incomplete, ...lost]) process.stderr.write(`${what}\n`);
    return damaged.length + incomplete.length + lost.length;
  }

  /** With nobody to mend it from. */
  async #read({ client }: DaemonProcess): Promise<number> {
    await this.#donor.kill();
    let lost = 0;
    for (const [what, { seed, size }] of this.#safe) {
      const hash = createHash("sha256");
      try {
        for await (const chunk of client.fileBytes(what)) hash.update(chunk);
      } catch (error) {
        process.stderr.write(`${what}: ${String(error)}\n`);
      }
      const wanted = createHash("sha256").update(bytesOf(seed, size)).digest("hex");
      if (hash.digest("hex") !== wanted) lost++;
    }
    return lost;
  }
}
