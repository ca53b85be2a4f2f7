/**
 * Where a store was written: machine, device and inode of its folder, and when its data file was made. A data directory
 * that was copied or restored differs in one of them, and its node must then take a new writer nonce, or two writers
 * would sign the same positions. Device numbers may also change at a reboot; a nonce too many does no harm.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { concatBytes, encodeUtf8, toHex } from "../core/codec.ts";
import { sha256, tag } from "../core/identity.ts";
import { dataDirPaths } from "./data-dir.ts";
import { errnoOf, fileError } from "./files.ts";
import { dataFile } from "./lmdb-folder.ts";

/**
 * `machineId` is hashed (the machine's own is confidential, machine-id(5)); `dev` and `ino` are decimal. `made` is in
 * decimal ns since 1970, 0 where the file system does not say or there is no file yet: no program can set it, so an
 * older data file that is put in the place of this one has another, unless it is written into the same file.
 */
export type StoreOrigin = {
  readonly machineId: string;
  readonly dev: string;
  readonly ino: string;
  readonly made: string;
};

/** Where this data directory's store lies now, which is open already; makes the folder (0700) if there is none. */
export function storeOrigin(root: string): StoreOrigin {
  const { store } = dataDirPaths(root);
  try {
    mkdirSync(store, { recursive: true, mode: 0o700 });
    const { dev, ino } = statSync(store, { bigint: true });
    const data = statSync(join(store, dataFile), { bigint: true, throwIfNoEntry: false });
    const made = String(data?.birthtimeNs ?? 0n);
    return { machineId: machineIdHash(), dev: String(dev), ino: String(ino), made };
  } catch (error) {
    throw fileError("use", store, error);
  }
}

function machineIdHash(): string {
  return toHex(sha256(concatBytes(tag("coterie/machine"), encodeUtf8(readMachineId()))));
}

/** Empty where the system gives no id (some containers): then device and inode decide alone. */
function readMachineId(): string {
  if (process.platform === "darwin") return readPlatformUuid();
  for (const path of ["/etc/machine-id", "/var/lib/dbus/machine-id"]) {
    try {
      return readFileSync(path, "utf8").trim();
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
    }
  }
  return "";
}

function readPlatformUuid(): string {
  const args = ["-rd1", "-c", "IOPlatformExpertDevice"];
  const listing = execFileSync("/usr/sbin/ioreg", args, { encoding: "utf8", timeout: 2_000 });
  return /"IOPlatformUUID" = "([^"]+)"/.exec(listing)?.[1] ?? "";
}
