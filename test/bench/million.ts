/** The same with a million entries: opening, memory, fingerprints, and differences together and scattered. */
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Bench, type PeerProcess } from "./peers.ts";
import { meetAndPart, reconnectFigures, repair, twins, type Repair } from "./differences.ts";
import type { Benchmark, Figure } from "./report.ts";

const count = 1_000_000;
const differing = 1_000;

type Pair = [PeerProcess, PeerProcess];

/** Puts back the stores of before, so that every run repairs the same. */
class Twins {
  readonly #bench: Bench;
  #pair: Pair | undefined;

  constructor(bench: Bench) {
    this.#bench = bench;
  }

  async prepare(): Promise<void> {
    const pair = await twins(this.#bench, count);
    await Promise.all(pair.map((peer) => this.#bench.end(peer)));
    for (const name of ["one", "two"]) this.#copy(name, `${name}-kept`);
  }

  async fresh(): Promise<Pair> {
    if (this.#pair !== undefined) {
      await Promise.all(this.#pair.map((peer) => this.#bench.end(peer)));
    }
    for (const name of ["one", "two"]) this.#copy(`${name}-kept`, name);
    this.#pair = await Promise.all([this.#bench.peer("one"), this.#bench.peer("two")]);
    return this.#pair;
  }

  #copy(from: string, to: string): void {
    const target = join(this.#bench.folder, to);
    rmSync(target, { recursive: true, force: true });
    cpSync(join(this.#bench.folder, from), target, { recursive: true });
  }
}

function perDifference(
  kind: string,
  repairs: readonly Repair[],
  each: number,
  atMost?: number,
): Figure[] {
  const overhead = repairs.map(({ syncBytes }) => (syncBytes - each * differing) / differing);
  return [
    {
      what: `${differing} ${kind}: bytes a difference in sessions, beside the bodies`,
      unit: "B",
      values: overhead,
      ...(atMost === undefined ? {} : { wanted: { atMost } }),
    },
    {
      what: `${differing} ${kind}: until both are equal`,
      unit: "ms",
      values: repairs.map(({ ms }) => ms),
    },
    {
      what: `${differing} ${kind}: CPU of both`,
      unit: "ms",
      values: repairs.map(({ cpuMs }) => cpuMs),
    },
  ];
}

export const million: Benchmark = {
  name: "million",
  about: `a store of ${count} entries`,
  async run(runs, say) {
    const bench = new Bench();
    const openMs: number[] = [];
    const rss: number[] = [];
    const reconnects: Repair[] = [];
    const clustered: Repair[] = [];
    const scattered: Repair[] = [];
    try {
      say("filling two stores");
      const stores = new Twins(bench);
      await stores.prepare();
      for (let run = 0; run < runs; run++) {
        say(`run ${run + 1} of ${runs}`);
        const pair = await stores.fresh();
        openMs.push(await pair[0].openMs());
        const apart = await meetAndPart(pair);
        rss.push((await pair[0].usage()).rssBytes / 2 ** 20);
        await Promise.all(pair.map((peer, at) => peer.fill(`new${at}`, 100, 100)));
        reconnects.push(await repair(apart, { count: count + 200 }));
        const next = await meetAndPart(await stores.fresh());
        await next.pair[0].fill("more", differing, 100);
        clustered.push(await repair(next, { count: count + differing }));
        const last = await meetAndPart(await stores.fresh());
        await last.pair[0].overwrite("base", 17, differing, count / differing);
        const { sum } = await last.pair[0].digest();
        scattered.push(await repair(last, { count, sum }));
      }
    } finally {
      await bench.close();
    }
    return [
      { what: "open", unit: "ms", values: openMs, wanted: { atMost: 1_000 } },
      {
        what: "RSS with the network up",
        unit: "MiB",
        values: rss,
        wanted: { atMost: 200 },
      },
      ...reconnectFigures(reconnects, false).map((figure) => ({
        ...figure,
        what: `100 + 100 new: ${figure.what}`,
      })),
      ...perDifference("new entries", clustered, 102, 40),
      ...perDifference("overwritten keys all over", scattered, 350),
    ];
  },
};
