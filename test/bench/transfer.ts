/** A random file from one process to another on loopback, four ways in one run: what the bulk lane is worth. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toHex } from "../../src/core/codec.ts";
import { systemRandom } from "../../src/host/random.ts";
import type { Benchmark, Figure } from "./report.ts";
import type { TransferPeer } from "./transfer-peer.ts";

const MiB = 1024 * 1024;
export const sizeMiB = Number(process.env["COTERIE_BENCH_TRANSFER_MIB"] ?? 512);
const program = join(import.meta.dirname, "transfer-peer.ts");

export type Calls = {
  [Name in keyof TransferPeer]: (
    ...args: Parameters<TransferPeer[Name]>
  ) => Promise<Awaited<ReturnType<TransferPeer[Name]>>>;
};

/** One end, in a process of its own. */
export function start(folder: string, role: string): { child: ChildProcess; peer: Calls } {
  const child = fork(program, [folder, role], { execArgv: ["--expose-gc"] });
  const ask = async (name: string, args: unknown[]): Promise<unknown> => {
    child.send({ name, args });
    const [{ result, error }] = (await once(child, "message")) as [
      { result: unknown; error?: string },
    ];
    if (error !== undefined) throw new Error(`${role}: ${error}`);
    return result;
  };
  const peer = new Proxy(
    {},
    {
      get:
        (_, name: string) =>
        (...args: unknown[]) =>
          ask(name, args),
    },
  );
  return { child, peer: peer as Calls };
}

type Sample = {
  readonly rate: number;
  readonly cpuPerGiB: number;
  readonly sender: number;
  readonly receiver: number;
};

async function sample(sender: Calls, receiver: Calls, run: () => Promise<number>): Promise<Sample> {
  await sender.begin();
  await receiver.begin();
  const ms = await run();
  const [sent, received] = [await sender.used(), await receiver.used()];
  return {
    rate: (sizeMiB * 1_000) / ms,
    cpuPerGiB: ((sent.cpuMs + received.cpuMs) / 1_000) * (1_024 / sizeMiB),
    sender: sent.rssBytes / MiB,
    receiver: received.rssBytes / MiB,
  };
}

async function measure(runs: number, say: (what: string) => void): Promise<readonly Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "coterie-bench-"));
  const { child: from, peer: sender } = start(folder, "sender");
  const { child: to, peer: receiver } = start(folder, "receiver");
  const ways = new Map<string, Sample[]>();
  try {
    const secret = toHex(systemRandom.bytes(32));
    const { addresses, port, root } = await sender.start(secret, sizeMiB * MiB);
    await receiver.start(secret, 0);
    await receiver.connect(addresses);
    const each: Record<string, () => Promise<number>> = {
      "raw TCP, SHA-256 and written": () => receiver.tcp(port),
      "plain libp2p stream, thrown away": () => receiver.stream(),
      "fetch over the bulk lane": () => receiver.fetch(root, "direct"),
      "fetch over libp2p": () => receiver.fetch(root, "libp2p"),
    };
    for (const [way, run] of Object.entries(each))
      await sample(sender, receiver, run).then(() => say(`${way} warm`));
    for (let index = 0; index < runs; index++) {
      for (const [way, run] of Object.entries(each)) {
        const one = await sample(sender, receiver, run);
        ways.set(way, [...(ways.get(way) ?? []), one]);
        say(`${way}: ${one.rate.toFixed(0)} MiB/s`);
      }
    }
    await sender.stop();
    await receiver.stop();
  } finally {
    from.kill();
    to.kill();
    rmSync(folder, { recursive: true, force: true });
  }
  return figures(ways);
}

function figures(ways: ReadonlyMap<string, readonly Sample[]>): Figure[] {
  const of = (way: string, what: (one: Sample) => number): number[] =>
    (ways.get(way) ?? []).map(what);
  const rate = (way: string): number[] => of(way, (one) => one.rate);
  const ratio = (way: string, to: string): number[] =>
    rate(way).map((value, index) => value / (rate(to)[index] ?? Number.NaN));
  const names = [...ways.keys()];
  const [tcp = "", stream = "", lane = "", without = ""] = names;
  return [
    ...names.map((way) => ({ what: way, unit: "MiB/s", values: rate(way) })),
    {
      what: "with the lane, of TCP",
      unit: "x",
      values: ratio(lane, tcp),
      wanted: { atLeast: 0.6 },
    },
    {
      what: "without it, of the plain stream",
      unit: "x",
      values: ratio(without, stream),
      wanted: { atLeast: 0.8 },
    },
    ...names.map((way) => ({
      what: `CPU of both, ${way}`,
      unit: "s/GiB",
      values: of(way, (one) => one.cpuPerGiB),
    })),
    ...[lane, without].flatMap((way) => [
      {
        what: `RSS growth of the sender, ${way}`,
        unit: "MiB",
        values: of(way, (one) => one.sender),
        wanted: { atMost: 64 },
      },
      {
        what: `RSS growth of the receiver, ${way}`,
        unit: "MiB",
        values: of(way, (one) => one.receiver),
        wanted: { atMost: 64 },
      },
    ]),
  ];
}

export const transfer: Benchmark = {
  name: "transfer",
  about: `a random file of ${sizeMiB} MiB from one process to another on loopback`,
  run: measure,
};
