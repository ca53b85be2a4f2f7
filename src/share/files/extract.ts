/**
 * Writes a DAG to a path. Everything is made anew in a temporary folder or file beside it, flushed, and takes its name in
 * one step. (Files are flushed some hundred at a time after they were written: the first flush carries the others through
 * the journal of the file system.)
 *
 * No name of the DAG can lead elsewhere, since each is made where nothing was, under a folder made here, and
 * symbolic links are made last and only such as stay inside. Bytes are bounded by what is free on the disk, entries by a
 * limit, so that a DAG that says it is huge is refused before the disk is full.
 */
import { constants } from "node:fs";
import { link, lstat, mkdir, open, rename, rm, stat, statfs, symlink } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { CID } from "multiformats/cid";
import { decodeUtf8, toHex } from "../../core/codec.ts";
import { CoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { Random } from "../../core/ports.ts";
import { errnoOf, fileFault } from "./file-fault.ts";
import { staysInside } from "./link-target.ts";
import { TaskPool } from "./task-pool.ts";
import type { UnixfsNode } from "./unixfs-node.ts";
import {
  badDag,
  readFile,
  readFolder,
  readNode,
  tooDeep,
  type FileNode,
  type ReadBlock,
} from "./unixfs-read.ts";

export type ExtractOptions = {
  readonly signal: AbortSignal;
  readonly random: Random;
  /** Called with the bytes that were written since. */
  onWritten(bytes: number): void;
};

/**
 * The path is to be free; its folder is to be there. Rejects `BAD_FILE` for the path, `BAD_DAG` for the DAG, `STORE_FULL`;
 * then nothing is left.
 */
export async function extract(read: ReadBlock, root: CID, path: string, options: ExtractOptions) {
  const target = resolve(path);
  await checkFree(target);
  const parent = dirname(target);
  const suffix = toHex(options.random.bytes(6));
  const temporary = join(parent, `.${basename(target).slice(0, 64)}.${suffix}.tmp`);
  try {
    const { bavail, bsize } = await statfs(parent);
    const writer = new Writer(read, options, bavail * bsize - limits.filesHeadroomBytes);
    const node = await readNode(read, root, options.signal);
    if (node.kind === "symlink") throw badDag(root, "it is a symbolic link and nothing else");
    if (node.kind === "file") {
      await writer.file(node, temporary);
      await writer.settle();
      await giveName(temporary, target);
    } else {
      await writer.folder(node, temporary, 0);
      await writer.links();
      await writer.settle();
      await rename(temporary, target);
    }
    await flushPath(parent);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw fileFault("write", target, error, "BAD_FILE");
  }
}

class Writer {
  readonly #read: ReadBlock;
  readonly #options: ExtractOptions;
  readonly #pool = new TaskPool(limits.filesAtOnce);
  readonly #unsynced: string[] = [];
  readonly #links: { readonly path: string; readonly target: string }[] = [];
  #bytesLeft: number;
  #entriesLeft: number = limits.extractEntriesMax;

  constructor(read: ReadBlock, options: ExtractOptions, bytesMax: number) {
    this.#read = read;
    this.#options = options;
    this.#bytesLeft = bytesMax;
  }

  async folder(node: UnixfsNode, path: string, depth: number): Promise<void> {
    if (depth >= limits.dagDepthMax / 2) throw tooDeep(limits.dagDepthMax / 2);
    const { signal } = this.#options;
    await mkdir(path);
    const files: Promise<void>[] = [];
    try {
      for await (const { cid, name } of readFolder(this.#read, node, signal)) {
        const inner = join(path, checkedName(cid, name));
        if (--this.#entriesLeft < 0) {
          throw badDag(cid, `it has over ${limits.extractEntriesMax} entries`);
        }
        const child = await readNode(this.#read, cid, signal);
        if (child.kind === "symlink") {
          this.#link(cid, child.target, inner, depth);
        } else if (child.kind === "file") {
          const { done } = await this.#pool.start(() => this.file(child, inner));
          files.push(done);
          if (files.length >= limits.filesAtOnce * 4) await Promise.all(files.splice(0));
        } else {
          await this.folder(child, inner, depth + 1);
        }
      }
    } finally {
      // nothing is written any more when the caller cleans up
      await Promise.allSettled(files);
    }
    await Promise.all(files);
    await this.#written(path);
  }

  async file(node: FileNode, path: string): Promise<void> {
    const { signal, onWritten } = this.#options;
    this.#bytesLeft -= node.size;
    if (this.#bytesLeft < 0) {
      throw new CoterieError("STORE_FULL", `the disk has no room for what it says it is: ${path}`, {
        hint: "free some space, or get it to another disk with -o",
      });
    }
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
    const file = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o666);
    try {
      let at = 0;
      for await (const piece of readFile(this.#read, node, signal, { frees: true })) {
        for (let rest = piece; rest.length > 0;) {
          const { bytesWritten } = await file.write(rest, 0, rest.length, at);
          at += bytesWritten;
          rest = rest.subarray(bytesWritten);
        }
        onWritten(piece.length);
      }
    } finally {
      await file.close();
    }
    await this.#written(path);
  }

  /** Makes the symbolic links, when nothing is written any more that they could lead astray. */
  async links(): Promise<void> {
    for (const { path, target } of this.#links) {
      await symlink(target, path);
      await this.#written(dirname(path));
    }
  }

  /** Resolves when everything is on disk. */
  async settle(): Promise<void> {
    await Promise.all(this.#unsynced.splice(0).map(flushPath));
  }

  async #written(path: string): Promise<void> {
    this.#unsynced.push(path);
    if (this.#unsynced.length >= limits.extractFlushPaths) await this.settle();
  }

  #link(cid: CID, bytes: Uint8Array, path: string, depth: number): void {
    const target = decodeUtf8(bytes);
    if (!staysInside(target, depth)) {
      throw badDag(cid, `it is a symbolic link out of the folder, to ${JSON.stringify(target)}`);
    }
    if (this.#links.push({ path, target }) > limits.extractLinksMax) {
      throw badDag(cid, `it has over ${limits.extractLinksMax} symbolic links`);
    }
  }
}

function checkedName(cid: CID, name: string): string {
  const isBad = name === "" || name === "." || name === ".." || /[/\0]/.test(name);
  if (isBad) throw badDag(cid, `it has a name that no file can have: ${JSON.stringify(name)}`);
  return name;
}

/** Rejects `BAD_FILE` when something is there, or no folder is to put it in. */
export async function checkFree(path: string): Promise<void> {
  const facts = await lstat(path).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw fileFault("write", path, error, "BAD_FILE");
  });
  if (facts === undefined) {
    await stat(dirname(path)).catch((error: unknown) => {
      throw fileFault("write", path, error, "BAD_FILE");
    });
    return;
  }
  throw new CoterieError("BAD_FILE", `${JSON.stringify(path)} is there already`, {
    hint: "remove it, or choose another path with -o",
  });
}

/** Takes no name that another took meanwhile, where the file system can tell. */
async function giveName(temporary: string, target: string): Promise<void> {
  try {
    await link(temporary, target);
    await rm(temporary);
  } catch (error) {
    const cannotLink = ["EPERM", "ENOTSUP", "EOPNOTSUPP"].includes(errnoOf(error) ?? "");
    if (!cannotLink) throw error;
    await rename(temporary, target);
  }
}

async function flushPath(path: string): Promise<void> {
  const file = await open(path, constants.O_RDONLY);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
