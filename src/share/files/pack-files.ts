/**
 * The pack files of a folder: `<id>.pack`, eight hexadecimal digits, each written to its end once and then only read
 * until it is removed. Appends are one after another; reads go on beside them, through a few open files.
 */
import { constants } from "node:fs";
import { mkdir, open, readdir, rm, statfs, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { CoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import { errnoOf, fileFault } from "./file-fault.ts";

const nameOfPack = /^([0-9a-f]{8})\.pack$/;
const openFilesMax = 64;
const MiB = 1024 * 1024;

/** Where a record lies: its pack, the offset of its head, the length of its block. */
export type Place = { readonly pack: number; readonly at: number; readonly length: number };

export class PackFiles {
  readonly #folder: string;
  /** The one that is written, and how far. */
  #active: { readonly id: number; readonly file: FileHandle; size: number } | undefined;
  /** Open for reading, the least recently used first. */
  readonly #readers = new Map<number, Promise<FileHandle>>();

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Makes the folder if there is none. Throws `STORE_FULL`, `STORE_READ_ONLY` or `STORE_FAILED`. */
  static async open(folder: string): Promise<PackFiles> {
    return guarded("open", folder, async () => {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      return new PackFiles(folder);
    });
  }

  /** Ids and sizes of the packs that are there, ascending. */
  async list(): Promise<{ readonly id: number; readonly size: number }[]> {
    return guarded("read", this.#folder, async () => {
      const names = (await readdir(this.#folder)).toSorted();
      const found = names.flatMap((name) => nameOfPack.exec(name)?.[1] ?? []);
      return Promise.all(
        found.map(async (digits) => {
          const id = Number.parseInt(digits, 16);
          return { id, size: (await (await this.#reader(id)).stat()).size };
        }),
      );
    });
  }

  /** Goes on writing a pack at `size`, cutting off what lies beyond, or begins it. What was written before is on disk. */
  async use(id: number, size: number): Promise<void> {
    const path = this.#path(id);
    await guarded("write", path, async () => {
      const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
      try {
        await file.truncate(size);
        if (size === 0) await this.#syncFolder();
        await this.#closeActive();
      } catch (error) {
        await file.close();
        throw error;
      }
      this.#active = { id, file, size };
    });
  }

  get active(): { readonly id: number; readonly size: number } | undefined {
    return this.#active;
  }

  /** Appends to the active pack; returns where. All is there or, after a rejection, nothing. */
  async append(pieces: readonly Uint8Array[]): Promise<{ pack: number; at: number }> {
    const active = this.#active;
    if (active === undefined) throw new Error("no pack is being written");
    const at = active.size;
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    await this.#checkRoom(length);
    await guarded("write", this.#path(active.id), async () => {
      try {
        await writeAll(active.file, pieces, at);
      } catch (error) {
        await active.file.truncate(at).catch(() => undefined); // the next write goes over it
        throw error;
      }
    });
    active.size = at + length;
    return { pack: active.id, at };
  }

  /** Resolves when all appends that resolved before are on disk. */
  async sync(): Promise<void> {
    const active = this.#active;
    if (active === undefined) return;
    await guarded("flush", this.#path(active.id), () => active.file.datasync());
  }

  /** Up to `length` bytes; fewer at the end of the pack, none when there is no such pack. */
  async read(pack: number, at: number, length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafeSlow(length);
    return guarded("read", this.#path(pack), async () => {
      try {
        const file = await this.#reader(pack);
        const { bytesRead } = await file.read(buffer, 0, length, at);
        return buffer.subarray(0, bytesRead);
      } catch (error) {
        // removed or closed in the meantime, so that the caller looks again where the block is; or a bad sector
        if (["ENOENT", "EBADF", "EIO"].includes(errnoOf(error) ?? "")) return buffer.subarray(0, 0);
        throw error;
      }
    });
  }

  /**
   * Removes packs; a block that is being read from one is still read whole. The folder is not flushed, which writers would
   * have to wait for: a pack that a loss of power brings back is read again at the next start, and all of it is dead.
   */
  async remove(ids: readonly number[]): Promise<void> {
    await guarded("remove packs of", this.#folder, async () => {
      for (const id of ids) {
        const reader = this.#readers.get(id);
        this.#readers.delete(id);
        await rm(this.#path(id), { force: true });
        if (reader !== undefined) await (await reader).close();
      }
    });
  }

  async close(): Promise<void> {
    await this.#closeActive();
    const readers = [...this.#readers.values()];
    this.#readers.clear();
    for (const reader of readers) await (await reader).close();
  }

  #path(id: number): string {
    return join(this.#folder, `${id.toString(16).padStart(8, "0")}.pack`);
  }

  #reader(id: number): Promise<FileHandle> {
    const known = this.#readers.get(id);
    if (known !== undefined) {
      this.#readers.delete(id);
      this.#readers.set(id, known);
      return known;
    }
    const file = open(this.#path(id), constants.O_RDONLY);
    this.#readers.set(id, file);
    file.catch(() => this.#readers.delete(id));
    if (this.#readers.size > openFilesMax) this.#closeOldest();
    return file;
  }

  #closeOldest(): void {
    const [oldest] = this.#readers;
    if (oldest === undefined) return;
    this.#readers.delete(oldest[0]);
    // `close` waits for reads under way
    oldest[1].then((file) => file.close()).catch(() => undefined);
  }

  async #closeActive(): Promise<void> {
    const active = this.#active;
    if (active === undefined) return;
    await active.file.datasync();
    this.#active = undefined;
    await active.file.close();
  }

  async #syncFolder(): Promise<void> {
    const folder = await open(this.#folder, constants.O_RDONLY);
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }

  /** Files leave room on the disk, so that the state can still be written when they cannot. */
  async #checkRoom(bytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.#folder);
    if (bavail * bsize - bytes >= limits.filesHeadroomBytes) return;
    const room = limits.filesHeadroomBytes / MiB;
    throw new CoterieError("STORE_FULL", `no more files: less than ${room} MiB would stay free`, {
      hint: "free some space on the disk, or remove shares",
    });
  }
}

/** `writev` may write less than it was given. */
async function writeAll(
  file: FileHandle,
  pieces: readonly Uint8Array[],
  from: number,
): Promise<void> {
  let rest = pieces.filter(({ length }) => length > 0);
  for (let at = from; rest.length > 0;) {
    const { bytesWritten } = await file.writev(rest.slice(0, limits.packPiecesMax), at);
    at += bytesWritten;
    rest = after(rest, bytesWritten);
  }
}

function after(pieces: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let left = bytes;
  for (const [index, piece] of pieces.entries()) {
    if (left < piece.length) return [piece.subarray(left), ...pieces.slice(index + 1)];
    left -= piece.length;
  }
  return [];
}

async function guarded<T>(verb: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fileFault(verb, path, error, "STORE_FAILED");
  }
}
