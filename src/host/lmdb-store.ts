/**
 * The `Store` port over lmdb: one memory-mapped, copy-on-write B+tree in a single file. A transaction commits with
 * fdatasync before it returns, so that whatever was acknowledged is on disk; a kill at any point leaves the last
 * committed tree. Failures of the disk become coded errors and undo the transaction; the next one tries again, so a
 * daemon recovers by itself once there is space.
 */
import { statSync } from "node:fs";
import { open, type RootDatabase } from "lmdb";
import { CoterieError, toCoterieError, type ErrorCode } from "../core/errors.ts";
import type { RangeOptions, Row, Store, StoreWriter } from "../core/ports.ts";
import { checkDisk } from "./disk-room.ts";
import { checkLmdbFolder, dataFile } from "./lmdb-folder.ts";

/** Address space reserved for the map, not disk or memory used: 64 GiB. */
const mapBytes = 2 ** 36;

type Database = RootDatabase<Buffer, Buffer>;

/** Opens or creates the store in the folder `path`; throws `STORE_FAILED`, `STORE_FULL` or `STORE_READ_ONLY`. */
export function openLmdbStore(path: string): Store {
  let db: Database;
  try {
    checkLmdbFolder(path);
    db = open<Buffer, Buffer>({
      path,
      noSubdir: false,
      keyEncoding: "binary",
      encoding: "binary",
      mapSize: mapBytes,
      maxReaders: 32,
    });
  } catch (error) {
    throw storeError(error, "cannot open the store");
  }
  return new LmdbStore(db, `${path}/${dataFile}`);
}

class LmdbStore implements Store {
  readonly #db: Database;
  readonly #file: string;
  readonly #writer: StoreWriter;
  #inTransaction = false;

  constructor(db: Database, file: string) {
    this.#db = db;
    this.#file = file;
    this.#writer = {
      get: (key) => this.get(key),
      range: (options) => this.range(options),
      put: (key, value) => {
        db.putSync(asBuffer(key), asBuffer(value));
      },
      remove: (key) => {
        db.removeSync(asBuffer(key));
      },
    };
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#db.get(asBuffer(key));
  }

  *range(options: RangeOptions): Iterable<Row> {
    const { from, to, reverse = false, limit } = options;
    const bounds = reverse
      ? { start: asBuffer(to), end: asBuffer(from), exclusiveStart: true, inclusiveEnd: true }
      : { start: asBuffer(from), end: asBuffer(to) };
    yield* this.#db.getRange({
      ...bounds,
      reverse,
      ...(limit === undefined ? {} : { limit }),
    });
  }

  transaction<T>(work: (tx: StoreWriter) => T): T {
    if (this.#inTransaction) return work(this.#writer);
    this.#inTransaction = true;
    try {
      checkDisk(this.#file);
      return this.#db.transactionSync(() => work(this.#writer));
    } catch (error) {
      if (error instanceof CoterieError) throw error;
      throw storeError(error, "the store refused a write");
    } finally {
      this.#inTransaction = false;
    }
  }

  async flushed(): Promise<void> {
    try {
      await this.#db.flushed;
    } catch (error) {
      throw storeError(error, "the store could not be flushed");
    }
  }

  sizeBytes(): number {
    return statSync(this.#file).size;
  }

  async close(): Promise<void> {
    await this.#db.close();
  }
}

/** lmdb takes any Uint8Array for binary keys and values; only its types ask for a Buffer. */
function asBuffer(bytes: Uint8Array): Buffer {
  return bytes as Buffer;
}

type Reason = {
  readonly pattern: RegExp;
  readonly code: ErrorCode;
  readonly why: string;
  readonly hint: string;
};

const goesOn = "the daemon goes on by itself";
const reasons: readonly Reason[] = [
  {
    pattern: /no space left|MDB_MAP_FULL|mapsize|quota exceeded/i,
    code: "STORE_FULL",
    why: "no space left on the disk",
    hint: `free some; ${goesOn}`,
  },
  {
    pattern: /read-only file system|permission denied|operation not permitted/i,
    code: "STORE_READ_ONLY",
    why: "the disk or the store is read-only",
    hint: `make it writable; ${goesOn}`,
  },
];

function storeError(error: unknown, what: string): CoterieError {
  const message = error instanceof Error ? error.message : String(error);
  const known = reasons.find(({ pattern }) => pattern.test(message));
  if (known !== undefined) {
    const { code, why, hint } = known;
    return new CoterieError(code, `${what}: ${why}`, { hint, cause: error });
  }
  if (error instanceof TypeError || error instanceof RangeError) return toCoterieError(error);
  return new CoterieError("STORE_FAILED", `${what}: ${message}`, {
    hint: "run coterie doctor",
    cause: error,
  });
}
