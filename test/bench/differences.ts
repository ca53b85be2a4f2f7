/** Two that were apart: 100 new entries on each side of many that both have. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Bench, until, wireBytes, type PeerProcess } from "./peers.ts";
import type { Benchmark, Figure } from "./report.ts";

const newPerSide = 100;
/** What two that have just met say to each other is over by then. */
const calmMs = 1_500;

export type Repair = {
  readonly ms: number;
  readonly bytes: number;
  /** Of them in the frames of sessions. */
  readonly syncBytes: number;
  readonly cpuMs: number;
};

/** A network of two whose stores are alike, `count` entries each. */
export async function twins(bench: Bench, count: number): Promise<[PeerProcess, PeerProcess]> {
  const first = await bench.peer("one");
  await first.fill("base", count, 100);
  await bench.end(first);
  cpSync(join(bench.folder, "one"), join(bench.folder, "two"), { recursive: true });
  return Promise.all([bench.peer("one"), bench.peer("two")]);
}

export type Connected = {
  readonly pair: readonly [PeerProcess, PeerProcess];
  readonly addresses: readonly string[];
};

/** Starts the two, which are equal, connects them and cuts them apart again, as running nodes are. */
export async function meetAndPart(pair: readonly [PeerProcess, PeerProcess]): Promise<Connected> {
  const addresses = await Promise.all(pair.map((peer) => peer.start()));
  await pair[1].connect(addresses[0]!);
  await until("they are connected", async () => (await pair[0].connections()) === 1);
  await sleep(calmMs);
  await Promise.all(pair.map((peer) => peer.cut(addresses)));
  await until("they are apart", async () => (await pair[0].connections()) === 0);
  return { pair, addresses };
}

/** Heals the cut and waits until both hold `count` entries, and the sum if one is given. */
export async function repair(
  { pair, addresses }: Connected,
  wanted: { readonly count: number; readonly sum?: string },
): Promise<Repair> {
  const [one, two] = pair;
  const used = async (): Promise<number> => (await one.usage()).cpuMs + (await two.usage()).cpuMs;
  await one.cut([]);
  const inSessions = async (): Promise<number> => (await one.usage()).syncBytes;
  const [cpu, sync, bytes] = [await used(), await inSessions(), wireBytes()];
  const both = Promise.all(pair.map((peer) => peer.reached(wanted.count, wanted.sum ?? "")));
  await two.cut([]);
  const startedAt = await two.connect(addresses[0]!);
  const ms = Math.max(...(await both)) - startedAt;
  const crossed = wireBytes() - bytes;
  const cpuMs = (await used()) - cpu;
  await sleep(calmMs); // until the session is over on both sides
  const result = { ms, bytes: crossed, syncBytes: (await inSessions()) - sync, cpuMs };
  const [ours, theirs] = await Promise.all([one.digest(), two.digest()]);
  if (ours.sum !== theirs.sum) throw new Error("the two are not equal");
  return result;
}

async function once(base: number): Promise<Repair> {
  const bench = new Bench();
  try {
    const apart = await meetAndPart(await twins(bench, base));
    await Promise.all(apart.pair.map((peer, at) => peer.fill(`new${at}`, newPerSide, newPerSide)));
    return await repair(apart, { count: base + 2 * newPerSide });
  } finally {
    await bench.close();
  }
}

export function reconnectFigures(repairs: readonly Repair[], isJudged: boolean): Figure[] {
  const wanted = (atMost: number): Pick<Figure, "wanted"> =>
    isJudged ? { wanted: { atMost } } : {};
  return [
    {
      what: "from the dial until both are equal",
      unit: "ms",
      values: repairs.map(({ ms }) => ms),
      ...wanted(100),
    },
    {
      what: "on the wire, connection and bodies included",
      unit: "KiB",
      values: repairs.map(({ bytes }) => bytes / 1024),
      ...wanted(32),
    },
    {
      what: "of them in sessions",
      unit: "KiB",
      values: repairs.map(({ syncBytes }) => syncBytes / 1024),
    },
    { what: "CPU of both", unit: "ms", values: repairs.map(({ cpuMs }) => cpuMs) },
  ];
}

export const differences: Benchmark = {
  name: "reconnect",
  about: `${newPerSide} + ${newPerSide} entries differ among 100,000`,
  async run(runs, say) {
    const repairs: Repair[] = [];
    for (let run = 0; run < runs; run++) {
      say(`run ${run + 1} of ${runs}`);
      repairs.push(await once(100_000));
    }
    return reconnectFigures(repairs, true);
  },
};
