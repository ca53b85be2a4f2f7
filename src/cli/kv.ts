import { writeFile } from "node:fs/promises";
import { CoterieError, exitCodes } from "../core/errors.ts";
import type { Call } from "./call.ts";
import { givenValue } from "./given-value.ts";
import { bytesAsText, escapeBlock, escapeText } from "./terminal/escape.ts";
import { humanAgo, isoTime, plural, shortPeer } from "./terminal/human.ts";
import { fileFault } from "./read-input.ts";
import { valueText } from "./value-text.ts";
import type { Run } from "./verb.ts";

const newline = 0x0a;

export function namespaceOf(call: Call): string {
  return call.values.text("namespace") ?? "default";
}

export const get: Run = async (call) => {
  const { out } = call;
  const client = await call.client();
  const key = call.arg(0);
  const file = call.values.text("output");
  if (call.values.flag("all")) {
    if (file === undefined) return getAll(call);
    throw new CoterieError("USAGE", "--all and --output exclude each other");
  }
  if (out.json && file === undefined) {
    await out.document(await client.kvGet(namespaceOf(call), key, call.once));
    return exitCodes.ok;
  }
  const { kind, bytes } = await client.kvGetRaw(namespaceOf(call), key, call.once);
  if (file !== undefined) {
    await writeFile(file, bytes).catch((error: unknown) => {
      throw fileFault(file, "write", error);
    });
    if (out.json) await out.document({ key, kind, bytes: bytes.length, file });
    return exitCodes.ok;
  }
  await out.write(out.tty ? escapeBlock(bytesAsText(bytes)) : bytes);
  const open = bytes.at(-1) !== newline;
  if (open && (out.tty || kind !== "bytes")) await out.write("\n");
  return exitCodes.ok;
};

/** Every concurrent value of a multi-value key, the latest first. */
async function getAll(call: Call): Promise<number> {
  const { out } = call;
  const item = await (await call.client()).multiGet(namespaceOf(call), call.arg(0), call.once);
  if (out.json) await out.document(item);
  else {
    const now = Date.now();
    await out.list<(typeof item.values)[number]>(
      [
        { title: "VALUE", plain: valueText },
        {
          title: "WRITTEN",
          plain: (value) => isoTime(value.writtenAt),
          human: (value) => humanAgo(value.writtenAt, now),
        },
        {
          title: "AUTHOR",
          plain: (value) => value.author,
          human: (value) => shortPeer(value.author),
        },
      ],
      item.values,
    );
  }
  return exitCodes.ok;
}

export const put: Run = async (call) => {
  const key = call.arg(0);
  const value = await givenValue(call, "kv put");
  const client = await call.client();
  const result = call.values.flag("multi")
    ? await client.multiPut(namespaceOf(call), key, value, call.once)
    : await client.kvPut(namespaceOf(call), key, value, call.once);
  if (call.out.json) await call.out.document(result);
  else call.out.aside(`wrote ${escapeText(key)}, ${plural(value.bytes.length, "byte")}`);
  return exitCodes.ok;
};

export const del: Run = async (call) => {
  const key = call.arg(0);
  const client = await call.client();
  const result = call.values.flag("multi")
    ? await client.multiDelete(namespaceOf(call), key, call.once)
    : await client.kvDelete(namespaceOf(call), key, call.once);
  if (call.out.json) await call.out.document(result);
  else call.out.aside(`deleted ${escapeText(key)}`);
  return exitCodes.ok;
};
