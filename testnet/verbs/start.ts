import { availableParallelism } from "node:os";
import { CoterieError, exitCodes } from "../../src/core/errors.ts";
import { applyFaults } from "../faults.ts";
import { nodesOf, openTestnet } from "../folder.ts";
import { interruptible } from "../interruptible.ts";
import { Launches } from "../launches.ts";
import { formatNodeSet } from "../node-set.ts";
import { hasProcess, stateOf, type LiveNode, type NodeState } from "../nodes.ts";
import { readRecord, type NodeRecord } from "../record.ts";
import { printTable, reportNode } from "../report.ts";
import type { Call } from "../verb.ts";

/** For one daemon, on a machine whose cores all the others share. */
const readyMs = 60_000;
/** More at once would only wait for each other. */
const atOnce = availableParallelism() + 1;

/** No ticket: a node that comes back finds the others by what it remembers of them. */
export async function start(call: Call): Promise<number> {
  const { dir, record } = openTestnet(call);
  const chosen = nodesOf(call, record);
  const wanted = chosen.filter((node) => !hasProcess(node));
  const tell = (state: NodeState, what: string): void => {
    const found = chosen.filter((node) => !wanted.includes(node) && stateOf(node) === state);
    if (found.length === 0) return;
    call.out.aside(`${what}: ${formatNodeSet(found.map(({ index }) => index))}`);
  };
  tell("running", "running already");
  tell("paused", "paused, and not started by this; see testnet resume");
  return interruptible(async (signal) => {
    const { launcher, io } = call;
    const launches = new Launches({ dir, launcher, env: io.env, readyMs, signal });
    const results = await startAll(launches, wanted, dir);
    if (signal.aborted) {
      await launches.stop();
      signal.throwIfAborted();
    }
    await launches.release();
    await report(call, wanted);
    const failures = results.flatMap((result) =>
      result.status === "rejected" ? [result.reason as unknown] : [],
    );
    if (failures.length > 0) throw summary(failures, wanted.length);
    return exitCodes.ok;
  });
}

async function startAll(
  launches: Launches,
  wanted: readonly NodeRecord[],
  dir: string,
): Promise<PromiseSettledResult<LiveNode>[]> {
  const starts: Promise<LiveNode>[] = [];
  for (const [at, node] of wanted.entries()) {
    await Promise.allSettled([starts[at - atOnce]]);
    const begun = startOne(launches, node, dir);
    begun.catch(() => undefined); // told of with all others, below
    starts.push(begun);
  }
  return Promise.allSettled(starts);
}

/** Of the faults on record it is told before anything else. */
async function startOne(launches: Launches, node: NodeRecord, dir: string): Promise<LiveNode> {
  const live = await launches.start(node);
  const { record } = readRecord(dir);
  const [failure] = await applyFaults([live], record);
  if (failure === undefined) return live;
  throw new CoterieError("PARTIAL", `${node.name} runs, but without its faults: ${failure.reason}`);
}

async function report(call: Call, wanted: readonly NodeRecord[]): Promise<void> {
  const { record } = readRecord(call.dir);
  const started = record.nodes.filter((node) => wanted.some(({ index }) => index === node.index));
  const nodes = await Promise.all(started.map((node) => reportNode(node, record)));
  if (call.out.json) await call.out.document({ nodes });
  else await printTable(call.out, nodes);
}

function summary(failures: readonly unknown[], wanted: number): unknown {
  if (failures.length === wanted && wanted === 1) return failures[0];
  const reasons = failures.map((failure) =>
    failure instanceof Error ? failure.message : String(failure),
  );
  const message = `${failures.length} of ${wanted} nodes failed (${reasons.join("; ")})`;
  return new CoterieError("PARTIAL", message);
}
