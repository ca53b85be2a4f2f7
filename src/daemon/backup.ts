/**
 * The backup of a running node. No snapshot is held while it is read: the arrivals are passed in their order, some a
 * turn, and in the turn that finds no more of them the sum of what lives is taken. So a backup is of the state at its
 * end (`State.arrivalsAfter` says why), however long its reader takes, and holds nothing up.
 */
import { join } from "node:path";
import type { Config } from "../config.ts";
import { backupFiles, type BackupRecord } from "../core/backup-record.ts";
import { BackupWriter } from "../core/backup-stream.ts";
import { toHex } from "../core/codec.ts";
import { limits } from "../core/limits.ts";
import type { Clock, NetworkKeys, PeerName } from "../core/ports.ts";
import { readTextFile } from "../host/files.ts";
import { version } from "../host/version.ts";
import type { State } from "../protocol/state/state.ts";
import { stateDigest } from "../state-digest.ts";

export type BackupParts = {
  readonly clock: Clock;
  readonly state: State;
  readonly self: PeerName;
  readonly network: NetworkKeys;
  readonly config: () => Config;
  readonly dataDir: string;
};

/** The bytes of a backup, a record at a time. */
export async function* backupOf(parts: BackupParts): AsyncGenerator<Uint8Array, void> {
  const writer = new BackupWriter();
  for await (const record of recordsOf(parts)) yield writer.write(record);
}

async function* recordsOf(parts: BackupParts): AsyncGenerator<BackupRecord, void> {
  const { clock, state, self, network, config, dataDir } = parts;
  const info = {
    version,
    createdAt: Math.round(clock.wallMs()),
    peerId: self,
    name: config().node.name,
    network: { id: toHex(network.id), name: network.name },
  };
  yield { kind: "info", info };
  for (const name of backupFiles) {
    const text = await readTextFile(join(dataDir, name), { code: "BAD_DATA_DIR" });
    if (text !== undefined) yield { kind: "file", name, text };
  }
  let last = 0;
  for (;;) {
    const slice = state.arrivalsAfter(last, limits.backupSliceBytes);
    if (slice.length === 0) break;
    last = slice.at(-1)!.arrival;
    const entries = slice.reduce((sum, arrival) => sum + arrival.entries, 0);
    yield { kind: "bundles", entries, bundles: slice.map(({ bundle }) => bundle) };
  }
  // in the same turn as the slice that was empty
  yield { kind: "end", sum: stateDigest(state) };
}
