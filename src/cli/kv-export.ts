import { exitCodes } from "../core/errors.ts";
import type { Call } from "./call.ts";
import { escapeJson } from "./terminal/escape.ts";
import { chunksToFile } from "./chunks-to-file.ts";
import { humanBytes } from "./terminal/human.ts";
import { namespaceOf } from "./kv.ts";
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
  const bytes = await chunksToFile(call, chunks, path);
  if (call.out.json) await call.out.document({ file: path, bytes });
  else call.out.aside(`${humanBytes(bytes)} written to ${path}`);
}

export const exportLines: Run = async (call) => {
  const path = call.args[0] ?? "-";
  if (path === "-") await toStdout(call);
  else await toFile(call, path);
  return exitCodes.ok;
};
