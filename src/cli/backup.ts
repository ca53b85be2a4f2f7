import type { BackupRecord, StateSum } from "../core/backup-record.ts";
import { BackupReader } from "../core/backup-stream.ts";
import { CoterieError, exitCodes } from "../core/errors.ts";
import { printBackup } from "./backup-report.ts";
import type { Call } from "./call.ts";
import type { BackupReport } from "./loaders.ts";
import { openFileSink } from "./file-sink.ts";
import { readTwice } from "./read-twice.ts";
import { ProgressLine } from "./terminal/progress-line.ts";
import { humanBytes, plural } from "./terminal/human.ts";
import type { Run } from "./verb.ts";

type Written = { readonly bytes: number; readonly sum: StateSum };

/** Hands on what the daemon sends; resolves only if it is a whole backup. */
async function receive(call: Call, write: (chunk: Uint8Array) => Promise<void>): Promise<Written> {
  const reader = new BackupReader();
  const progress = new ProgressLine(call.io.stderr);
  let entries = 0;
  let last: BackupRecord | undefined;
  try {
    for await (const chunk of (await call.client()).backup(call.stream)) {
      for (const record of reader.push(chunk)) {
        if (record.kind === "bundles") entries += record.entries;
        last = record;
      }
      await write(chunk);
      progress.show(() => `${humanBytes(reader.bytes)}, ${plural(entries, "entry", "entries")}`);
    }
    reader.finish();
  } finally {
    progress.clear();
  }
  if (last?.kind !== "end") throw new CoterieError("INTERNAL", "a backup without an end");
  return { bytes: reader.bytes, sum: last.sum };
}

/** Readable by its owner alone: it holds keys. */
const privateMode = 0o600;

async function toFile(call: Call, file: string): Promise<void> {
  const sink = await openFileSink(file, privateMode);
  let written: Written;
  try {
    written = await receive(call, (chunk) => sink.write(chunk));
    await sink.finish();
  } catch (error) {
    await sink.abandon();
    throw error;
  }
  const { bytes, sum } = written;
  if (call.out.json) {
    await call.out.document({ file, bytes, ...sum });
    return;
  }
  const counted = plural(sum.entries, "entry", "entries");
  await call.out.line(`${counted}, ${humanBytes(bytes)}, written to ${file}`);
  warn(call, file);
}

async function toStdout(call: Call): Promise<void> {
  const { out } = call;
  if (out.json || out.tty) {
    const why = out.json ? "--json has no use for a backup on stdout" : "stdout is a terminal";
    throw new CoterieError("USAGE", why, { hint: "name a file: coterie backup FILE" });
  }
  await receive(call, (chunk) => out.write(chunk));
  warn(call, "what was written");
}

function warn(call: Call, what: string): void {
  call.out.note(
    `Keep it like a password: ${what} holds this node's keys and the secret of its network.`,
  );
}

async function verify(call: Call, file: string): Promise<void> {
  const { verifyBackup } = await call.loaders.backup();
  const progress = new ProgressLine(call.io.stderr);
  let report: BackupReport;
  try {
    report = await verifyBackup({ file, onProgress: readTwice(progress, "read", "checked") });
  } finally {
    progress.clear();
  }
  if (call.out.json) await call.out.document(report);
  else await printBackup(call, `${file} is whole and sound`, report);
}

export const backup: Run = async (call) => {
  const file = call.arg(0);
  if (call.values.flag("verify")) await verify(call, file);
  else if (file === "-") await toStdout(call);
  else await toFile(call, file);
  return exitCodes.ok;
};
