/**
 * Backups without a daemon: looked into, and restored. A restore reads the file twice: whole before anything is
 * written, then bundle by bundle into a new store, as if a peer had sent them. What is to become `network.json` lies
 * under another name from first to last, and says that the directory is half a node; it gets its name in the last step.
 * So an interrupted restore is no node, nobody takes it for an empty directory, and running it again starts it over.
 */
import { existsSync } from "node:fs";
import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { BackupOnDisk, checkSignatures, readContent } from "./backup-file.ts";
import type { BackupContent, OnProgress } from "./backup-file.ts";
import { backupFiles } from "../core/backup-record.ts";
import { badFormat, equalBytes } from "../core/codec.ts";
import { CoterieError } from "../core/errors.ts";
import { identityFromSeed, type Identity } from "../core/identity.ts";
import { formatKeyFile } from "../core/key-file.ts";
import { systemClock } from "../host/clock.ts";
import { dataDirPaths, prepareDataDir, type DataDirPaths } from "../host/data-dir.ts";
import { removeTemporaries, syncFolder, writeFileAtomic } from "../host/files.ts";
import { openLmdbStore } from "../host/lmdb-store.ts";
import { acquireLock } from "../host/lock.ts";
import { systemRandom } from "../host/random.ts";
import { storeOrigin } from "../host/store-origin.ts";
import { State } from "../protocol/state/state.ts";
import { stateDigest } from "../state-digest.ts";

/** What is in a backup. Digests are hexadecimal, `createdAt` is Unix ms. */
export type BackupReport = {
  readonly file: string;
  readonly bytes: number;
  /** Of the program that wrote it. */
  readonly version: string;
  readonly createdAt: number;
  readonly peerId: string;
  readonly name: string;
  readonly network: { readonly id: string; readonly name: string };
  /** True when the key that owns the network is in it. */
  readonly owner: boolean;
  readonly entries: number;
  readonly digest: string;
  readonly namespaces: readonly {
    readonly name: string;
    readonly entries: number;
    readonly digest: string;
  }[];
};

/** The same, and what became of it. `peerId` is that of the node that was made. */
export type RestoreReport = BackupReport & {
  readonly dataDir: string;
  readonly identity: "same" | "new";
  /** By how much what was restored is ahead of this machine's clock. */
  readonly leadMs: number;
};

/** Checks everything that can be checked without restoring it. Throws `BAD_BACKUP` or `STORE_VERSION`. */
export async function verifyBackup(options: {
  readonly file: string;
  readonly onProgress?: OnProgress;
}): Promise<BackupReport> {
  const backup = await BackupOnDisk.open(options.file, options.onProgress);
  try {
    const content = await readContent(backup);
    await checkSignatures(backup, content.networkId);
    return reportOf(backup, content);
  } finally {
    await backup.close();
  }
}

/**
 * Makes an absent or empty directory the node of the backup, or with `newIdentity` another node of its network with the
 * same state. Throws `ALREADY_INITIALISED` for any other directory, `ALREADY_RUNNING` while another process works on it,
 * `BAD_BACKUP` and `STORE_VERSION`; then the directory is as it was.
 */
export async function restoreBackup(options: {
  readonly file: string;
  readonly dataDir: string;
  readonly newIdentity?: boolean;
  readonly onProgress?: OnProgress;
}): Promise<RestoreReport> {
  const { file, dataDir, newIdentity = false } = options;
  const paths = dataDirPaths(dataDir);
  if (existsSync(paths.network)) throw notEmpty(paths, "network.json");
  const backup = await BackupOnDisk.open(file, options.onProgress);
  try {
    const content = await readContent(backup);
    const identity = newIdentity ? identityFromSeed(systemRandom.bytes(32)) : content.identity;
    const leadMs = await restoreInto(paths, backup, content, identity);
    const report = reportOf(backup, content);
    const kind = newIdentity ? "new" : "same";
    return { ...report, peerId: identity.peer, dataDir, identity: kind, leadMs };
  } finally {
    await backup.close();
  }
}

