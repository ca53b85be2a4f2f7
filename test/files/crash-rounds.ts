/** Kills a process that adds and collects at random moments, and looks each time at what it left. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { CID } from "multiformats/cid";
import { LocalDag } from "../../src/share/files/local-dag.ts";
import { seededRandom } from "../seeded-random.ts";
import { closeBlocks, openBlocks } from "./fixture.ts";

export type CrashReport = {
  readonly rounds: number;
  readonly held: number;
  /** Roots that were said to be safe and are not whole. */
  readonly lost: readonly string[];
  readonly damaged: readonly string[];
};

export async function crashRounds(options: {
  readonly folder: string;
  readonly rounds: number;
  readonly seed: number;
}): Promise<CrashReport> {
  const random = seededRandom(options.seed);
  const safe = new Set<string>();
  const lost: string[] = [];
  const damaged: string[] = [];
  let next = 0;
  let held = 0;
  for (let round = 0; round < options.rounds; round++) {
    for (const [word, seed, cid] of await killed(options.folder, next, 50 + random.float() * 600)) {
      next = Math.max(next, seed + 1);
      if (word === "hold") held++;
      if (word === "hold") safe.add(cid);
      else safe.delete(cid);
    }
    next += 1; // the one that was being added
    const found = await look(options.folder, safe);
    lost.push(...found.lost);
    damaged.push(...found.damaged);
  }
  return { rounds: options.rounds, held, lost, damaged };
}

/** What it said before it was killed, so long after it had opened the store. */
async function killed(folder: string, from: number, afterMs: number) {
  const script = join(import.meta.dirname, "crash-child.ts");
  const child = spawn(process.execPath, [script, folder, String(from)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const gone = once(child, "close");
  const said: (readonly [string, number, string])[] = [];
  const isOpen = new Promise<void>((resolve) => {
    createInterface(child.stdout).on("line", (line) => {
      if (line === "open") resolve();
      const [word = "", seed = "", cid = ""] = line.split(" ");
      if (cid !== "") said.push([word, Number(seed), cid]);
    });
  });
  await Promise.race([isOpen, gone]);
  await sleep(afterMs);
  child.kill("SIGKILL");
  await gone;
  return said;
}

async function look(folder: string, safe: ReadonlySet<string>) {
  const opened = await openBlocks(folder, { packBytes: 512 * 1024 });
  const { blocks } = opened;
  const { signal } = new AbortController();
  const lost: string[] = [];
  const damaged: string[] = [];
  try {
    // what was not said to be given up is there, before collection and after
    for (let pass = 0; pass < 2; pass++) {
      const dag = new LocalDag(blocks);
      for (const cid of safe) {
        if (!(await dag.isWhole(CID.parse(cid), signal))) lost.push(cid);
      }
      await blocks.collect(signal);
    }
    for await (const { cid, sound } of blocks.verify(signal)) {
      if (!sound) damaged.push(cid.toString());
    }
  } finally {
    await closeBlocks(opened);
  }
  return { lost, damaged };
}
