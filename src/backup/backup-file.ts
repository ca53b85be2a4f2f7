/** A backup on disk: read from end to end, and checked. Nothing here writes. */
import { open, type FileHandle } from "node:fs/promises";
import type { BackupFile, BackupInfo, BackupRecord, StateSum } from "../core/backup-record.ts";
import { BackupReader } from "../core/backup-stream.ts";
import { badFormat, fromHex, toHex } from "../core/codec.ts";
import { CoterieError } from "../core/errors.ts";
import { identityFromSeed, type Identity } from "../core/identity.ts";
import { parseKeyFile } from "../core/key-file.ts";
import { parseNetworkFile } from "../core/network.ts";
import { errnoOf, fileError } from "../host/files.ts";
import { acceptBundle } from "../protocol/state/bundle.ts";

/** How far a reading has come: bytes of the whole file. */
export type BackupProgress = { readonly bytes: number; readonly of: number };
export type OnProgress = (progress: BackupProgress) => void;

/** A file that was whole and undamaged from end to end. */
type Sound = { readonly bytes: number; readonly checksum: Uint8Array };

const chunkBytes = 256 * 1024;

export class BackupOnDisk {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #onProgress: OnProgress;

  /** Throws `NOT_FOUND` or `BAD_DATA_DIR` for what cannot be read. */
  static async open(path: string, onProgress: OnProgress = () => undefined): Promise<BackupOnDisk> {
    try {
      return new BackupOnDisk(path, await open(path, "r"), onProgress);
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw fileError("read", path, error);
      throw new CoterieError("NOT_FOUND", `there is no file ${path}`, { cause: error });
    }
  }

  private constructor(path: string, handle: FileHandle, onProgress: OnProgress) {
    this.path = path;
    this.#handle = handle;
    this.#onProgress = onProgress;
  }

  /**
   * Shows each record to `visit`. What it throws as `BAD_FORMAT` is a fault of the file. Throws `BAD_BACKUP` and
   * `STORE_VERSION` with the file's name.
   */
  async read(visit: (record: BackupRecord) => void): Promise<Sound> {
    const reader = new BackupReader();
    const { size } = await this.#handle.stat();
    try {
      for (;;) {
        const buffer = new Uint8Array(chunkBytes);
        const { bytesRead } = await this.#handle.read(buffer, 0, chunkBytes, reader.bytes);
        if (bytesRead === 0) return { bytes: reader.bytes, checksum: reader.finish() };
        for (const record of reader.push(buffer.subarray(0, bytesRead))) visit(record);
        this.#onProgress({ bytes: reader.bytes, of: size });
      }
    } catch (error) {
      throw this.explained(error);
    }
  }

  fault(reason: string): CoterieError {
    return new CoterieError("BAD_BACKUP", `${this.path}: ${reason}`);
  }

  /** What went wrong with a backup, as an error that names the file. */
  explained(error: unknown): unknown {
    if (!(error instanceof CoterieError)) {
      return errnoOf(error) === undefined ? error : fileError("read", this.path, error);
    }
    const { code, message, hint } = error;
    if (code === "BAD_FORMAT") return this.fault(`it holds what no node writes: ${message}`);
    if (code !== "BAD_BACKUP" && code !== "STORE_VERSION") return error;
    const options = hint === undefined ? {} : { hint };
    return new CoterieError(code, `${this.path}: ${message}`, options);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/** What a backup holds beside bundles, which fits together. */
export type BackupContent = Sound & {
  readonly info: BackupInfo;
  readonly sum: StateSum;
  readonly files: ReadonlyMap<BackupFile, string>;
  /** The node's own. */
  readonly identity: Identity;
  /** 32 bytes. */
  readonly networkId: Uint8Array;
};

/** Reads the whole file; what it returns is no more than its files and figures. */
export async function readContent(backup: BackupOnDisk): Promise<BackupContent> {
  const found: { info?: BackupInfo; sum?: StateSum } = {};
  const files = new Map<BackupFile, string>();
  const sound = await backup.read((record) => {
    if (record.kind === "info") found.info = record.info;
    else if (record.kind === "file") files.set(record.name, record.text);
    else if (record.kind === "end") found.sum = record.sum;
  });
  try {
    const { info = badFormat("nothing"), sum = badFormat("no end") } = found;
    const networkId = fromHex(info.network.id);
    return { ...sound, info, sum, files, identity: checkFiles(files, info), networkId };
  } catch (error) {
    throw backup.explained(error);
  }
}

/** Checks the signatures of everything that is to live. Throws `BAD_BACKUP`. */
export async function checkSignatures(backup: BackupOnDisk, networkId: Uint8Array): Promise<void> {
  await backup.read((record) => {
    if (record.kind !== "bundles") return;
    for (const bundle of record.bundles) {
      const [refusal] = acceptBundle(bundle, networkId).refusals;
      if (refusal !== undefined) badFormat(refusal);
    }
  });
}

/** The identity in the files. Throws unless they are of the node that the backup says it is of. */
function checkFiles(
  files: ReadonlyMap<BackupFile, string>,
  { peerId, network }: BackupInfo,
): Identity {
  const textOf = (name: BackupFile): string => files.get(name) ?? badFormat(`no ${name}`);
  const identity = identityFromSeed(parseKeyFile("identity", textOf("identity.key")));
  if (identity.peer !== peerId) badFormat("the key of another node");
  const { keys } = parseNetworkFile(textOf("network.json"));
  if (toHex(keys.id) !== network.id) badFormat("the secret of another network");
  return identity;
}
