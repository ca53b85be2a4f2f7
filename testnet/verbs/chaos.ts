import { setTimeout as sleep } from "node:timers/promises";
import { CoterieError, exitCodes, toCoterieError } from "../../src/core/errors.ts";
import { waitForAgreement } from "../agreement.ts";
import { commandText, drawFaults, type Command, type Fault } from "../draw.ts";
import { commandFor, openTestnet } from "../folder.ts";
import { footprintOf, leaks, type Footprint } from "../footprint.ts";
import { interruptible } from "../interruptible.ts";
import type { Loss } from "../ledger.ts";
import { Load } from "../load.ts";
import { formatNodeSet } from "../node-set.ts";
import { hasProcess, liveNodes, stateOf } from "../nodes.ts";
import { quiet } from "../quiet.ts";
import { readRecord } from "../record.ts";
import { countOf, durationOf, type Call } from "../verb.ts";
import { dissentsText, waitForVerdicts, type Verdicts } from "../verdicts.ts";
import { waitUntil } from "../wait-until.ts";
import { kill } from "./kill.ts";
import { link } from "./link.ts";
import { heal, partition } from "./partition.ts";
import { pause, resume } from "./pause.ts";
import { start } from "./start.ts";

const forDefaultMs = 60_000;
const perMinuteDefault = 30;
const perMinuteMax = 6_000;
const seedMax = 999_999_999;
const convergeDefaultMs = 60_000;
/** Connections that ended are closed, and their descriptors given back, within this. */
const settleMs = 10_000;

const actions = { kill, start, pause, resume, partition, heal, link };

type Run = { readonly call: Call; readonly dir: string; readonly signal: AbortSignal };
type Injected = { readonly atMs: number; readonly line: string; readonly error: string | null };
type Lost = { readonly node: number; readonly losses: readonly Loss[] };

/** On stdout a script that could be run again, its summary in comments. */
export async function chaos(call: Call): Promise<number> {
  const forMs = durationOf(call, "for", forDefaultMs);
  const timeoutMs = durationOf(call, "timeout", convergeDefaultMs);
  const perMinute = countOf(call, "rate", perMinuteMax, perMinuteDefault);
  const seed = countOf(call, "seed", seedMax, 1 + Math.floor(Math.random() * seedMax));
  const { dir, record } = openTestnet(call);
  const nodes = record.nodes.length;
  if (nodes < 2) throw new CoterieError("USAGE", "chaos wants a testnet of two nodes or more");
  return interruptible(async (signal) => {
    const run = { call, dir, signal };
    await say(run, `# chaos --seed ${seed} --for ${forMs}ms --rate ${perMinute}, ${nodes} nodes`);
    await healAll(run);
    const before = await footprints(dir);
    const load = new Load(dir, seed);
    const drawn = drawFaults({ seed, nodes, forMs, perMinute });
    const faults = await underLoad(load, () => inject(run, drawn, forMs)).catch(
      (error: unknown) => {
        call.out.aside(
          "faults were left as they are; see: coterie testnet status, heal, link --clear, resume, start",
        );
        throw error;
      },
    );
    await healAll(run);
    const live = liveNodes(readRecord(dir).record.nodes);
    const wait = { timeoutMs, signal };
    const [healed, members] = await Promise.all([
      waitForAgreement(live, wait),
      waitForVerdicts(
        live,
        live.map(({ node }) => node),
        "alive",
        wait,
      ),
    ]);
    const lost = await lossesOf(dir, load);
    const { after, leaked } = await settle(dir, before, signal);
    const convergedMs = healed.equal ? Math.round(healed.tookMs) : null;
    await report(run, { seed, faults, load, convergedMs, members, lost, before, after, leaked });
    judge({ convergedMs, members, timeoutMs, lost, leaked });
    return exitCodes.ok;
  });
}

async function underLoad<T>(load: Load, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await load.stop();
  }
}

/** Each at its time, or at once when those before it took longer. One that fails is noted, and chaos goes on. */
async function inject(run: Run, faults: readonly Fault[], forMs: number): Promise<Injected[]> {
  const startedAt = performance.now();
  const until = (atMs: number): Promise<void> =>
    sleep(Math.max(0, startedAt + atMs - performance.now()), undefined, { signal: run.signal });
  const injected: Injected[] = [];
  for (const { atMs, command } of faults) {
    await until(atMs);
    const line = commandFor(run.call, commandText(command));
    await say(run, `${line}  # ${(atMs / 1_000).toFixed(1)} s`);
    const error = await perform(run, command).then(() => null, messageOf);
    run.signal.throwIfAborted();
    if (error !== null) run.call.out.aside(`it failed: ${error}`);
    injected.push({ atMs, line, error });
  }
  await until(forMs);
  return injected;
}

function messageOf(error: unknown): string {
  return toCoterieError(error).message;
}

function perform({ call }: Run, { verb, args, options }: Command): Promise<number> {
  return actions[verb](quiet(call, { args, values: options }));
}

