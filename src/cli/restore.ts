import { exitCodes } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import { printBackup } from "./backup-report.ts";
import type { Call } from "./call.ts";
import type { RestoreReport } from "./loaders.ts";
import { readTwice } from "./read-twice.ts";
import { ProgressLine } from "./terminal/progress-line.ts";
import { humanDuration } from "./terminal/human.ts";
import type { Run } from "./verb.ts";

const meanings = {
  same: "It is the node that was backed up, with its keys. The old one must not run any more.",
  new: "It is a new node with keys of its own; what the old one wrote stays the old one's.",
} as const;

async function print(call: Call, report: RestoreReport): Promise<void> {
  const { dataDir, identity, owner, leadMs } = report;
  await printBackup(call, `restored into ${dataDir}`, report);
  await call.out.line(meanings[identity]);
  if (owner) await call.out.line("It holds the key that owns the network.");
  if (leadMs > limits.futureToleranceMs) {
    call.out.note(
      `The state is ${humanDuration(leadMs)} ahead of this machine's clock: the node cannot write until then. Set the clock, if it is wrong.`,
    );
  }
  await call.out.line(`Next: ${call.command("up")}`);
}

export const restore: Run = async (call) => {
  const { restoreBackup } = await call.loaders.backup();
  const progress = new ProgressLine(call.io.stderr);
  let report: RestoreReport;
  try {
    report = await restoreBackup({
      file: call.arg(0),
      dataDir: await call.dataDir(),
      newIdentity: call.values.flag("new-identity"),
      onProgress: readTwice(progress, "checked", "restored"),
    });
  } finally {
    progress.clear();
  }
  if (call.out.json) await call.out.document(report);
  else await print(call, report);
  return exitCodes.ok;
};
