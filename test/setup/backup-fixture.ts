/** A node with entries and a backup of it, without a daemon. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { backupOf } from "../../src/daemon/backup.ts";
import { systemClock } from "../../src/host/clock.ts";
import { openLmdbStore } from "../../src/host/lmdb-store.ts";
import { systemRandom } from "../../src/host/random.ts";
import { initNode, loadNode, readConfig, type LoadedNode } from "../../src/offline.ts";
import { State } from "../../src/protocol/state/state.ts";
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

/** Writes `keys` of about 1 KiB from number `from` on, in batches of a hundred. */
export function writeKeys(state: State, from: number, keys: number, wallMs: number): void {
  for (let first = from; first < from + keys; first += 100) {
    const count = Math.min(100, from + keys - first);
    const entries = Array.from({ length: count }, (_, index) => {
      return register(`key ${first + index}`, "x".repeat(1_000));
    });
    state.write([{ namespace: "default", entries }], wallMs);
  }
}

/** What goes on while a backup is made; it is read up to where `pause` resolves. */
export type Meanwhile = { pause(): Promise<void>; stop(): void };
const nothing: Meanwhile = { pause: async () => undefined, stop: () => undefined };

/** A backup of a node of that many keys, written at `wallMs`. */
export async function backedUp(
  keys: number,
  wallMs: number = systemClock.wallMs(),
  begin: (state: State) => Meanwhile = () => nothing,
): Promise<Backed> {
  const dataDir = join(temporaryFolder(), "node");
  await initNode({ dataDir, name: "falcon", networkName: "home" });
  writeFileSync(join(dataDir, "addresses.json"), '{"version":1,"peers":[]}', { mode: 0o600 });
  const services = '{"version":1,"exposures":[],"forwards":[]}';
  writeFileSync(join(dataDir, "services.json"), services, { mode: 0o600 });
  const node = await loadNode(dataDir);
  const { config } = await readConfig(dataDir);
  return withState(node, async (state) => {
    writeKeys(state, 0, keys, wallMs);
    const { identity, network } = node;
    const parts = { clock: systemClock, state, self: identity.peer, network };
    const chunks: Uint8Array[] = [];
    const meanwhile = begin(state);
    for await (const chunk of backupOf({ ...parts, config: () => config, dataDir })) {
      chunks.push(chunk);
      await meanwhile.pause();
    }
    meanwhile.stop();
    const bytes = Buffer.concat(chunks);
    const file = join(temporaryFolder(), "node.backup");
    writeFileSync(file, bytes);
    return { node, file, bytes, digest: stateDigest(state) };
  });
}
