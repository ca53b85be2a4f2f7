/**
 * What the shared files of a network promise, measured with real daemons on loopback: `npm run files-show -- [--only
 * copies,folder,quota,crash] [--nodes 10] [--shares 100] [--cut 60s] [--files 10000] [--for 10m] [--quota 256] [--kills 50]
 * [--seed S] [--json]`. Nothing is repeated; the exit code is 1 when a promise was missed.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { measureCopies } from "./files-show/copies.ts";
import { measureCrashes } from "./files-show/crash.ts";
import { measureFolder } from "./files-show/folder.ts";
import { measureQuota } from "./files-show/quota.ts";
import { parseDuration } from "../src/cli/duration.ts";
import { isMet, textOf, type Measure } from "./show/measure.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "copies,folder,quota,crash" },
    nodes: { type: "string", default: "10" },
    shares: { type: "string", default: "100" },
    cut: { type: "string", default: "60s" },
    files: { type: "string", default: "10000" },
    for: { type: "string", default: "10m" },
    /** MiB. */
    quota: { type: "string", default: "256" },
    kills: { type: "string", default: "50" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    json: { type: "boolean", default: false },
  },
});

const seed = Number(values.seed);
const parts: Readonly<Record<string, (folder: string) => Promise<Measure[]>>> = {
  copies: (folder) => {
    const [count, shares] = [Number(values.nodes), Number(values.shares)];
    return measureCopies(folder, {
      count,
      shares,
      cutMs: parseDuration(values.cut, "--cut"),
      seed,
    });
  },
  folder: (folder) => measureFolder(folder, Number(values.files)),
  quota: (folder) => {
    const quotaMiB = Number(values.quota);
    return measureQuota(folder, { quotaMiB, forMs: parseDuration(values.for, "--for"), seed });
  },
  crash: (folder) => measureCrashes(folder, { kills: Number(values.kills), seed }),
};

async function measure(name: string): Promise<Measure[]> {
  const run = parts[name];
  if (run === undefined) throw new Error(`no part ${name}; of ${Object.keys(parts).join(", ")}`);
  const folder = mkdtempSync(join(tmpdir(), "coterie-files-"));
  try {
    return await run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const load = Math.round((loadavg()[0] ?? 0) * 10) / 10;
const machine = { node: process.versions.node, cores: availableParallelism(), load, seed };
if (!values.json) {
  const { node, cores } = machine;
  process.stdout.write(`Node ${node}, ${cores} cores, load ${load} before, seed ${seed}\n`);
}
const measures: Measure[] = [];
for (const name of values.only.split(",")) {
  const found = await measure(name);
  measures.push(...found);
  if (!values.json) process.stdout.write(`${found.map(textOf).join("\n")}\n`);
}
if (values.json) {
  const results = measures.map((one) => ({ ...one, met: isMet(one) }));
  process.stdout.write(`${JSON.stringify({ machine, measures: results })}\n`);
}
process.exitCode = measures.every(isMet) ? 0 : 1;