/** By what is on record, which a fault that failed may have left otherwise than drawn. */
async function healAll(run: Run): Promise<void> {
  const { nodes, partition: cut, oneWay, links } = readRecord(run.dir).record;
  const paused = nodes.filter((node) => stateOf(node) === "paused");
  const gone = nodes.filter((node) => !hasProcess(node));
  const setOf = (some: typeof nodes): string[] => [formatNodeSet(some.map(({ index }) => index))];
  const commands: Command[] = [
    ...(paused.length === 0 ? [] : [{ verb: "resume" as const, args: setOf(paused), options: {} }]),
    ...(gone.length === 0 ? [] : [{ verb: "start" as const, args: setOf(gone), options: {} }]),
    ...(cut === null && oneWay.length === 0
      ? []
      : [{ verb: "heal" as const, args: [], options: {} }]),
    ...(links.length === 0
      ? []
      : [{ verb: "link" as const, args: [], options: { clear: true as const } }]),
  ];
  for (const command of commands) {
    await say(run, commandFor(run.call, commandText(command)));
    await perform(run, command);
  }
}

function footprints(dir: string): Promise<Footprint[]> {
  return Promise.all(liveNodes(readRecord(dir).record.nodes).map(footprintOf));
}

async function lossesOf(dir: string, load: Load): Promise<Lost[]> {
  const nodes = liveNodes(readRecord(dir).record.nodes);
  const all = await Promise.all(
    nodes.map(async (live) => ({ node: live.node.index, losses: await load.losses(live) })),
  );
  return all.filter(({ losses }) => losses.length > 0);
}

async function settle(
  dir: string,
  before: readonly Footprint[],
  signal: AbortSignal,
): Promise<{ after: Footprint[]; leaked: string[] }> {
  let after: Footprint[] = [];
  let leaked: string[] = [];
  const check = async (): Promise<boolean> => {
    after = await footprints(dir);
    leaked = leaks(before, after);
    return leaked.length === 0;
  };
  await waitUntil(check, { timeoutMs: settleMs, everyMs: 500, signal });
  return { after, leaked };
}

type Result = {
  readonly seed: number;
  readonly faults: readonly Injected[];
  readonly load: Load;
  readonly convergedMs: number | null;
  readonly members: Verdicts;
  readonly lost: readonly Lost[];
  readonly before: readonly Footprint[];
  readonly after: readonly Footprint[];
  readonly leaked: readonly string[];
};

async function report(run: Run, { load, ...result }: Result): Promise<void> {
  const { acknowledged, counts } = load.books;
  const writes = { acknowledged, unacknowledged: load.unacknowledged, ...counts };
  const { out } = run.call;
  if (out.json) return out.document({ ...result, writes });
  const failed = result.faults.filter(({ error }) => error !== null).length;
  const { convergedMs, members, before, after, lost } = result;
  const agreed = convergedMs === null ? "no agreement" : `agreement after ${convergedMs} ms`;
  const types = Object.entries(counts).map(([type, count]) => `${count} ${type}`);
  await say(run, `# ${result.faults.length} faults, ${failed} of them failed; ${agreed}`);
  await say(run, `# ${membersText(members)}`);
  await say(run, `# ${acknowledged} acknowledged writes, ${countOfLost(lost)} lost`);
  await say(run, `# of these ${types.join(", ")}`);
  await say(run, `# memory ${range(before, mib)} MiB before, ${range(after, mib)} MiB after`);
  await say(run, `# open files ${range(before, files)} before, ${range(after, files)} after`);
}

function membersText({ dissents, tookMs }: Verdicts): string {
  if (dissents.length > 0) return dissentsText(dissents);
  return `every node says that all others are alive after ${Math.round(tookMs)} ms`;
}

function countOfLost(lost: readonly Lost[]): number {
  return new Set(lost.flatMap(({ losses }) => losses.map(({ key }) => key))).size;
}

const mib = ({ rssBytes }: Footprint): number | null => Math.round(rssBytes / 2 ** 20);
const files = ({ descriptors }: Footprint): number | null => descriptors;

function range(all: readonly Footprint[], of: (one: Footprint) => number | null): string {
  const values = all.flatMap((one) => of(one) ?? []);
  return values.length === 0 ? "unknown" : `${Math.min(...values)} to ${Math.max(...values)}`;
}

/** Throws `PARTIAL` (exit code 5) for what was lost or leaked, `TIMEOUT` (4) when the nodes do not agree. */
export function judge(
  result: Pick<Result, "convergedMs" | "members" | "lost" | "leaked"> & {
    readonly timeoutMs: number;
  },
): void {
  const { convergedMs, members, lost, leaked, timeoutMs } = result;
  if (convergedMs === null) {
    throw new CoterieError(
      "TIMEOUT",
      `no agreement within ${timeoutMs / 1_000} s after the last fault`,
      {
        hint: "how they differ is told by: coterie testnet converge",
      },
    );
  }
  const [first] = lost;
  if (first !== undefined) {
    const [loss] = first.losses;
    const example = `node ${first.node}: ${loss?.key} is ${loss?.what}`;
    throw new CoterieError(
      "PARTIAL",
      `${countOfLost(lost)} acknowledged writes are lost (${example})`,
    );
  }
  if (members.dissents.length > 0) {
    const message = `${timeoutMs / 1_000} s after the last fault ${dissentsText(members.dissents)}`;
    throw new CoterieError("TIMEOUT", message);
  }
  if (leaked.length > 0) throw new CoterieError("PARTIAL", leaked.join("; "));
}

async function say({ call }: Run, line: string): Promise<void> {
  if (!call.out.json) await call.out.line(line);
}
