/**
 * What a file and a document had in common when they were last exchanged: the base of the next three-way merge. Kept in
 * the data directory by the file's path, so that nothing lies around beside the file.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, realpath } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { openFileSink } from "./file-sink.ts";
import { fileFault } from "./read-input.ts";

/** The folder in the data directory. */
const folder = "edits";

export type DocBase = {
  recall(): Promise<string | undefined>;
  keep(text: string): Promise<void>;
};

export async function docBase(
  dataDir: string,
  namespace: string,
  key: string,
  file: string,
): Promise<DocBase> {
  const path = await realPath(file);
  const name = createHash("sha256")
    .update(JSON.stringify([path, namespace, key]))
    .digest("hex");
  const record = join(dataDir, folder, `${name.slice(0, 32)}.json`);
  return {
    async recall() {
      const text = await readFile(record, "utf8").catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return undefined;
        throw fileFault(record, "read", error);
      });
      return text === undefined ? undefined : (JSON.parse(text) as { base: string }).base;
    },
    async keep(base) {
      await mkdir(join(dataDir, folder), { recursive: true, mode: 0o700 });
      const sink = await openFileSink(record);
      try {
        await sink.write(Buffer.from(`${JSON.stringify({ path, namespace, key, base })}\n`));
        await sink.finish();
      } catch (error) {
        await sink.abandon();
        throw error;
      }
    },
  };
}

/** Of a file that need not exist yet, in a folder that does. */
async function realPath(file: string): Promise<string> {
  const path = resolve(file);
  return realpath(path).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw fileFault(file, "read", error);
    const parent = await realpath(dirname(path)).catch((cause: unknown) => {
      throw fileFault(file, "write", cause);
    });
    return join(parent, basename(path));
  });
}