function reportOf(
  { path }: BackupOnDisk,
  { info, sum, bytes, files }: BackupContent,
): BackupReport {
  return { file: path, bytes, ...info, owner: files.has("owner.key"), ...sum };
}

async function restoreInto(
  paths: DataDirPaths,
  backup: BackupOnDisk,
  content: BackupContent,
  identity: Identity,
): Promise<number> {
  prepareDataDir(paths.root);
  const lock = await acquireLock(paths.root);
  try {
    await removeTemporaries(paths.root);
    await checkEmpty(paths);
    try {
      await clear(paths);
      await writeFileAtomic(paths.restoring, content.files.get("network.json")!);
      const leadMs = await restoreStore(paths, backup, content, identity);
      await restoreFiles(paths, content, identity);
      await rename(paths.restoring, paths.network);
      await syncFolder(paths.root);
      return leadMs;
    } catch (error) {
      await clear(paths);
      throw error;
    }
  } finally {
    lock.release();
  }
}

/** Lets a directory pass that has nothing but locks in it, or what an interrupted restore left. */
async function checkEmpty(paths: DataDirPaths): Promise<void> {
  const names = await readdir(paths.root);
  const isNode = names.includes("network.json");
  if (names.includes("network.json.restoring") && !isNode) return;
  const found = isNode ? "network.json" : names.find((name) => !name.startsWith("lock"));
  if (found !== undefined) throw notEmpty(paths, found);
}

function notEmpty({ root }: DataDirPaths, name: string): CoterieError {
  return new CoterieError("ALREADY_INITIALISED", `${root} is not empty: it holds ${name}`, {
    hint: "restore into another folder: --data-dir DIR",
  });
}

/** Removes what a restore writes, the mark of being one last. */
async function clear(paths: DataDirPaths): Promise<void> {
  await rm(paths.store, { recursive: true, force: true });
  for (const name of backupFiles) await rm(join(paths.root, name), { force: true });
  await rm(paths.restoring, { force: true });
}

/**
 * What lived there lives here, be it ahead of this machine's clock: held back, it would be gone with this process. No
 * stamp is in the future of this clock.
 */
const endOfTimeMs = 2 ** 48;

/** Returns by how much the state is ahead of the wall clock. */
async function restoreStore(
  paths: DataDirPaths,
  backup: BackupOnDisk,
  { networkId, checksum, sum }: BackupContent,
  identity: Identity,
): Promise<number> {
  const store = openLmdbStore(paths.store);
  try {
    const state = new State({
      store,
      identity,
      network: networkId,
      random: systemRandom,
      origin: JSON.stringify(storeOrigin(paths.root)),
    });
    const sound = await backup.read((record) => {
      if (record.kind !== "bundles") return;
      const results = state.ingestAll(record.bundles, identity.peer, endOfTimeMs);
      const refusal = results.find(({ refused }) => refused > 0);
      if (refusal !== undefined) badFormat(refusal.reason ?? "an entry is refused");
    });
    if (!equalBytes(sound.checksum, checksum)) throw backup.fault("it changed while it was read");
    const { digest, entries } = stateDigest(state);
    if (digest !== sum.digest) {
      throw backup.fault(
        `it gives another state (${entries} entries) than it says (${sum.entries})`,
      );
    }
    await store.flushed();
    return state.leadMs(systemClock.wallMs());
  } finally {
    await store.close();
    await syncFolder(paths.store);
  }
}

/** All but `network.json`. */
async function restoreFiles(
  paths: DataDirPaths,
  { files }: BackupContent,
  identity: Identity,
): Promise<void> {
  for (const [name, text] of files) {
    if (name === "network.json") continue;
    const content = name === "identity.key" ? formatKeyFile("identity", identity.seed) : text;
    await writeFileAtomic(join(paths.root, name), content);
  }
}
