/**
 * Small files that must be whole or absent. A write goes to a temporary file in the same folder, is flushed, takes
 * its name in one step, and the folder is flushed; kill -9 at any point leaves the old content or the new one.
 */
import { constants } from "node:fs";
import { link, open, readdir, rename, rm } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { decodeUtf8, toHex } from "../core/codec.ts";
import { CoterieError, toCoterieError, type ErrorCode } from "../core/errors.ts";

const privateMode = 0o600;
const temporaryName = /^\..+\.[0-9a-f]{12}\.tmp$/;
/** More than any file of ours but the store's; a larger one is no file of ours. */
const bytesMax = 8 * 1024 * 1024;

/** Replaces or makes a file (0600). Throws `STORE_FULL`, `STORE_READ_ONLY` or `BAD_DATA_DIR`. */
export async function writeFileAtomic(path: string, content: string | Uint8Array): Promise<void> {
  await throughTemporary(path, content, (temporary) => rename(temporary, path));
}

/** Makes a file (0600) unless there is one already: then it leaves that alone and returns false. */
export async function createFileAtomic(
  path: string,
  content: string | Uint8Array,
): Promise<boolean> {
  let created = true;
  await throughTemporary(path, content, async (temporary) => {
    await link(temporary, path).catch((error: unknown) => {
      if (errnoOf(error) !== "EEXIST") throw error;
      created = false;
    });
    await rm(temporary);
  });
  return created;
}

async function throughTemporary(
  path: string,
  content: string | Uint8Array,
  give: (temporary: string) => Promise<void>,
): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${toHex(randomBytes(6))}.tmp`);
  try {
    const file = await open(temporary, "wx", privateMode);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await give(temporary);
    await syncFolder(folder);
  } catch (error) {
    await rm(temporary, { force: true });
    throw fileError("write", path, error);
  }
}

/** Makes sure that names that were made or changed in a folder outlive a loss of power. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Removes what interrupted writes left in a folder. Only for whoever holds the folder's lock. */
export async function removeTemporaries(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (temporaryName.test(name)) await rm(join(folder, name), { force: true });
  }
}

/**
 * The text of a file, or undefined when there is none. With `secret`, a file that others may read is refused, as ssh
 * does. Everything that is wrong is thrown under `code` with the path and what to do.
 */
export async function readTextFile(
  path: string,
  options: { readonly code: ErrorCode; readonly secret?: boolean },
): Promise<string | undefined> {
  const refuse = (reason: string, hint?: string): never => {
    throw new CoterieError(options.code, `${path}: ${reason}`, hint === undefined ? {} : { hint });
  };
  // without O_NONBLOCK, opening a pipe that someone put there would wait for ever
  const flags = constants.O_RDONLY | constants.O_NONBLOCK;
  const file = await open(path, flags).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return undefined;
    return refuse(`cannot be read (${reasonOf(error)})`);
  });
  if (file === undefined) return undefined;
  try {
    const stat = await file.stat();
    if (!stat.isFile()) refuse("is not a file");
    if (options.secret && othersMayRead(stat.mode)) {
      refuse("holds a secret, and others may read it", `run: chmod 600 ${path}`);
    }
    if (stat.size > bytesMax) refuse("is too large");
    return decodeUtf8(await file.readFile());
  } catch (error) {
    if (error instanceof CoterieError && error.code === options.code) throw error;
    return refuse(toCoterieError(error).message);
  } finally {
    await file.close();
  }
}

/** True when group or world have any right to a file or folder of this mode. */
export function othersMayRead(mode: number): boolean {
  return (mode & 0o077) !== 0;
}

export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "not permitted",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of its path is not a folder",
  ENOENT: "its folder does not exist",
};

function reasonOf(error: unknown): string {
  return reasons[errnoOf(error) ?? ""] ?? toCoterieError(error).message;
}

/** A failed operation of the file system as a coded error that names the path. */
export function fileError(verb: string, path: string, cause: unknown): CoterieError {
  if (cause instanceof CoterieError) return cause;
  const message = `cannot ${verb} ${path}: ${reasonOf(cause)}`;
  return new CoterieError(fileErrorCode(errnoOf(cause)), message, { cause });
}

function fileErrorCode(errno: string | undefined): ErrorCode {
  if (errno === "ENOSPC" || errno === "EDQUOT") return "STORE_FULL";
  return errno === "EROFS" ? "STORE_READ_ONLY" : "BAD_DATA_DIR";
}
