/**
 * Keeps a second daemon out of a data directory. Node has no flock, but its SQLite takes the same kernel lock (fcntl,
 * on a byte of the file) for `BEGIN IMMEDIATE`, and a transaction that is never ended holds it. The kernel lets go
 * when the process is gone, however it went, so nothing can be stale and nothing has to be taken over: no comparing
 * of process ids, which are reused after a reboot and mean nothing in another container. `IMMEDIATE` and not
 * `EXCLUSIVE`, because of contenders for the first exactly one gets it (sqlite.org/lockingv3.html: RESERVED).
 *
 * The database file stays empty. This process must not open and close it by other means: that would drop the lock
 * (fcntl(2)). The holder's process id is written beside it, only to be named in messages.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { CoterieError, toCoterieError } from "../core/errors.ts";
import { systemClock } from "./clock.ts";
import { dataDirPaths, type DataDirPaths } from "./data-dir.ts";
import { errnoOf, fileError } from "./files.ts";

export type DataDirLock = { release(): void };

/** SQLite's primary result codes (sqlite.org/rescode.html). */
const sqliteBusy = 5;
const sqliteReadOnly = 8;
const sqliteFull = 13;
const sqliteNotADatabase = 26;

/** How long a holder may take to write its process id, or a short holder to let go. */
const patienceMs = 2_000;
const pollMs = 10;

/**
 * Takes the lock of an existing data directory. Throws `ALREADY_RUNNING`, naming the process, when another holds it;
 * `STORE_READ_ONLY` or `BAD_DATA_DIR` when it cannot be locked at all.
 */
export async function acquireLock(root: string): Promise<DataDirLock> {
  const paths = dataDirPaths(root);
  const giveUpMs = systemClock.monotonicMs() + patienceMs;
  for (;;) {
    const database = tryLock(paths.lock);
    if (database !== undefined) return holding(paths, database);
    const pid = liveHolder(paths.lockPid);
    if (pid !== undefined || systemClock.monotonicMs() > giveUpMs) throw alreadyRunning(root, pid);
    // a sleep of the clock's would let the process end
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

function holding(paths: DataDirPaths, database: DatabaseSync): DataDirLock {
  try {
    writeFileSync(paths.lockPid, `${process.pid}\n`, { mode: 0o600 });
  } catch (error) {
    database.close();
    throw fileError("write", paths.lockPid, error);
  }
  let held = true;
  return {
    release: () => {
      if (!held) return;
      held = false;
      rmSync(paths.lockPid, { force: true });
      database.close();
    },
  };
}

/** The open database that holds the lock, or undefined when another holds it. */
function tryLock(path: string): DatabaseSync | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path);
    database.exec("BEGIN IMMEDIATE");
    return database;
  } catch (error) {
    database?.close();
    const code = sqliteCode(error);
    if (code === sqliteBusy) return undefined;
    if (code === sqliteReadOnly) {
      throw new CoterieError("STORE_READ_ONLY", `cannot lock ${path}: it is read-only`, {
        cause: error,
      });
    }
    if (code === sqliteFull) {
      throw new CoterieError("STORE_FULL", `cannot lock ${path}: the disk is full`, {
        hint: "free some space and try again",
        cause: error,
      });
    }
    const hint = code === sqliteNotADatabase ? { hint: `remove ${path}: it is not ours` } : {};
    const reason = toCoterieError(error).message;
    throw new CoterieError("BAD_DATA_DIR", `cannot lock ${path}: ${reason}`, {
      ...hint,
      cause: error,
    });
  }
}

function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode & 0xff : undefined;
}

function liveHolder(path: string): number | undefined {
  let pid: number;
  try {
    pid = Number.parseInt(readFileSync(path, "utf8"), 10);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw fileError("read", path, error);
  }
  return isAlive(pid) ? pid : undefined;
}

function isAlive(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) === "EPERM";
  }
}

function alreadyRunning(root: string, pid: number | undefined): CoterieError {
  const who = pid === undefined ? "another process" : `process ${pid}`;
  return new CoterieError("ALREADY_RUNNING", `${who} already uses ${root}`, {
    hint: "see it with: coterie status; stop it with: coterie down; or choose another --data-dir",
  });
}
