/**
 * Measures on this machine what the README promises of a network of ten: `npm run show [-- --json] [-- --nodes N]`.
 * Nothing is thrown away and nothing repeated; the exit code is 1 when a promise was missed.
 */
import { availableParallelism, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { Cluster } from "./show/cluster.ts";
import { measureLatency } from "./show/latency.ts";
import { isMet, textOf, type Measure } from "./show/measure.ts";
import { measurePartition } from "./show/partition.ts";
import { measureRestart } from "./show/restart.ts";
import { measureStart } from "./show/start.ts";

const { values } = parseArgs({
  options: { json: { type: "boolean", default: false }, nodes: { type: "string", default: "10" } },
});

/** After a failure the network is left running, to be looked at. */
async function measureAll(cluster: Cluster): Promise<Measure[]> {
  const measures: Measure[] = [];
  try {
    for (const measure of [measureStart, measureLatency, measurePartition, measureRestart]) {
      measures.push(await measure(cluster));
    }
  } catch (error) {
    process.stderr.write(`failed; look at it with: coterie testnet status --dir ${cluster.dir}\n`);
    throw error;
  }
  await cluster.end();
  return measures;
}

const machine = {
  node: process.versions.node,
  cores: availableParallelism(),
  /** Of one minute, before we add to it. */
  load: Math.round((loadavg()[0] ?? 0) * 10) / 10,
};
const measures = await measureAll(new Cluster(Number(values.nodes)));
if (values.json) {
  const results = measures.map((measure) => ({ ...measure, met: isMet(measure) }));
  process.stdout.write(`${JSON.stringify({ machine, measures: results })}\n`);
} else {
  const { node, cores, load } = machine;
  process.stdout.write(`Node ${node}, ${cores} cores, load ${load} before\n`);
  process.stdout.write(`${measures.map(textOf).join("\n")}\n`);
}
process.exitCode = measures.every(isMet) ? 0 : 1;
