/**
 * Measures who notices what of whom, on real daemons: `npm run detect [-- --nodes 20 --rounds 10 --load 10m --paused 3m --json]`.
 * Nothing is thrown away; the exit code is 1 when a promise was missed.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { availableParallelism, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { parseDuration } from "../src/cli/duration.ts";
import type { LiveNode } from "../testnet/nodes.ts";
import { readRecord } from "../testnet/record.ts";
import { Cluster } from "./show/cluster.ts";
import { percentile, rounded } from "./show/measure.ts";
import { Witnesses, type Verdict } from "./detect/witnesses.ts";

const { values } = parseArgs({
  options: {
    nodes: { type: "string", default: "20" },
    rounds: { type: "string", default: "10" },
    load: { type: "string", default: "10m" },
    paused: { type: "string", default: "3m" },
    json: { type: "boolean", default: false },
  },
});
const count = Number(values.nodes);
const rounds = Number(values.rounds);
const patienceMs = 60_000;
/** Between two rounds, so that a measure sees a group at rest and not the start of the last victim. */
const restMs = 5_000;

const cluster = new Cluster(count);
const witnesses = new Witnesses();
const names = Array.from({ length: count }, (_, index) => `node-${index}`);

function nodeNamed(name: string): LiveNode {
  const found = cluster.nodes().find(({ node }) => node.name === name);
  if (found === undefined) throw new Error(`${name} does not run`);
  return found;
}

function signal(name: string, kind: NodeJS.Signals): void {
  const node = readRecord(cluster.dir).record.nodes.find((row) => row.name === name);
  if (node === undefined || node.process === null) throw new Error(`${name} has no process`);
  process.kill(node.process.pid, kind);
}

function othersSay(victim: string, status: string): boolean {
  return names.every((name) => name === victim || witnesses.says(name, victim) === status);
}

/** From a fault at one node until all others say so. */
async function noticed(
  victim: string,
  status: string,
  fault: () => void | Promise<void>,
): Promise<number> {
  const startedAt = performance.now();
  await fault();
  const at = await witnesses.until(`all say that ${victim} is ${status}`, patienceMs, () =>
    othersSay(victim, status),
  );
  return at - startedAt;
}

async function backAgain(victim: string): Promise<void> {
  witnesses.listen([nodeNamed(victim)]);
  await witnesses.until(`all say that ${victim} is alive again`, patienceMs, () =>
    names.every((name) => names.every((of) => witnesses.says(name, of) === "alive")),
  );
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** `failed` said of somebody whose process ran. */
function falseVerdicts(since: number, victim?: string): readonly Verdict[] {
  return witnesses.since(since).filter(({ status, of }) => status === "failed" && of !== victim);
}

const measures: Record<string, unknown>[] = [];
let isMet = true;

function record(what: string, wanted: number, value: number, details: object): void {
  isMet &&= value <= wanted;
  measures.push({ what, wanted, value, ...details });
  if (values.json) return;
  const verdict = value <= wanted ? "met   " : "MISSED";
  process.stdout.write(
    `${verdict}  ${value} (at most ${wanted})  ${what}  ${JSON.stringify(details)}\n`,
  );
}

async function measureRounds(
  what: string,
  wantedMs: number,
  round: (victim: string) => Promise<number>,
): Promise<void> {
  const times: number[] = [];
  const startedAt = performance.now();
  let wrong = 0;
  for (let at = 0; at < rounds; at++) {
    const victim = names[(at * 7 + 3) % count] ?? "node-0";
    await sleep(restMs);
    const roundAt = performance.now();
    times.push(await round(victim));
    wrong += falseVerdicts(roundAt, victim).length;
  }
  record(what, wantedMs, rounded(percentile(times, 50)), {
    worst: rounded(Math.max(...times)),
    all: times.map(rounded),
    falseFailed: wrong,
    tookS: Math.round((performance.now() - startedAt) / 1_000),
  });
}

async function measureLoad(forMs: number): Promise<void> {
  const since = performance.now();
  const burners: ChildProcess[] = [];
  for (let at = 0; at < availableParallelism(); at++) {
    burners.push(spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" }));
  }
  try {
    await sleep(forMs);
  } finally {
    for (const burner of burners) burner.kill("SIGKILL");
  }
  const wrong = falseVerdicts(since);
  const suspected = witnesses.since(since).filter(({ status }) => status === "suspect").length;
  record(`false failed in ${forMs / 1_000} s with all cores loaded`, 0, wrong.length, {
    suspected,
    load: rounded(loadavg()[0] ?? 0),
    wrong: wrong.slice(0, 20),
  });
}

async function measurePauses(forMs: number): Promise<void> {
  const victim = names[5 % count] ?? "node-0";
  const since = performance.now();
  let pauses = 0;
  while (performance.now() - since < forMs) {
    signal(victim, "SIGSTOP");
    pauses++;
    await sleep(8_000);
    signal(victim, "SIGCONT");
    await sleep(2_000);
  }
  await witnesses.until("all alive after the pauses", patienceMs, () =>
    names.every((name) => names.every((of) => witnesses.says(name, of) === "alive")),
  );
  const wrong = falseVerdicts(since, victim);
  record(
    "false verdicts about others while one node is paused for 8 s in a loop",
    0,
    wrong.length,
    {
      pauses,
      wrong: wrong.slice(0, 20),
    },
  );
}

async function measureAll(): Promise<void> {
  const startedAt = performance.now();
  await cluster.run("up", "-n", `${count}`);
  witnesses.listen(cluster.nodes());
  await witnesses.until("all alive", patienceMs, () =>
    names.every((name) => names.every((of) => witnesses.says(name, of) === "alive")),
  );
  process.stderr.write(`up after ${Math.round(performance.now() - startedAt)} ms\n`);
  await measureRounds(
    `kill -9 of one of ${count}: all others say failed, ms (median)`,
    4_000,
    async (victim) => {
      const took = await noticed(victim, "failed", () => signal(victim, "SIGKILL"));
      await cluster.run("start", victim.slice("node-".length));
      await backAgain(victim);
      return took;
    },
  );
  await measureRounds(
    `SIGSTOP of one of ${count}: all others say failed, ms (median)`,
    8_000,
    async (victim) => {
      const took = await noticed(victim, "failed", () => signal(victim, "SIGSTOP"));
      signal(victim, "SIGCONT");
      await backAgain(victim);
      return took;
    },
  );
  await measureRounds(
    `clean down of one of ${count}: all others say left, ms (median)`,
    3_000,
    async (victim) => {
      const took = await noticed(victim, "left", () => nodeNamed(victim).client.shutdown());
      await cluster.run("start", victim.slice("node-".length));
      await backAgain(victim);
      return took;
    },
  );
  await measurePauses(parseDuration(values.paused, "--paused"));
  await measureLoad(parseDuration(values.load, "--load"));
}

const load = rounded(loadavg()[0] ?? 0);
try {
  await measureAll();
} finally {
  witnesses.close();
  await cluster.end();
}
if (values.json) process.stdout.write(`${JSON.stringify({ count, load, measures })}\n`);
process.exitCode = isMet ? 0 : 1;
