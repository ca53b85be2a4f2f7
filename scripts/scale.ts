/**
 * Simulated groups of up to 10,000 nodes against theory and against real daemons:
 * `npm run scale [-- --nodes 10,100,1000,10000 --seed 1 --json --write]`; method and limits are in docs/scale.md.
 * `--write` puts tables and curves into docs/. `--calibrate [--daemons 10,50]` first measures groups of real daemons on this
 * machine, a minute or two each, and keeps what it measured in docs/scale.json.
 */
import { parseArgs } from "node:util";
import { hasOwnLoopback, withOwnLoopback } from "./own-loopback.ts";
import { measureDaemons, type Measured } from "./scale/daemons.ts";
import {
  markdownOf,
  readFigures,
  writeFigures,
  writeReport,
  type Figures,
} from "./scale/report.ts";
import { runSize, type ScaleRow } from "./scale/runs.ts";

const { values } = parseArgs({
  options: {
    nodes: { type: "string", default: "10,100,1000,10000" },
    seed: { type: "string", default: "1" },
    calibrate: { type: "boolean", default: false },
    daemons: { type: "string", default: "10,50" },
    json: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
});

function numbers(text: string): number[] {
  const list = text.split(",").map(Number);
  if (!list.every((one) => Number.isInteger(one) && one >= 5 && one <= 100_000)) {
    throw new Error(`not numbers from 5 to 100,000: ${text}`);
  }
  return list;
}

function say(what: string): void {
  process.stderr.write(`${what}\n`);
}

async function calibrate(sizes: readonly number[]): Promise<void> {
  const measured: Measured[] = [];
  for (const nodes of sizes) {
    say(`${nodes} daemons`);
    const rates = { writes: 60, writesPerSecond: 5, kills: 3, idleMs: 10_000 };
    measured.push(await measureDaemons({ nodes, ...rates, ownLoopback: hasOwnLoopback }));
  }
  writeFigures({ ...readFigures(), measured });
}

/** The largest last, since what a run took is not given back before the next. */
function run(sizes: readonly number[], seed: number): Figures {
  const runs: ScaleRow[] = sizes
    .toSorted((a, b) => a - b)
    .map((nodes) => runSize(nodes, seed, say));
  return { ...readFigures(), seed, runs };
}

const exitCode = values.calibrate ? withOwnLoopback() : undefined;
if (exitCode !== undefined) {
  process.exitCode = exitCode;
} else {
  if (values.calibrate) await calibrate(numbers(values.daemons));
  const figures = run(numbers(values.nodes), Number(values.seed));
  process.stdout.write(values.json ? `${JSON.stringify(figures)}\n` : `${markdownOf(figures)}\n`);
  if (values.write) {
    writeFigures(figures);
    writeReport(figures);
  }
}
