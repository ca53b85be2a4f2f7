import { CoterieError, exitCodes } from "../../src/core/errors.ts";
import { formatNodeSet } from "../node-set.ts";
import { hasProcess } from "../nodes.ts";
import { stopProcess } from "../process-identity.ts";
import { readRecord, removeFiles } from "../record.ts";
import type { Call } from "../verb.ts";

/** Files go only when every process has: the record is the only way back to one that does not die. */
export async function down(call: Call): Promise<number> {
  const { dir, record } = readRecord(call.dir);
  const running = record.nodes.filter(hasProcess);
  call.out.progress(`stopping ${running.length} daemons`);
  const gone = await Promise.all(
    running.map(async ({ process }) => process === null || stopProcess(process)),
  );
  const left = running.filter((_, at) => gone[at] === false).map(({ index }) => index);
  call.out.endProgress();
  if (left.length > 0) {
    throw new CoterieError("PARTIAL", `these do not die: ${formatNodeSet(left)}`, {
      hint: "nothing was removed; run it again",
    });
  }
  const { netns } = record;
  if (netns !== undefined && !(await stopProcess(netns.holder))) {
    throw new CoterieError("PARTIAL", `process ${netns.holder.pid} does not die`, {
      hint: "it holds the network namespaces; nothing was removed; run it again",
    });
  }
  removeFiles(dir, record);
  if (call.out.json) await call.out.document({ dir, stopped: running.length });
  else await call.out.line(`stopped ${running.length} daemons and removed their files from ${dir}`);
  return exitCodes.ok;
}
