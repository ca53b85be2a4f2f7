/** A node with entries and a backup of it, without a daemon. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { backupOf } from "../../src/daemon-backup.ts";
import { systemClock } from "../../src/host/clock.ts";
import { openLmdbStore } from "../../src/host/lmdb-store.ts";
import { systemRandom } from "../../src/host/random.ts";
import { initNode, loadNode, readConfig, type LoadedNode } from "../../src/offline.ts";
import { State, type WriteBatch } from "../../src/protocol/state/state.ts";
import { stateDigest, type StateDigest } from "../../src/state-digest.ts";
import { register } from "../state/fixture.ts";
import { temporaryFolder } from "../temporary-folder.ts";

/** Opens what a data directory holds, for `work`. */
export async function withState<T>(
  node: LoadedNode,
  work: (state: State) => T | Promise<T>,
): Promise<T> {
  const store = openLmdbStore(node.paths.store);
  try {
    const { identity, network } = node;
    const options = { store, identity, network: network.id, random: systemRandom };
    return await work(new State({ ...options, origin: node.paths.root }));
  } finally {
    await store.close();
  }
}

export type Backed = {
  readonly node: LoadedNode;
  readonly file: string;
  readonly bytes: Buffer;
  readonly digest: StateDigest;
};

/** `keys` of about 1 KiB, written at `wallMs`. */
export async function backedUp(keys: number, wallMs = systemClock.wallMs()): Promise<Backed> {
  const dataDir = join(temporaryFolder(), "node");
  await initNode({ dataDir, name: "falcon", networkName: "home" });
  const node = await loadNode(dataDir);
  const { config } = await readConfig(dataDir);
  return withState(node, async (state) => {
    for (let from = 0; from < keys; from += 100) {
      const count = Math.min(100, keys - from);
      const entries = Array.from({ length: count }, (_, index) => {
        return register(`key ${from + index}`, "x".repeat(1_000));
      });
      const batches: WriteBatch[] = [{ namespace: "default", entries }];
      state.write(batches, wallMs);
    }
    const { identity, network } = node;
    const parts = { clock: systemClock, state, self: identity.peer, network };
    const chunks: Uint8Array[] = [];
    for await (const chunk of backupOf({ ...parts, config: () => config, dataDir })) {
      chunks.push(chunk);
    }
    const bytes = Buffer.concat(chunks);
    const file = join(temporaryFolder(), "node.backup");
    writeFileSync(file, bytes);
    return { node, file, bytes, digest: stateDigest(state) };
  });
}
