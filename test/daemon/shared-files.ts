/** What tests and scripts ask about files of daemons; nothing here knows of the test runner. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "../../src/control/client.ts";
import { configSet } from "../../src/offline.ts";
import type { DaemonProcess } from "./daemon-process.ts";
import type { Finding, FilesProgress } from "../../src/control/schema-files.ts";

/** The result that a stream of progress ends with. */
export async function resultOf<Result>(
  progress: AsyncIterable<FilesProgress<Result>>,
): Promise<Result> {
  for await (const { result } of progress) if (result !== undefined) return result;
  throw new Error("it ended without a result");
}

export async function findingsOf(client: Client, what: string): Promise<Finding[]> {
  const found: Finding[] = [];
  for await (const finding of client.fileDiagnose(what)) found.push(finding);
  return found;
}

/** Of all files under a folder, by their paths in it; of one file, its own. */
export function hashesOf(path: string): Record<string, string> {
  const entries = readdirSync(path, { recursive: true, withFileTypes: true });
  return Object.fromEntries(
    entries
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
      .toSorted()
      .map((file) => [file.slice(path.length + 1), hashOf(file)]),
  );
}

export function hashOf(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

/** Changes a byte of the block that begins so, in the packs of a daemon, which may be running. */
export function spoilBlock(dataDir: string, start: Uint8Array): void {
  const folder = join(dataDir, "blocks");
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const at = readFileSync(path).indexOf(start);
    if (at < 0) continue;
    const file = openSync(path, "r+");
    writeSync(file, Uint8Array.of(start[0]! ^ 1), 0, 1, at);
    closeSync(file);
  }
}

/** Writes a setting as a person would, and makes the daemon take it. */
export async function configure(daemon: DaemonProcess, key: string, value: string): Promise<void> {
  await configSet(daemon.info.dataDir, key, value);
  await daemon.client.reloadConfig();
}
