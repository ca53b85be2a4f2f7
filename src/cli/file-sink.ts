/** A file that gets its name only when it is whole and on disk; pipes and devices are written in place. */
import { open, rename, rm, stat } from "node:fs/promises";
import { fileFault } from "./read-input.ts";

export type FileSink = {
  write(chunk: Uint8Array): Promise<void>;
  finish(): Promise<void>;
  /** Leaves nothing behind. */
  abandon(): Promise<void>;
};

async function isSpecial(path: string): Promise<boolean> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (found?.isDirectory()) throw Object.assign(new Error("a folder"), { code: "EISDIR" });
  return found !== undefined && !found.isFile();
}

/** Throws a coded error that names the file; so do the sink's methods. `mode`: of a new file, if not the usual one. */
export async function openFileSink(path: string, mode?: number): Promise<FileSink> {
  const guarded = <T>(work: Promise<T>): Promise<T> =>
    work.catch((error: unknown) => {
      throw fileFault(path, "write", error);
    });
  const inPlace = await guarded(isSpecial(path));
  const target = inPlace ? path : `${path}.${process.pid}.partial`;
  if (!inPlace) await guarded(rm(target, { force: true })); // left by one that was killed
  const file = await guarded(open(target, inPlace ? "w" : "wx", mode));
  if (mode !== undefined && !inPlace) await guarded(file.chmod(mode));
  const finish = async () => {
    if (!inPlace) await file.sync();
    await file.close();
    if (!inPlace) await rename(target, path);
  };
  const abandon = async () => {
    await file.close();
    if (!inPlace) await rm(target, { force: true });
  };
  return {
    write: (chunk) => guarded(file.writeFile(chunk)),
    finish: () => guarded(finish()),
    abandon,
  };
}
