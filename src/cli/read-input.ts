/** Reading what the person names: a file, or stdin, up to a limit. */
import { createReadStream } from "node:fs";
import { CoterieError } from "../core/errors.ts";
import { humanBytes } from "./terminal/human.ts";

/** A failure of a local file, in words. */
export function fileFault(path: string, doing: "read" | "write", error: unknown): CoterieError {
  const code = (error as NodeJS.ErrnoException).code;
  const known: Readonly<Record<string, string>> = {
    ENOENT: doing === "read" ? "there is no such file" : "there is no such folder",
    EACCES: "permission denied",
    EISDIR: "it is a folder",
    ENOSPC: "no space left on the disk",
    EROFS: "the file system is read-only",
  };
  const why = known[code ?? ""] ?? (error instanceof Error ? error.message : String(error));
  const kind = code === "ENOENT" ? "NOT_FOUND" : code === "ENOSPC" ? "STORE_FULL" : "INTERNAL";
  return new CoterieError(kind, `cannot ${doing} ${path}: ${why}`, { cause: error });
}

/** All bytes of a stream; throws `TOO_LARGE` as soon as there are more than `bytesMax`. */
export async function readInput(
  stream: AsyncIterable<Uint8Array>,
  bytesMax: number,
  what: string,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > bytesMax) {
      throw new CoterieError("TOO_LARGE", `${what} is at most ${humanBytes(bytesMax)}`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The chunks of a file or, for `-`, of stdin. */
export async function* inputChunks(
  path: string,
  stdin: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const source: AsyncIterable<Uint8Array> = path === "-" ? stdin : createReadStream(path);
  try {
    for await (const chunk of source) yield chunk;
  } catch (error) {
    throw fileFault(path === "-" ? "stdin" : path, "read", error);
  }
}
