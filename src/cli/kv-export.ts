import { exitCodes } from "../core/errors.ts";
import type { Call } from "./call.ts";
import { escapeJson } from "./terminal/escape.ts";
import { openFileSink } from "./file-sink.ts";
import { humanBytes } from "./terminal/human.ts";
import { namespaceOf } from "./kv.ts";
import { ProgressLine } from "./terminal/progress-line.ts";
import type { Run } from "./verb.ts";

async function exportChunks(call: Call): Promise<AsyncIterable<Uint8Array>> {
  const prefix = call.values.text("prefix");
  const query = prefix === undefined ? {} : { prefix };
  return (await call.client()).kvExport(namespaceOf(call), query, call.stream);
}

async function toStdout(call: Call): Promise<void> {
  const chunks = await exportChunks(call);
  if (!call.out.tty) {
    for await (const chunk of chunks) await call.out.write(chunk);
    return;
  }
  const decoder = new TextDecoder();
  for await (const chunk of chunks) {
    await call.out.write(escapeJson(decoder.decode(chunk, { stream: true })));
  }
}

async function toFile(call: Call, path: string): Promise<void> {
  const chunks = await exportChunks(call);
  const progress = new ProgressLine(call.io.stderr);
  const sink = await openFileSink(path);
  let bytes = 0;
  try {
    for await (const chunk of chunks) {
      await sink.write(chunk);
      bytes += chunk.length;
      progress.show(() => humanBytes(bytes));
    }
    await sink.finish();
  } catch (error) {
    await sink.abandon();
    throw error;
  } finally {
    progress.clear();
  }
  if (call.out.json) await call.out.document({ file: path, bytes });
  else call.out.aside(`${humanBytes(bytes)} written to ${path}`);
}

export const exportLines: Run = async (call) => {
  const path = call.args[0] ?? "-";
  if (path === "-") await toStdout(call);
  else await toFile(call, path);
  return exitCodes.ok;
};
