/**
 * `npm run partition -- [--rounds 20] [--nodes 5] [--kinds full,ring] [--for 4s] [--writes 150] [--seed S] [--json FILE]`:
 * real daemons are cut in many ways, written to on all sides and healed, and every node's export is held against a
 * model of the acknowledged writes. `--plain` writes nothing but registers under keys of their own. With `--split 5-5` the sides are these, and the heal is a command of its own
 * process, as a person would type it. Exit code 0 only if nothing was lost, nothing came back, and all became equal.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { seeded } from "../testnet/draw.ts";
import { parseDuration } from "../src/cli/duration.ts";
import { Field } from "./partition/field.ts";
import type { Finding } from "./partition/judge.ts";
import { kinds, planOf, planOfWords, type Kind, type Plan } from "./partition/kinds.ts";
import { outageKinds } from "./partition/outages.ts";
import { runRound, type Round } from "./partition/round.ts";
import { findingText, roundText, rowsOf, tableText } from "./partition/table.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "20" },
    nodes: { type: "string", default: "5" },
    kinds: { type: "string", default: kinds.join(",") },
    split: { type: "string" },
    for: { type: "string", default: "4s" },
    writes: { type: "string", default: "150" },
    plain: { type: "boolean", default: false },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    json: { type: "string" },
  },
});

/** Of rounds that are no split, so many have an outage inside. */
const outageShare = 0.5;
/** So that the ids of nodes and the names of keys do not meet those of another run in one folder. */
const namespace = "partition";

const launcher = join(import.meta.dirname, "../bin/coterie.js");
const seed = Number(values.seed);
const random = seeded(seed);
const rounds = Number(values.rounds);
const chosen = values.kinds.split(",").map((name): Kind => {
  const kind = kinds.find((one) => one === name);
  if (kind === undefined) throw new Error(`no kind of partition: ${name}; of ${kinds.join(", ")}`);
  return kind;
});
const sizes = values.split?.split("-").map(Number);
const count = sizes?.reduce((sum, size) => sum + size) ?? Number(values.nodes);

function nextPlan(at: number): Plan {
  if (sizes === undefined) return planOf(chosen[at % chosen.length]!, count, random);
  let first = 0;
  const words = sizes.map((size) => `${first}-${(first += size) - 1}`);
  return planOfWords(words, count);
}

function nextOutage(): Round["outage"] {
  if (sizes !== undefined || random() >= outageShare) return undefined;
  return outageKinds[Math.floor(random() * outageKinds.length)];
}

async function healByCommand(dir: string): Promise<void> {
  const line = [launcher, "testnet", "heal", "--dir", dir];
  const child = spawn(process.execPath, line, { stdio: ["ignore", "ignore", "inherit"] });
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`testnet heal ended with ${code}`);
}

async function runAll(field: Field): Promise<Round[]> {
  const done: Round[] = [];
  for (let at = 0; at < rounds; at++) {
    const round = await runRound({
      field,
      namespace,
      prefix: `r${at}/`,
      plan: nextPlan(at),
      outage: nextOutage(),
      forMs: parseDuration(values.for, "--for"),
      writes: Number(values.writes),
      random,
      plain: values.plain,
      heal: () => (sizes === undefined ? field.run("heal") : healByCommand(field.dir)),
    });
    console.log(roundText(at, round));
    done.push(round);
  }
  return done;
}

/** What was right after each round is looked at again: later rounds must not have touched it. */
async function checkAgain(done: readonly Round[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const round of done) findings.push(...(await round.check()));
  return findings;
}

const machine = {
  node: process.versions.node,
  cores: availableParallelism(),
  load: Math.round((loadavg()[0] ?? 0) * 10) / 10,
};
console.log(`seed ${seed}, ${count} nodes; Node ${machine.node}, load ${machine.load} before`);
const parent = mkdtempSync(join(tmpdir(), "coterie-partition-"));
const field = new Field(join(parent, "net"));
field.downWhenStopped();
await field.run("up", "-n", String(count));
try {
  const done = await runAll(field);
  const again = await checkAgain(done);
  const rows = rowsOf(done);
  console.log(`\n${tableText(rows)}`);
  const acknowledged = done.reduce((sum, round) => sum + round.acknowledged, 0);
  console.log(`${done.length} rounds, ${acknowledged} acknowledged writes; seed ${seed}`);
  for (const finding of again) console.log(`when all was over, ${findingText(finding)}`);
  if (values.json !== undefined) {
    const plain = done.map(({ plan, check: _check, ...round }) => {
      return { kind: plan.kind, words: plan.words, ...round };
    });
    const text = JSON.stringify({ machine, seed, nodes: count, rows, rounds: plain, again });
    writeFileSync(values.json, `${text}\n`);
  }
  const clean = done.every(({ equalMs, findings }) => equalMs !== null && findings.length === 0);
  process.exitCode = clean && again.length === 0 ? 0 : 1;
} finally {
  await field.run("down");
  rmSync(parent, { recursive: true, force: true });
}
