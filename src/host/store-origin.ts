/**
 * Where a store was written: machine, device and inode. A data directory that was copied or restored differs in one
 * of them, and its node must then take a new writer nonce, or two writers would sign the same positions. Device
 * numbers may also change at a reboot; a nonce too many does no harm.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { concatBytes, encodeUtf8, toHex } from "../core/codec.ts";
import { sha256, tag } from "../core/identity.ts";
import { dataDirPaths } from "./data-dir.ts";
import { errnoOf, fileError } from "./files.ts";

/** `machineId` is hashed (the machine's own is confidential, machine-id(5)); `dev` and `ino` are decimal. */
export type StoreOrigin = {
  readonly machineId: string;
  readonly dev: string;
  readonly ino: string;
};

/** Where this data directory's store lies now; makes the store's folder (0700) if there is none. */
export function storeOrigin(root: string): StoreOrigin {
  const { store } = dataDirPaths(root);
  try {
    mkdirSync(store, { recursive: true, mode: 0o700 });
    const { dev, ino } = statSync(store, { bigint: true });
    return { machineId: machineIdHash(), dev: String(dev), ino: String(ino) };
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
