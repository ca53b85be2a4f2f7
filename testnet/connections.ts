/** How many connections the nodes want. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readRecord } from "./record.ts";

/** A daemon's own default; a fully meshed testnet up to this size. */
const wantedDefault = 20;
/**
 * In larger ones that all run on one machine: a connection costs about a fifth of a second of CPU to make, most of what
 * fifty daemons do while they start. Enough for gossip's mesh and the three watchers of every member.
 */
const wantedOfMany = 8;

export function connectionsFor(count: number): number {
  return count > wantedDefault ? wantedOfMany : wantedDefault;
}

/** As a setting in each node's configuration file, where it outlives restarts and can be looked at. */
export function wantConnections(dir: string, wanted: number): void {
  if (wanted === wantedDefault) return;
  for (const { dataDir } of readRecord(dir).record.nodes) {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const text = `[network]\nconnectionsWanted = ${wanted}\n`;
    writeFileSync(join(dataDir, "config.toml"), text, { mode: 0o600 });
  }
}
