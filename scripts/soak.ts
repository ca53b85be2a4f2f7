/**
 * `npm run soak -- [--for 1h] [--nodes 8] [--faults-per-hour 1000] [--writes-per-second 2] [--seed S] [--report DIR]`:
 * faults without end under writes of every type, with what each node holds of the machine sampled every 5 s. Exit code
 * 0 only if nothing grew (scripts/soak/growth.ts), nothing acknowledged was lost or came back, the nodes agreed at the end,
 * no process was left, and there were as many faults as wanted. The report is soak.svg, soak.txt and soak.json.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { waitForAgreement } from "../testnet/agreement.ts";
import { seeded } from "../testnet/draw.ts";
import { parseDuration } from "../src/cli/duration.ts";
import { Field } from "./partition/field.ts";
import { growthOf } from "./soak/growth.ts";
import { SoakLoad } from "./soak/load.ts";
import { failures, reportText, writeReport, type SoakResult } from "./soak/report.ts";
import { Sampler } from "./soak/sample.ts";
import { mend, shake } from "./soak/shake.ts";

const { values } = parseArgs({
  options: {
    for: { type: "string", default: "1h" },
    nodes: { type: "string", default: "8" },
    "faults-per-hour": { type: "string", default: "1000" },
    "writes-per-second": { type: "string", default: "2" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    report: { type: "string", default: "soak-report" },
  },
});

const sampleMs = 5_000;
const agreeMs = 120_000;
/** So many nodes live all the time. */
const steadyShare = 4;

const seed = Number(values.seed);
const nodes = Number(values.nodes);
const forMs = parseDuration(values.for, "--for");
const perHourWanted = Number(values["faults-per-hour"]);

type Outcome = Omit<SoakResult, "leftProcesses">;

async function soak(field: Field): Promise<Outcome> {
  const sampler = new Sampler(field, sampleMs);
  const load = new SoakLoad(field, Number(values["writes-per-second"]), seeded(seed));
  const over = new AbortController();
  const work = Promise.all([sampler.run(over.signal), load.run(over.signal)]);
  const faults = await shake({
    field,
    seed,
    forMs,
    perHour: perHourWanted,
    steady: Math.max(1, Math.floor(nodes / steadyShare)),
    onPause: (node) => sampler.paused(node),
  });
  over.abort();
  await work;
  await mend(field);
  const { equal, tookMs } = await waitForAgreement(field.live(), { timeoutMs: agreeMs });
  const { acknowledged, unanswered } = load;
  return {
    seed,
    nodes,
    forMs,
    perHourWanted,
    faults,
    acknowledged,
    unanswered,
    agreedMs: equal ? tookMs : null,
    findings: await load.findings(),
    growth: growthOf(sampler.samples, forMs),
    samples: sampler.samples,
  };
}

/** Daemons name their data directory on their command line. */
function processesIn(dir: string): string[] {
  const lines = execFileSync("ps", ["-Ao", "pid=,args="], { encoding: "utf8" }).split("\n");
  return lines.filter((line) => line.includes(`--data-dir=${dir}`));
}

const parent = mkdtempSync(join(tmpdir(), "coterie-soak-"));
const field = new Field(join(parent, "net"));
console.log(`seed ${seed}, ${nodes} nodes, ${values.for}`);
field.downWhenStopped();
let outcome: Outcome;
try {
  await field.run("up", "-n", String(nodes));
  outcome = await soak(field);
} finally {
  await field.run("down");
}
const result = { ...outcome, leftProcesses: processesIn(field.dir) };
rmSync(parent, { recursive: true, force: true });
writeReport(values.report, result);
console.log(reportText(result));
console.log(`plots: ${resolve(values.report, "soak.svg")}`);
process.exitCode = failures(result).length === 0 ? 0 : 1;
