/**
 * The data directory: everything of one node in one private folder (0700). The CLI asks for the control socket's
 * path at every call, so this file stays cheap to load.
 *
 * A unix socket's path holds about 100 bytes (sun_path: 108 on Linux, 104 on macOS). Where the data directory's own
 * path is too long for that, the socket moves to a private folder with a short name, which is written beside it in
 * `control.sock.path`; a reader trusts that folder only if it is ours and closed to others.
 */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { CoterieError } from "../core/errors.ts";
import { errnoOf, fileError, othersMayRead } from "./files.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** `$XDG_DATA_HOME/coterie`, or `~/.local/share/coterie`, on every system. */
export function defaultDataDir(env: Environment): string {
  const base = env["XDG_DATA_HOME"];
  // the XDG specification has relative paths ignored
  if (base !== undefined && isAbsolute(base)) return join(base, "coterie");
  return join(homedir(), ".local", "share", "coterie");
}

/** The data directory that a command means: `--data-dir`, else `COTERIE_DATA_DIR`, else the default. Absolute. */
export function resolveDataDir(flag: string | undefined, env: Environment): string {
  const chosen = flag ?? (env["COTERIE_DATA_DIR"] || undefined);
  if (chosen === "") throw new CoterieError("USAGE", "--data-dir needs the name of a folder");
  return chosen === undefined ? defaultDataDir(env) : resolve(chosen);
}

/** Where everything lies. Files are 0600. */
export type DataDirPaths = {
  readonly root: string;
  readonly config: string;
  readonly identity: string;
  readonly network: string;
  /** What is to become `network.json`, while a backup is being restored. */
  readonly restoring: string;
  readonly owner: string;
  readonly bootstrap: string;
  /** What this node exposes and forwards. */
  readonly services: string;
  readonly addresses: string;
  readonly store: string;
  /** Pack files of shared files. */
  readonly blocks: string;
  readonly lock: string;
  readonly lockPid: string;
};

export function dataDirPaths(root: string): DataDirPaths {
  return {
    root,
    config: join(root, "config.toml"),
    identity: join(root, "identity.key"),
    network: join(root, "network.json"),
    restoring: join(root, "network.json.restoring"),
    owner: join(root, "owner.key"),
    bootstrap: join(root, "bootstrap.json"),
    services: join(root, "services.json"),
    addresses: join(root, "addresses.json"),
    store: join(root, "store"),
    blocks: join(root, "blocks"),
    lock: join(root, "lock"),
    lockPid: join(root, "lock.pid"),
  };
}

/**
 * Makes the folder, or checks that an existing one is ours and closed to others (an empty one is closed).
 * Throws `BAD_DATA_DIR` with the command that mends it.
 */
export function prepareDataDir(root: string): void {
  try {
    mkdirSync(root, { recursive: true, mode: 0o700 });
    const { uid, mode } = statSync(root);
    if (!isOurs(uid)) {
      throw new CoterieError("BAD_DATA_DIR", `${root} belongs to another user`, {
        hint: "choose another folder with --data-dir",
      });
    }
    if (!othersMayRead(mode)) return;
    if (readdirSync(root).length > 0) {
      throw new CoterieError("BAD_DATA_DIR", `${root} holds secrets, and others may enter it`, {
        hint: `run: chmod 700 ${root}, or choose another folder with --data-dir`,
      });
    }
    chmodSync(root, 0o700);
  } catch (error) {
    throw fileError("use", root, error);
  }
}

function isOurs(uid: number): boolean {
  return process.getuid === undefined || process.getuid() === uid;
}

const socketName = "control.sock";
const pointerName = "control.sock.path";
const socketPathBytesMax = 100;

/** The real path, so that two spellings of one folder mean one socket. */
function realRoot(root: string): string {
  try {
    return realpathSync(root);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return resolve(root);
    throw fileError("use", root, error);
  }
}

function fits(socket: string): boolean {
  return Buffer.byteLength(socket) <= socketPathBytesMax;
}

/**
 * Where the daemon of this data directory listens. Throws `NOT_RUNNING` when no daemon has said where, and
 * `BAD_DATA_DIR` when the place it named is not private to us.
 */
export function controlSocketPath(root: string): string {
  const real = realRoot(root);
  const beside = join(real, socketName);
  if (fits(beside)) return beside;
  const elsewhere = readPointer(real);
  // a folder that is gone was cleaned away with all temporary files, at a reboot
  if (elsewhere === undefined || !existsSync(dirname(elsewhere))) {
    throw new CoterieError("NOT_RUNNING", "the daemon is not running", { hint: "run: coterie up" });
  }
  if (isPrivateFolder(dirname(elsewhere))) return elsewhere;
  throw new CoterieError("BAD_DATA_DIR", `${dirname(elsewhere)} is not a private folder of ours`, {
    hint: `remove ${join(real, pointerName)} and start the daemon again`,
  });
}

/** For the daemon, which holds the lock: the path to listen on, with its folder made if it is to lie elsewhere. */
export function prepareControlSocket(root: string): string {
  const real = realRoot(root);
  const beside = join(real, socketName);
  if (fits(beside)) return beside;
  try {
    const known = readPointer(real);
    if (known !== undefined && isPrivateFolder(dirname(known))) return known;
    const socket = join(makeShortFolder(), socketName);
    writeFileSync(join(real, pointerName), `${socket}\n`, { mode: 0o600 });
    return socket;
  } catch (error) {
    throw fileError("place the control socket of", root, error);
  }
}

function makeShortFolder(): string {
  const base = process.env["XDG_RUNTIME_DIR"] || tmpdir();
  if (!fits(join(base, "coterie-XXXXXX", socketName))) {
    throw new CoterieError("BAD_DATA_DIR", `${base} is too long for a unix socket`, {
      hint: "set XDG_RUNTIME_DIR or TMPDIR to a folder with a short name",
    });
  }
  return mkdtempSync(join(base, "coterie-"));
}

/** Removes the socket, and the folder it had to itself, at a clean stop. */
export function removeControlSocket(root: string): void {
  const real = realRoot(root);
  rmSync(join(real, socketName), { force: true });
  const elsewhere = readPointer(real);
  if (elsewhere === undefined) return;
  if (isPrivateFolder(dirname(elsewhere))) rmSync(dirname(elsewhere), { recursive: true });
  rmSync(join(real, pointerName));
}

/** The socket's path elsewhere; what cannot be one of ours is not followed, nor ever removed. */
function readPointer(real: string): string | undefined {
  const pointer = join(real, pointerName);
  try {
    const path = readFileSync(pointer, "utf8").trimEnd();
    return /^\/.*\/coterie-\w{6}\/control\.sock$/.test(path) ? path : undefined;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw fileError("read", pointer, error);
  }
}

function isPrivateFolder(folder: string): boolean {
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  return stat?.isDirectory() === true && isOurs(stat.uid) && !othersMayRead(stat.mode);
}
