/** The value that a command is given: as an argument, from stdin or from a file. */
import { isUtf8 } from "node:buffer";
import { CoterieError } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import type { Call } from "./call.ts";
import { inputChunks, readInput } from "./read-input.ts";

export type GivenValue = {
  readonly kind: "text" | "json" | "bytes";
  readonly bytes: Uint8Array;
};

/** The second argument (`-` is stdin), or `--file`. Throws `USAGE`, `TOO_LARGE` or `BAD_VALUE`. */
export async function givenValue(call: Call, command: string): Promise<GivenValue> {
  return valueOf(call, await givenBytes(call, command));
}

async function givenBytes(call: Call, command: string): Promise<Uint8Array> {
  const inline = call.args[1];
  const file = call.values.text("file");
  if ((inline === undefined) === (file === undefined)) {
    throw new CoterieError("USAGE", `"${command}" wants either VALUE or --file FILE`, {
      hint: `usage: coterie ${command} KEY VALUE, or - to read stdin`,
    });
  }
  if (inline !== undefined && inline !== "-") return Buffer.from(inline, "utf8");
  return readInput(inputChunks(file ?? "-", call.io.stdin), limits.valueBytesMax, "a value");
}

/** The bytes with their kind; throws `BAD_VALUE` when they are not what they are said to be. */
export function valueOf(call: Call, bytes: Uint8Array): GivenValue {
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
