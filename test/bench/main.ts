/**
 * Benchmarks: `npm run bench [-- --only NAME] [-- --runs N] [-- --history FILE] [-- --json]`. Each figure is the median of its runs, beside a
 * plain program that does the same work in the same run. Where the system lets us, all of it happens in a network
 * namespace of its own, so that bytes on the loopback interface are ours alone.
 */
import { availableParallelism, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { hasOwnLoopback, withOwnLoopback } from "../../scripts/own-loopback.ts";
import { history } from "./history.ts";
import { lineOf, median, verdict, type Benchmark, type Figure } from "./report.ts";
import { differences } from "./differences.ts";
import { mesh } from "./mesh.ts";
import { million } from "./million.ts";
import { put } from "./put.ts";
import { cold, live } from "./replication.ts";
import { merges, writes } from "./state.ts";
import { transferMany } from "./transfer-many.ts";
import { transfer } from "./transfer.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    only: { type: "string", multiple: true, default: [] },
    runs: { type: "string", default: "5" },
    history: { type: "string" },
  },
});
const all: readonly Benchmark[] = [
  writes,
  merges,
  put,
  live,
  cold,
  differences,
  mesh,
  million,
  transfer,
  transferMany,
  history(values.history),
];

async function runAll(): Promise<void> {
  const unknown = values.only.filter((name) => !all.some((one) => one.name === name));
  if (unknown.length > 0) {
    const names = all.map(({ name }) => name).join(", ");
    process.stderr.write(`no benchmark ${unknown.join(", ")}; there are ${names}\n`);
    process.exitCode = 2;
    return;
  }
  const chosen = all.filter(({ name }) => values.only.length === 0 || values.only.includes(name));
  const machine = {
    node: process.versions.node,
    cores: availableParallelism(),
    load: Number((loadavg()[0] ?? 0).toFixed(1)),
    ownLoopback: hasOwnLoopback,
  };
  const results: { name: string; figures: readonly Figure[] }[] = [];
  const print = (text: string): void => {
    if (!values.json) process.stdout.write(`${text}\n`);
  };
  print(`Node ${machine.node}, ${machine.cores} cores, load ${machine.load} before`);
  for (const { name, about, run } of chosen) {
    print(`${name}: ${about}`);
    const figures = await run(Number(values.runs), (what) => process.stderr.write(`  ${what}\n`));
    results.push({ name, figures });
    for (const figure of figures) print(lineOf(figure));
  }
  if (!values.json) return;
  const benchmarks = results.map(({ name, figures }) => ({
    name,
    figures: figures.map((figure) => ({
      ...figure,
      median: median(figure.values),
      verdict: verdict(figure),
    })),
  }));
  process.stdout.write(`${JSON.stringify({ machine, benchmarks })}\n`);
}

const code = withOwnLoopback();
if (code === undefined) await runAll();
else process.exitCode = code;
