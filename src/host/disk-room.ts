/**
 * Whether the disk takes a transaction, asked before each (about 4 us). lmdb must not be the one to find out: it reports
 * a write cut short by a full disk as an I/O error, and one refused outright by a sprintf into 100 bytes that may need
 * more (lmdb 3.5.6, mdb.c, mdb_page_flush), which ends the process a moment later with a corrupt heap.
 */
import { accessSync, constants, statfsSync } from "node:fs";
import { CoterieError } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import { errnoOf } from "./files.ts";

const MiB = 1024 * 1024;

/** Throws `STORE_FULL` when less than `limits.storeHeadroomBytes` are free, `STORE_READ_ONLY` when `file` cannot be written. */
export function checkDisk(file: string): void {
  const { bavail, bsize } = statfsSync(file);
  if (bavail * bsize < limits.storeHeadroomBytes) {
    throw new CoterieError(
      "STORE_FULL",
      `the store takes no writes: less than ${limits.storeHeadroomBytes / MiB} MiB are free on its disk`,
      { hint: "free some; the daemon goes on by itself" },
    );
  }
  try {
    accessSync(file, constants.W_OK);
  } catch (error) {
    const why = errnoOf(error) === "EROFS" ? "its disk is read-only" : "its file is read-only";
    throw new CoterieError("STORE_READ_ONLY", `the store takes no writes: ${why}`, {
      hint: "make it writable; the daemon goes on by itself",
      cause: error,
    });
  }
}
