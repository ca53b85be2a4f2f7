/** One write after the other on one of ten nodes, each connected to three others: how long until all have it. */
import { percentile } from "../../scripts/show/measure.ts";
import { Bench, until } from "./peers.ts";
import type { Benchmark } from "./report.ts";

const nodes = 10;
const degree = 3;
const writesPerRun = 100;
const pauseMs = 100;

/** A ring with chords: every node has three neighbours. */
function edges(): [number, number][] {
  const ring = Array.from({ length: nodes }, (_, at): [number, number] => [at, (at + 1) % nodes]);
  const chords = Array.from({ length: nodes / 2 }, (_, at): [number, number] => [
    at,
    at + nodes / 2,
  ]);
  return [...ring, ...chords];
}

async function once(bench: Bench): Promise<number[]> {
  const peers = await Promise.all(
    Array.from({ length: nodes }, (_, at) => bench.peer(`node-${at}`)),
  );
  const addresses = await Promise.all(peers.map((peer) => peer.start()));
  for (const [from, to] of edges()) await peers[from]!.connect(addresses[to]!);
  await until("every node meshes with three", async () => {
    const meshed = await Promise.all(peers.map((peer) => peer.topicPeers()));
    return meshed.every((count) => count >= degree);
  });
  const times: number[] = [];
  for (let index = -10; index < writesPerRun; index++) {
    const key = `mesh/${index}`;
    const there = Promise.all(peers.map((peer) => peer.hasKey(key)));
    const startedAt = await peers[((index % nodes) + nodes) % nodes]!.put(key);
    const ms = Math.max(...(await there)) - startedAt;
    if (index >= 0) times.push(ms); // the first ones warm the code up
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  return times;
}

export const mesh: Benchmark = {
  name: "mesh",
  about: `${writesPerRun} writes, one at a time, to all of ${nodes} nodes with ${degree} neighbours each`,
  async run(runs, say) {
    const p50: number[] = [];
    const p99: number[] = [];
    for (let run = 0; run < runs; run++) {
      say(`run ${run + 1} of ${runs}`);
      const bench = new Bench();
      try {
        const times = await once(bench);
        p50.push(percentile(times, 50));
        p99.push(percentile(times, 99));
      } finally {
        await bench.close();
      }
    }
    return [
      { what: "to the last node, p50", unit: "ms", values: p50, wanted: { atMost: 12 } },
      { what: "to the last node, p99", unit: "ms", values: p99, wanted: { atMost: 25 } },
    ];
  },
};
