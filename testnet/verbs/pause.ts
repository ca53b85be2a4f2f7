import { CoterieError, exitCodes } from "../../src/core/errors.ts";
import { applyFaults, failureText } from "../faults.ts";
import { nodesOf, openTestnet } from "../folder.ts";
import { formatNodeSet } from "../node-set.ts";
import { connect, stateOf, type NodeState } from "../nodes.ts";
import { pauseProcess, resumeProcess } from "../process-identity.ts";
import { readRecord, type NodeRecord } from "../record.ts";
import type { Call } from "../verb.ts";

/** A paused daemon is there, its sockets are open, and it does nothing: the way a machine is that sleeps. */
export async function pause(call: Call): Promise<number> {
  const { record } = openTestnet(call);
  const { matching: running, others } = split(nodesOf(call, record), "running");
  await signalAll(running, pauseProcess, "pause");
  if (call.out.json) {
    await call.out.document({ paused: indexes(running), notRunning: indexes(others) });
    return exitCodes.ok;
  }
  await call.out.line(`paused: ${formatNodeSet(indexes(running))}`);
  if (others.length > 0) call.out.note(`not running: ${formatNodeSet(indexes(others))}`);
  return exitCodes.ok;
}

/** It could not be told of faults while it was paused, so it is told now. */
export async function resume(call: Call): Promise<number> {
  const { dir, record } = openTestnet(call);
  const { matching: paused, others } = split(nodesOf(call, record), "paused");
  await signalAll(paused, resumeProcess, "go on");
  const ready = paused.filter(({ socketPath }) => socketPath !== null);
  const failures = await applyFaults(ready.map(connect), readRecord(dir).record);
  if (failures.length > 0) {
    const message = `they run, but without the faults on record (${failureText(failures)})`;
    throw new CoterieError("PARTIAL", message, {
      hint: "run the last partition, heal or link again",
    });
  }
  if (call.out.json) {
    await call.out.document({ resumed: indexes(paused), notPaused: indexes(others) });
    return exitCodes.ok;
  }
  await call.out.line(`resumed: ${formatNodeSet(indexes(paused))}`);
  if (others.length > 0) call.out.note(`not paused: ${formatNodeSet(indexes(others))}`);
  return exitCodes.ok;
}

function split(
  chosen: readonly NodeRecord[],
  state: NodeState,
): { matching: NodeRecord[]; others: NodeRecord[] } {
  const matching = chosen.filter((node) => stateOf(node) === state);
  return { matching, others: chosen.filter((node) => !matching.includes(node)) };
}

async function signalAll(
  nodes: readonly NodeRecord[],
  signal: typeof pauseProcess,
  what: string,
): Promise<void> {
  const done = await Promise.all(
    nodes.map(async ({ process }) => process !== null && (await signal(process))),
  );
  const left = nodes.filter((_, at) => done[at] === false);
  if (left.length === 0) return;
  throw new CoterieError("PARTIAL", `these do not ${what}: ${formatNodeSet(indexes(left))}`, {
    hint: "look with: coterie testnet status",
  });
}

function indexes(nodes: readonly NodeRecord[]): number[] {
  return nodes.map(({ index }) => index);
}
