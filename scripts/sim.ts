/**
 * `npm run sim -- [--seeds 1000] [--from 1] [--nodes 10] [--jobs 2] [--twice 0.01] [--plant NAME] [--json]`: runs seeds of
 * the simulator and says how many an hour; `--seed S [--trace]`: runs one. A seed that breaks something is printed with its
 * faults, and cut down. Exit code 1 when something broke.
 */
import { fork } from "node:child_process";
import { parseArgs } from "node:util";
import { plantNames, plantSource } from "../test/sim/plants.ts";
import type { Plan } from "../test/sim/plan.ts";
import { percentile } from "./show/measure.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    nodes: { type: "string", default: "10" },
    jobs: { type: "string", default: "2" },
    twice: { type: "string", default: "0.01" },
    seed: { type: "string" },
    trace: { type: "boolean", default: false },
    plant: { type: "string" },
    "stop-at-first": { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    /** Set for a worker: its place among the jobs. */
    worker: { type: "string" },
  },
});

type Broken = { readonly seed: number; readonly violations: readonly string[] };
type Report = {
  readonly seeds: number;
  readonly events: number;
  readonly virtualMs: number;
  readonly acknowledged: number;
  /** From the heal until all agreed. */
  readonly agreedMs: readonly number[];
  readonly broken: readonly Broken[];
};

const { plant } = values;
if (plant !== undefined) {
  if (!plantNames.includes(plant)) {
    console.error(`no such plant: ${plant}; there are ${plantNames.join(", ")}`);
    process.exit(2);
  }
  plantSource(plant);
}
// after the plant, which changes what these modules are loaded as
const { drawPlan, faultText } = await import("../test/sim/plan.ts");
const { shrink } = await import("../test/sim/shrink.ts");
const { simulate } = await import("../test/sim/simulation.ts");

const nodesMax = Number(values.nodes);
const flushesEarly = plant === "early-flush";
const from = Number(values.from);
const seeds = Number(values.seeds);

async function runSeed(seed: number, twice: boolean): Promise<Broken & Omit<Report, "broken">> {
  const plan = drawPlan(seed, { nodesMax });
  const outcome = await simulate(plan, { flushesEarly });
  const again = twice ? await simulate(plan, { flushesEarly }) : outcome;
  const differs = again.hash === outcome.hash ? [] : ["a second run took another course"];
  return {
    seed,
    seeds: 1,
    events: outcome.events,
    virtualMs: outcome.virtualMs,
    acknowledged: outcome.acknowledged,
    agreedMs: outcome.agreedMs === undefined ? [] : [outcome.agreedMs],
    violations: [...outcome.violations, ...differs],
  };
}

/** Every `jobs`th seed; tells the parent of each. */
async function work(worker: number, jobs: number): Promise<void> {
  const every = Number(values.twice) > 0 ? Math.max(1, Math.round(1 / Number(values.twice))) : 0;
  for (let seed = from + worker; seed < from + seeds; seed += jobs) {
    const done = await runSeed(seed, every > 0 && seed % every === 0);
    process.send?.(done);
  }
  process.disconnect();
}

async function runAll(): Promise<Report> {
  const jobs = Math.max(1, Number(values.jobs));
  const sum = { seeds: 0, events: 0, virtualMs: 0, acknowledged: 0 };
  const agreedMs: number[] = [];
  const broken: Broken[] = [];
  const beganMs = performance.now();
  let saidMs = beganMs;
  const perHour = (): number => Math.round((sum.seeds / (performance.now() - beganMs)) * 3.6e6);
  const workers = Array.from({ length: jobs }, (_, index) => {
    return fork(import.meta.filename, [...process.argv.slice(2), "--worker", `${index}`]);
  });
  const take = (done: Awaited<ReturnType<typeof runSeed>>): void => {
    for (const name of ["seeds", "events", "virtualMs", "acknowledged"] as const) {
      sum[name] += done[name];
    }
    agreedMs.push(...done.agreedMs);
    if (done.violations.length > 0) {
      broken.push({ seed: done.seed, violations: done.violations });
      console.error(`seed ${done.seed} broke: ${done.violations[0]}`);
      if (values["stop-at-first"]) for (const worker of workers) worker.kill();
    }
    if (performance.now() - saidMs < 10_000) return;
    saidMs = performance.now();
    console.error(`${sum.seeds} seeds, ${broken.length} broken, ${perHour()} an hour`);
  };
  await Promise.all(
    workers.map((worker) => {
      worker.on("message", take);
      return new Promise((resolve) => worker.on("exit", resolve));
    }),
  );
  if (sum.seeds < seeds && !values["stop-at-first"]) {
    broken.push({ seed: 0, violations: [`only ${sum.seeds} of ${seeds} seeds were run`] });
  }
  console.error(`${sum.seeds} seeds, ${broken.length} broken, ${perHour()} an hour`);
  return { ...sum, agreedMs, broken };
}

function planText({ faults, operations, nodes, healMs }: Plan): string {
  return [
    `${nodes} nodes, healed at ${healMs} ms, ${operations.length} operations`,
    ...faults.map((fault) => `  ${faultText(fault)}`),
    ...operations.map(({ atMs, node, kind, key, value }) => {
      return `  at ${atMs} ms: n${node} ${kind} ${key} (${value})`;
    }),
  ].join("\n");
}

async function explain(seed: number): Promise<void> {
  const breaks = async (plan: Plan): Promise<boolean> => {
    return (await simulate(plan, { flushesEarly })).violations.length > 0;
  };
  const plan = drawPlan(seed, { nodesMax });
  const small = await shrink(plan, breaks);
  const { violations } = await simulate(small, { flushesEarly });
  console.log(`seed ${seed} (--nodes ${nodesMax}): ${planText(plan)}`);
  console.log(`cut down: ${planText(small)}`);
  for (const violation of violations) console.log(`  broke: ${violation}`);
  console.log(`for test/sim/regressions.test.ts: ${JSON.stringify(small)}`);
}

async function runOne(seed: number): Promise<boolean> {
  const plan = drawPlan(seed, { nodesMax });
  const print = values.trace ? (line: string): void => console.log(line) : undefined;
  const { violations, ...facts } = await simulate(plan, { flushesEarly, print });
  console.log(planText(plan));
  console.log(facts);
  for (const violation of violations) console.log(`broke: ${violation}`);
  return violations.length === 0;
}

if (values.worker !== undefined) {
  await work(Number(values.worker), Math.max(1, Number(values.jobs)));
} else if (values.seed !== undefined) {
  process.exitCode = (await runOne(Number(values.seed))) ? 0 : 1;
} else {
  const { broken, agreedMs, ...sum } = await runAll();
  const agreement = {
    median: percentile(agreedMs, 50),
    p99: percentile(agreedMs, 99),
    worst: percentile(agreedMs, 100),
  };
  const first = broken.toSorted((a, b) => a.seed - b.seed).find(({ seed }) => seed > 0);
  if (first !== undefined) await explain(first.seed);
  const summary = { ...sum, agreedMs: agreement, broken };
  console.log(values.json ? JSON.stringify(summary) : summary);
  process.exitCode = broken.length === 0 ? 0 : 1;
}
