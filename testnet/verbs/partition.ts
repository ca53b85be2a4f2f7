import { CoterieError, exitCodes } from "../../src/core/errors.ts";
import { applyCut } from "../cut.ts";
import { openTestnet } from "../folder.ts";
import { formatNodeSet, parseGroups } from "../node-set.ts";
import { liveNodes } from "../nodes.ts";
import { changeRecord, type TestnetRecord } from "../record.ts";
import type { Call } from "../verb.ts";

export async function partition(call: Call): Promise<number> {
  const { dir, record } = openTestnet(call);
  const groups = parseGroups(call.args, record.nodes.length);
  await apply(dir, groups);
  if (call.out.json) await call.out.document({ partition: groups });
  else await call.out.line(`cut: ${groups.map(formatNodeSet).join(" | ")}`);
  return exitCodes.ok;
}

export async function heal(call: Call): Promise<number> {
  const { dir } = openTestnet(call);
  await apply(dir, null);
  if (call.out.json) await call.out.document({ partition: null });
  else await call.out.line("healed: nobody is cut from anybody");
  return exitCodes.ok;
}

/** On record first: a node that is started from now on keeps to it. Throws `PARTIAL` with who did not answer. */
async function apply(dir: string, groups: TestnetRecord["partition"]): Promise<void> {
  const record = changeRecord(dir, (before) => ({ ...before, partition: groups }));
  const nodes = liveNodes(record.nodes);
  const failures = await applyCut(nodes, record);
  if (failures.length === 0) return;
  const who = failures.map(({ index, reason }) => `node ${index}: ${reason}`).join("; ");
  throw new CoterieError(
    "PARTIAL",
    `${failures.length} of ${nodes.length} running nodes did not take it (${who})`,
    { hint: "run the same command again" },
  );
}
