import { open, type FileHandle } from "node:fs/promises";
import { StringDecoder } from "node:string_decoder";
import { setTimeout as sleep } from "node:timers/promises";
import { CoterieError, exitCodes } from "../../src/core/errors.ts";
import { nodeOf } from "../folder.ts";
import { logPath } from "../launch.ts";
import { logText } from "../log-text.ts";
import { readRecord, type NodeRecord } from "../record.ts";
import type { Call } from "../verb.ts";

const pollMs = 200;
const chunkBytes = 64 * 1024;

/** With `--json` the lines as they are written; following goes on over restarts and ends when the reader goes. */
export async function logs(call: Call): Promise<number> {
  const { record } = readRecord(call.dir);
  await using file = await openLog(nodeOf(call, record));
  for await (const lines of newLines(file, call.values["follow"] === true)) {
    const shown = call.out.json ? lines : lines.map(logText);
    await call.out.write(`${shown.join("\n")}\n`);
    if (call.out.readerGone) break;
  }
  return exitCodes.ok;
}

async function openLog(node: NodeRecord): Promise<FileHandle> {
  try {
    return await open(logPath(node.dataDir), "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new CoterieError("NOT_FOUND", `${node.name} has no log yet`);
  }
}

/** Whole lines, as many as there are at a time. */
async function* newLines(file: FileHandle, follow: boolean): AsyncGenerator<string[]> {
  const buffer = Buffer.alloc(chunkBytes);
  const decoder = new StringDecoder("utf8");
  let begun = "";
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, chunkBytes);
    const lines = (begun + decoder.write(buffer.subarray(0, bytesRead))).split("\n");
    begun = lines.pop() ?? "";
    if (lines.length > 0) yield lines;
    if (bytesRead > 0) continue;
    if (!follow) break;
    await sleep(pollMs);
  }
  if (begun !== "") yield [begun];
}
