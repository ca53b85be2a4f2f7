/**
 * The rooms the command line may not import. The launcher hands their loaders in, so that each is paid for only by
 * the verb that needs it.
 */
import type { ConfigView, Doctor } from "../control/schema.ts";
import type { Io } from "./io.ts";

/** Where a node's folder and socket are; asked at almost every call, so it must be cheap to load. */
export type DataDirRoom = {
  /** `--data-dir`, else `COTERIE_DATA_DIR`, else the XDG default, as an absolute path. */
  resolveDataDir(flag: string | undefined, env: Io["env"]): string;
  controlSocketPath(dataDir: string): string;
  /** Makes the folder, or checks that it is private. */
  prepareDataDir(dataDir: string): void;
};

/** What is known when the daemon is ready for use. */
export type ReadyInfo = {
  readonly peerId: string;
  readonly name: string;
  readonly network: { readonly id: string; readonly name: string };
  readonly addresses: readonly string[];
  readonly socketPath: string;
  readonly dataDir: string;
  /** True when this start made the identity and the network. */
  readonly created: boolean;
  readonly pid: number;
};

/** Settings given on the command line, by the key they have in the configuration. */
export type Flags = Record<string, string | boolean | string[]>;

export type DaemonRoom = {
  /** Runs until told to stop; resolves with the exit code. */
  runDaemon(options: {
    dataDir: string;
    flags: Flags;
    enableFaults: boolean;
    /** Leave when stdin ends before it said `release`. */
    lifeline?: boolean;
    joinTicket?: string;
    onReady(info: ReadyInfo): void;
  }): Promise<number>;
};

/** What a data directory holds after `init` or `join`. */
export type NodeInfo = {
  readonly peerId: string;
  readonly name: string;
  readonly network: { readonly id: string; readonly name: string };
  readonly dataDir: string;
};

/** `merged` and `renewed`: the node was in the network already; the ticket brought addresses, or a newer secret. */
export type JoinInfo = NodeInfo & { readonly outcome: "joined" | "merged" | "renewed" };

/** Work on a data directory without a daemon. */
export type OfflineRoom = {
  initNode(options: { dataDir: string; name?: string; networkName?: string }): Promise<NodeInfo>;
  joinNode(options: { dataDir: string; ticket: string; name?: string }): Promise<JoinInfo>;
  offlineDoctor(dataDir: string): Promise<Doctor>;
  /** Settings as a daemon started now would see them. */
  configShow(dataDir: string): Promise<ConfigView>;
  /** Writes one setting to the configuration file; throws `BAD_CONFIG` and leaves the file alone when it is wrong. */
  configSet(dataDir: string, key: string, value: string): Promise<void>;
  /** Takes one setting out of it again; throws the same. */
  configUnset(dataDir: string, key: string): Promise<void>;
};

/** What is in a backup. Digests are hexadecimal, `createdAt` is Unix ms. */
export type BackupReport = {
  readonly file: string;
  readonly bytes: number;
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

/** `peerId` is that of the node that was made. */
export type RestoreReport = BackupReport & {
  readonly dataDir: string;
  readonly identity: "same" | "new";
  /** By how much what was restored is ahead of this machine's clock. */
  readonly leadMs: number;
};

/** Backups without a daemon. `onProgress` hears how much of the file is read; `restoreBackup` reads it twice. */
export type BackupRoom = {
  verifyBackup(options: { file: string; onProgress?: OnBytes }): Promise<BackupReport>;
  restoreBackup(options: {
    file: string;
    dataDir: string;
    newIdentity?: boolean;
    onProgress?: OnBytes;
  }): Promise<RestoreReport>;
};
type OnBytes = (progress: { readonly bytes: number; readonly of: number }) => void;

export type TestnetRoom = {
  main(args: string[], io: Io): Promise<number>;
};

export type Loaders = {
  readonly version: () => string;
  readonly dataDir: () => Promise<DataDirRoom>;
  readonly daemon: () => Promise<DaemonRoom>;
  readonly offline: () => Promise<OfflineRoom>;
  readonly backup: () => Promise<BackupRoom>;
  readonly testnet: () => Promise<TestnetRoom>;
};
