import { isUtf8 } from "node:buffer";
import { writeFile } from "node:fs/promises";
import { CoterieError, exitCodes } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import type { Call } from "./call.ts";
import { bytesAsText, escapeBlock, escapeText } from "./terminal/escape.ts";
import { plural } from "./terminal/human.ts";
import { fileFault, inputChunks, readInput } from "./read-input.ts";
import type { Run } from "./verb.ts";

type Value = { readonly kind: "text" | "json" | "bytes"; readonly bytes: Uint8Array };

const newline = 0x0a;

export function namespaceOf(call: Call): string {
  return call.values.text("namespace") ?? "default";
}

export const get: Run = async (call) => {
  const { out } = call;
  const client = await call.client();
  const key = call.arg(0);
  const file = call.values.text("output");
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

async function givenBytes(call: Call): Promise<Uint8Array> {
  const inline = call.args[1];
  const file = call.values.text("file");
  if ((inline === undefined) === (file === undefined)) {
    throw new CoterieError("USAGE", '"kv put" wants either VALUE or --file FILE', {
      hint: "usage: coterie kv put KEY VALUE, or - to read stdin",
    });
  }
  if (inline !== undefined && inline !== "-") return Buffer.from(inline, "utf8");
  return readInput(inputChunks(file ?? "-", call.io.stdin), limits.valueBytesMax, "a value");
}

/** The bytes with their kind; throws `BAD_VALUE` when they are not what they are said to be. */
function valueOf(call: Call, bytes: Uint8Array): Value {
  const json = call.values.flag("json-value");
  if (call.values.flag("bytes")) {
    if (!json) return { kind: "bytes", bytes };
    throw new CoterieError("USAGE", "--json-value and --bytes exclude each other");
  }
  if (!isUtf8(bytes)) {
    throw new CoterieError("BAD_VALUE", "the value is not UTF-8 text", {
      hint: "use --bytes to write it as it is",
    });
  }
  if (!json) return { kind: "text", bytes };
  try {
    JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CoterieError("BAD_VALUE", `the value is not JSON: ${why}`, {
      hint: "leave --json-value out to write it as text",
    });
  }
  return { kind: "json", bytes };
}

export const put: Run = async (call) => {
  const key = call.arg(0);
  const value = valueOf(call, await givenBytes(call));
  const result = await (await call.client()).kvPut(namespaceOf(call), key, value, call.once);
  if (call.out.json) await call.out.document(result);
  else call.out.aside(`wrote ${escapeText(key)}, ${plural(value.bytes.length, "byte")}`);
  return exitCodes.ok;
};

export const del: Run = async (call) => {
  const key = call.arg(0);
  const result = await (await call.client()).kvDelete(namespaceOf(call), key, call.once);
  if (call.out.json) await call.out.document(result);
  else call.out.aside(`deleted ${escapeText(key)}`);
  return exitCodes.ok;
};
