/** What `backup --verify` and `restore` say of a backup. */
import type { Call } from "./call.ts";
import type { BackupReport } from "./loaders.ts";
import { escapeText } from "./terminal/escape.ts";
import { humanBytes, humanCount, isoTime } from "./terminal/human.ts";

export async function printBackup(call: Call, title: string, report: BackupReport): Promise<void> {
  const { out } = call;
  const { name, peerId, network, bytes, createdAt, version, entries, digest } = report;
  await out.line(escapeText(title));
  await out.line(`  node     ${escapeText(name)}, ${escapeText(peerId)}`);
  await out.line(`  network  ${escapeText(network.name)}, ${escapeText(network.id)}`);
  await out.line(`  entries  ${humanCount(entries)}, digest ${digest}`);
  await out.line(
    `  backup   ${humanBytes(bytes)}, of ${isoTime(createdAt)}, by version ${escapeText(version)}`,
  );
}
