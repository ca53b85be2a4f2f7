/**
 * Adds what lies at a path: a file, or a folder with all that is in it. Names are kept as they are; what cannot be kept as
 * it is (no file, no folder, a name that is not UTF-8, a symbolic link out of the folder, a file that changes while it is
 * read) ends the whole with an error that names the path: a share lacks nothing silently.
 */
import { constants } from "node:fs";
import { open, opendir, readlink, stat, lstat, type FileHandle } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { decodeUtf8 } from "../../core/codec.ts";
import { CoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { BlockSink } from "./block-sink.ts";
import { fileFault } from "./file-fault.ts";
import { staysInside } from "./link-target.ts";
import { TaskPool } from "./task-pool.ts";
import {
  buildFile,
  buildFolder,
  buildSmallFile,
  buildSymlink,
  type Built,
  type BuiltEntry,
} from "./unixfs-build.ts";

/** What to do with symbolic links that lead out of the folder: none is ever followed. */
export type OutsideLinks = "refuse" | "keep" | "skip";

export type AddOptions = {
  readonly outsideLinks: OutsideLinks;
  readonly signal: AbortSignal;
  /** Called with the bytes that were read since. */
  onRead(bytes: number): void;
};

export type Added = Built & { readonly name: string; readonly kind: "file" | "folder" };

/** A link at the path itself is followed: that is what was named. Rejects `BAD_FILE`, `FILE_CHANGED` and what storing does. */
export async function addPath(sink: BlockSink, path: string, options: AddOptions): Promise<Added> {
  const facts = await stat(path).catch((error: unknown) => {
    throw fileFault("add", path, error, "BAD_FILE");
  });
  const name = basename(resolve(path));
  const walk = new Walk(sink, options);
  if (facts.isDirectory()) return { ...(await walk.folder(path, 0)), name, kind: "folder" };
  return { ...(await walk.file(path, constants.O_RDONLY)), name, kind: "file" };
}

/** Bytes of the files at a path, as far as they can be seen: for progress. */
export async function bytesAt(path: string, signal: AbortSignal): Promise<number> {
  const facts = await stat(path);
  if (!facts.isDirectory()) return facts.size;
  let bytes = 0;
  const folder = await opendir(path, { recursive: true });
  for await (const entry of folder) {
    signal.throwIfAborted();
    if (entry.isFile()) bytes += (await lstat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}

class Walk {
  readonly #sink: BlockSink;
  readonly #options: AddOptions;
  readonly #pool = new TaskPool(limits.filesAtOnce);

  constructor(sink: BlockSink, options: AddOptions) {
    this.#sink = sink;
    this.#options = options;
  }

  async folder(path: string, depth: number): Promise<Built> {
    if (depth >= limits.dagDepthMax / 2) throw badFile(path, "folders lie too deep");
    const files: Promise<BuiltEntry>[] = [];
    const entries: BuiltEntry[] = [];
    try {
      for (const { name, kind } of await listFolder(path)) {
        this.#options.signal.throwIfAborted();
        const inner = join(path, name);
        if (kind === "folder") {
          entries.push({ name, ...(await this.folder(inner, depth + 1)) });
        } else if (kind === "link") {
          const built = await this.#link(inner, depth);
          if (built !== undefined) entries.push({ name, ...built });
        } else if (kind === "file") {
          const { done } = await this.#pool.start(() => this.file(inner));
          files.push(done.then((built) => ({ name, ...built })));
        } else {
          throw badFile(inner, "it is neither a file, a folder nor a symbolic link");
        }
      }
    } finally {
      // nothing is read any more when this is over
      await Promise.allSettled(files);
    }
    entries.push(...(await Promise.all(files)));
    return buildFolder(this.#sink, entries);
  }

  async file(path: string, flags = constants.O_RDONLY | constants.O_NOFOLLOW): Promise<Built> {
    const { signal } = this.#options;
    signal.throwIfAborted();
    let file: FileHandle | undefined;
    try {
      // without O_NONBLOCK, opening a pipe that stands there would wait for ever
      file = await open(path, flags | constants.O_NONBLOCK);
      return await this.#content(path, file);
    } catch (error) {
      throw fileFault("add", path, error, "BAD_FILE");
    } finally {
      await file?.close();
    }
  }

  async #content(path: string, file: FileHandle): Promise<Built> {
    const before = await file.stat({ bigint: true });
    if (!before.isFile()) throw badFile(path, "it is no regular file");
    const size = Number(before.size);
    let read = 0;
    const onRead = (bytes: number): void => {
      read += bytes;
      this.#options.onRead(bytes);
    };
    const built =
      size <= limits.fileChunkBytes
        ? await buildSmallFile(this.#sink, await readSmall(file, size, onRead))
        : await buildFile(this.#sink, this.#pieces(file, onRead));
    const after = await file.stat({ bigint: true });
    if (read === size && after.size === before.size && after.mtimeNs === before.mtimeNs) {
      return built;
    }
    throw new CoterieError("FILE_CHANGED", `${JSON.stringify(path)} changed while it was read`, {
      hint: "add it again when nothing writes to it",
    });
  }

  /** To the end of the file, in chunks of which each is a new one: they are kept until they are stored. */
  async *#pieces(file: FileHandle, onRead: (bytes: number) => void): AsyncGenerator<Uint8Array> {
    for (let at = 0; ;) {
      this.#options.signal.throwIfAborted();
      const buffer = Buffer.allocUnsafeSlow(limits.fileChunkBytes);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      onRead(bytesRead);
      yield buffer.subarray(0, bytesRead);
    }
  }

  async #link(path: string, depth: number): Promise<Built | undefined> {
    const target = await readlink(path, { encoding: "buffer" }).then(
      (bytes) => nameOf(path, bytes),
      (error: unknown) => {
        throw fileFault("add", path, error, "BAD_FILE");
      },
    );
    if (!staysInside(target, depth) && this.#options.outsideLinks !== "keep") {
      if (this.#options.outsideLinks === "skip") return undefined;
      const where = JSON.stringify(target);
      throw badFile(path, `it is a symbolic link out of the folder, to ${where}`, {
        hint: "leave such links out with --links skip, or keep them as they are with --links keep",
      });
    }
    return buildSymlink(this.#sink, target);
  }
}

type Listed = { readonly name: string; readonly kind: "file" | "folder" | "link" | "other" };

/** In the order of the names' bytes, so that what is added first does not depend on the disk. */
async function listFolder(path: string): Promise<Listed[]> {
  const listed: { name: Buffer; kind: Listed["kind"] }[] = [];
  try {
    const folder = await opendir(path, { encoding: "buffer" as BufferEncoding, bufferSize: 256 });
    for await (const entry of folder) {
      const name = entry.name as unknown as Buffer;
      const kind = entry.isFile()
        ? "file"
        : entry.isDirectory()
          ? "folder"
          : entry.isSymbolicLink()
            ? "link"
            : "other";
      listed.push({ name, kind });
    }
  } catch (error) {
    throw fileFault("read", path, error, "BAD_FILE");
  }
  listed.sort((a, b) => Buffer.compare(a.name, b.name));
  return listed.map(({ name, kind }) => ({ name: nameOf(path, name), kind }));
}

function nameOf(path: string, bytes: Buffer): string {
  try {
    return decodeUtf8(bytes);
  } catch {
    const shown = JSON.stringify(bytes.toString("latin1"));
    throw badFile(path, `it holds a name that is not UTF-8: ${shown}`, { hint: "rename it" });
  }
}

/**
 * A small file, mostly in one call. A byte more than it has is asked for: one that has grown, or does not say its size,
 * does not go unseen.
 */
async function readSmall(
  file: FileHandle,
  size: number,
  onRead: (bytes: number) => void,
): Promise<Uint8Array> {
  const buffer = new Uint8Array(size + 1);
  let at = 0;
  do {
    const { bytesRead } = await file.read(buffer, at, buffer.length - at, at);
    onRead(bytesRead);
    if (bytesRead === 0) break;
    at += bytesRead;
  } while (at < size);
  return buffer.subarray(0, Math.min(at, size));
}

function badFile(path: string, why: string, options: { hint?: string } = {}): CoterieError {
  return new CoterieError("BAD_FILE", `cannot add ${JSON.stringify(path)}: ${why}`, options);
}
