/** Entries from one process to another: while both run, and to one that has nothing. */
import { Bench, until, wireBytes } from "./peers.ts";
import { plainTcp } from "./plain-tcp.ts";
import type { Benchmark, Figure } from "./report.ts";

const payloadBytes = 16 + 64;
const liveCount = 10_000;
const coldCount = 100_000;
/** What else the two say to each other in the time is not what is measured: let it pass first. */
const calmMs = 1_500;

type Run = { readonly ms: number; readonly bytes: number; readonly cpuMs: number };

async function once(work: (bench: Bench) => Promise<Run>): Promise<Run> {
  const bench = new Bench();
  try {
    return await work(bench);
  } finally {
    await bench.close();
  }
}

async function runLive(bench: Bench): Promise<Run> {
  const [writer, reader] = await Promise.all([bench.peer("writer"), bench.peer("reader")]);
  const [address] = await Promise.all([writer.start(), reader.start()]);
  await reader.connect(address);
  await until("the two mesh", async () => {
    const meshed = await Promise.all([writer.topicPeers(), reader.topicPeers()]);
    return meshed.every((peers) => peers === 1);
  });
  // the first batches of a process run through code that was never run before
  await writer.write("warm", 2_000, 100);
  await reader.reached(2_000, "");
  await new Promise((resolve) => setTimeout(resolve, calmMs));
  const [before, bytes] = [await cpuOf([writer, reader]), wireBytes()];
  const reached = reader.reached(2_000 + liveCount, "");
  const [startedAt] = await writer.write("live", liveCount, 100);
  const ms = (await reached) - startedAt;
  return { ms, bytes: wireBytes() - bytes, cpuMs: (await cpuOf([writer, reader])) - before };
}

async function runCold(bench: Bench): Promise<Run> {
  const [full, empty] = await Promise.all([bench.peer("full"), bench.peer("empty")]);
  await full.fill("cold", coldCount, 100);
  const [address] = await Promise.all([full.start(), empty.start()]);
  const [before, bytes] = [await cpuOf([full, empty]), wireBytes()];
  const reached = empty.reached(coldCount, "");
  const startedAt = await empty.connect(address);
  const ms = (await reached) - startedAt;
  return { ms, bytes: wireBytes() - bytes, cpuMs: (await cpuOf([full, empty])) - before };
}

async function cpuOf(peers: readonly { usage(): Promise<{ cpuMs: number }> }[]): Promise<number> {
  const used = await Promise.all(peers.map((peer) => peer.usage()));
  return used.reduce((sum, { cpuMs }) => sum + cpuMs, 0);
}

function figures(
  ours: readonly Run[],
  plain: readonly Run[],
  count: number,
  wanted: { readonly ms: number; readonly wireRatio?: number },
): Figure[] {
  const wire = ours.map(({ bytes }) => bytes / (count * payloadBytes));
  const limit = wanted.wireRatio === undefined ? {} : { wanted: { atMost: wanted.wireRatio } };
  return [
    {
      what: "until the other has all, on disk",
      unit: "ms",
      values: ours.map(({ ms }) => ms),
      wanted: { atMost: wanted.ms },
    },
    { what: "on the wire, all headers", unit: "x payload", values: wire, ...limit },
    { what: "CPU of both", unit: "ms", values: ours.map(({ cpuMs }) => cpuMs) },
    { what: "TCP to a file, fsync a batch", unit: "ms", values: plain.map(({ ms }) => ms) },
    {
      what: "the same, on the wire",
      unit: "x payload",
      values: plain.map(({ bytes }) => bytes / (count * payloadBytes)),
    },
    {
      what: "ratio of times",
      unit: "x TCP",
      values: ours.map(({ ms }, run) => ms / plain[run]!.ms),
    },
  ];
}

async function runAll(
  runs: number,
  say: (what: string) => void,
  count: number,
  work: (bench: Bench) => Promise<Run>,
): Promise<{ ours: Run[]; plain: Run[] }> {
  const ours: Run[] = [];
  const plain: Run[] = [];
  for (let run = 0; run < runs; run++) {
    say(`run ${run + 1} of ${runs}`);
    plain.push(await plainTcp(count, 100));
    ours.push(await once(work));
  }
  return { ours, plain };
}

export const live: Benchmark = {
  name: "live",
  about: `${liveCount} entries of 16 + 64 bytes, 100 a write, to a connected process`,
  async run(runs, say) {
    const { ours, plain } = await runAll(runs, say, liveCount, runLive);
    return figures(ours, plain, liveCount, { ms: 300, wireRatio: 1.25 });
  },
};

export const cold: Benchmark = {
  name: "cold",
  about: `${coldCount} entries to a process that has none, from its dial on, verified`,
  async run(runs, say) {
    const { ours, plain } = await runAll(runs, say, coldCount, runCold);
    return figures(ours, plain, coldCount, { ms: 1_500 });
  },
};
