import { CoterieError, exitCodes } from "../../src/core/errors.ts";
import { nodesOf, openTestnet } from "../folder.ts";
import { formatNodeSet } from "../node-set.ts";
import { hasProcess } from "../nodes.ts";
import { killProcess } from "../process-identity.ts";
import { changeRecord, type NodeRecord } from "../record.ts";
import type { Call } from "../verb.ts";

export async function kill(call: Call): Promise<number> {
  const { dir, record } = openTestnet(call);
  const chosen = nodesOf(call, record);
  const running = chosen.filter(hasProcess);
  await Promise.all(running.map(async ({ process }) => process !== null && killProcess(process)));
  const left = chosen.filter(hasProcess);
  recordStopped(
    dir,
    chosen.filter((node) => !left.includes(node)),
  );
  if (left.length > 0) {
    throw new CoterieError("PARTIAL", `these do not die: ${formatNodeSet(indexes(left))}`, {
      hint: "their processes may be waiting for a disk; try again",
    });
  }
  const before = chosen.filter((node) => !running.includes(node));
  if (call.out.json) {
    await call.out.document({ killed: indexes(running), stoppedBefore: indexes(before) });
    return exitCodes.ok;
  }
  await call.out.line(`killed: ${formatNodeSet(indexes(running))}`);
  if (before.length > 0) call.out.note(`stopped before: ${formatNodeSet(indexes(before))}`);
  return exitCodes.ok;
}

function indexes(nodes: readonly NodeRecord[]): number[] {
  return nodes.map(({ index }) => index);
}

function recordStopped(dir: string, stopped: readonly NodeRecord[]): void {
  const gone = new Set(indexes(stopped));
  changeRecord(dir, (record) => ({
    ...record,
    nodes: record.nodes.map((node) => (gone.has(node.index) ? { ...node, process: null } : node)),
  }));
}
