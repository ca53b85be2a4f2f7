/**
 * A disk, of 32 MiB if not told otherwise, that only we see: a tmpfs in a mount namespace of its own (Linux; as root or with user namespaces).
 * A keeper process holds the namespace until it is closed or we die; daemons enter it with nsenter.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { temporaryFolder } from "../temporary-folder.ts";
import type { Place } from "./daemon-process.ts";

const MiB = 1024 * 1024;
/** Held from the beginning, so that there is something to give back. */
const ballastBytes = 4 * MiB;

export type SmallDisk = Place & {
  /** A folder on the disk, as the daemon sees it. */
  readonly dataDir: string;
  /** Takes everything but so many bytes. */
  fill(butBytes?: number): void;
  /** Gives back what `fill` took, and 4 MiB more. */
  free(): void;
  /** What is opened by its path from now on can only be read. */
  makeReadOnly(): void;
  makeWritable(): void;
};

/** Why there can be none on this machine, or undefined. */
export function noSmallDisk(): string | undefined {
  if (process.platform !== "linux") return "mount namespaces are a feature of Linux";
  const script = 'mount -t tmpfs none "$0" && command -v nsenter';
  const args = ["-rm", "sh", "-c", script, "/tmp"];
  const { status, stderr, error } = spawnSync("unshare", args, { encoding: "utf8" });
  return status === 0 ? undefined : `no namespaces here: ${error?.message ?? stderr.trim()}`;
}

/** Its keeper is ended at the end of the test. */
export async function smallDisk(diskBytes = 32 * MiB): Promise<SmallDisk> {
  const mounted = temporaryFolder();
  const script = 'mount -t tmpfs -o size="$1" none "$0" && echo mounted && exec cat';
  const keeper = spawn("unshare", ["-rm", "sh", "-c", script, mounted, String(diskBytes)]);
  const gone = once(keeper, "close");
  onTestFinished(async () => {
    keeper.stdin.end();
    await gone;
  });
  await once(keeper.stdout, "data");
  const { pid = 0 } = keeper;
  const through = ["nsenter", "-t", String(pid), "-U", "-m", "--preserve-credentials"];
  const run = (...words: string[]): void => {
    const [command = "", ...args] = [...through, ...words];
    const { status, stderr } = spawnSync(command, args, { encoding: "utf8" });
    if (status !== 0) throw new Error(`${words.join(" ")}: ${stderr}`);
  };
  const seenAt = `/proc/${pid}/root`;
  const filler = join(`${seenAt}${mounted}`, "filler");
  const dataDir = join(mounted, "node");
  mkdirSync(join(seenAt, dataDir), { mode: 0o700 });
  writeFileSync(filler, Buffer.alloc(ballastBytes));
  return {
    through,
    seenAt,
    dataDir,
    fill: (butBytes = 0) => fill(filler, butBytes),
    free: () => rmSync(filler),
    makeReadOnly: () => {
      run("mount", "--bind", dataDir, dataDir);
      run("mount", "-o", "remount,bind,ro", dataDir);
    },
    makeWritable: () => run("umount", dataDir),
  };
}

function fill(path: string, butBytes: number): void {
  const spare = `${path}.spare`;
  writeFileSync(spare, Buffer.alloc(butBytes));
  const file = openSync(path, "a");
  try {
    for (let size = MiB; size > 0; size = Math.floor(size / 2)) writeAll(file, size);
  } finally {
    closeSync(file);
    rmSync(spare);
  }
}

function writeAll(file: number, size: number): void {
  const chunk = Buffer.alloc(size);
  try {
    while (writeSync(file, chunk) > 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
}
