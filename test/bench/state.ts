/** The state alone, over lmdb, in this process: what a core can sign and what it can verify and merge in a second. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeUtf8 } from "../../src/core/codec.ts";
import { identityFromSeed, sha256 } from "../../src/core/identity.ts";
import { openLmdbStore } from "../../src/host/lmdb-store.ts";
import { systemRandom } from "../../src/host/random.ts";
import type { Entry } from "../../src/protocol/state/entry.ts";
import { registerEntry } from "../../src/protocol/state/register.ts";
import { State } from "../../src/protocol/state/state.ts";
import type { Benchmark } from "./report.ts";

const count = 200_000;
const perBatch = 100;
const batchesPerTransaction = 16;
const wallMs = 1_800_000_000_000;
const identities = ["writer", "reader"].map((name) => identityFromSeed(sha256(encodeUtf8(name))));

type Row = { readonly key: string; readonly bytes: Uint8Array };

function rows(): Row[] {
  return Array.from({ length: count }, (_, index) => ({
    key: `bench/${String(index).padStart(10, "0")}`,
    bytes: systemRandom.bytes(64),
  }));
}

function groups<T>(list: readonly T[], size: number): T[][] {
  const cut: T[][] = [];
  for (let at = 0; at < list.length; at += size) cut.push(list.slice(at, at + size));
  return cut;
}

async function withStore<T>(
  work: (store: ReturnType<typeof openLmdbStore>) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "coterie-bench-"));
  const store = openLmdbStore(folder);
  try {
    return await work(store);
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Entries a second of `work`, the flush to disk included. */
async function rate(store: ReturnType<typeof openLmdbStore>, work: () => void): Promise<number> {
  const startedAt = performance.now();
  work();
  await store.flushed();
  return count / ((performance.now() - startedAt) / 1000);
}

function stateOver(store: ReturnType<typeof openLmdbStore>, who: number): State {
  return new State({
    store,
    identity: identities[who]!,
    network: sha256(encodeUtf8("bench")),
    random: systemRandom,
    origin: "here",
  });
}

type Batches = readonly { readonly namespace: string; readonly entries: Entry[] }[];

function signAll(store: ReturnType<typeof openLmdbStore>, batches: Batches): Uint8Array[] {
  const state = stateOver(store, 0);
  return groups(batches, batchesPerTransaction).flatMap((group) =>
    state.write(group, wallMs).map(({ bundle }) => bundle),
  );
}

/** The keys and values alone, in transactions of the same size. */
function lmdbAlone(list: readonly Row[]): Promise<number> {
  return withStore((store) =>
    rate(store, () => {
      for (const group of groups(list, perBatch * batchesPerTransaction)) {
        store.transaction((tx) => {
          for (const { key, bytes } of group) tx.put(encodeUtf8(key), bytes);
        });
      }
    }),
  );
}

const batchesOf = (list: readonly Row[]): Batches =>
  groups(list, perBatch).map((group) => ({
    namespace: "default",
    entries: group.map(({ key, bytes }) => registerEntry(key, { kind: "bytes", bytes })),
  }));

export const writes: Benchmark = {
  name: "writes",
  about: `${count} signed local writes, ${perBatch} a batch, ${batchesPerTransaction} batches a transaction, on disk`,
  async run(runs, say) {
    const ours: number[] = [];
    const plain: number[] = [];
    for (let run = 0; run < runs; run++) {
      say(`run ${run + 1} of ${runs}`);
      const list = rows();
      plain.push(await lmdbAlone(list));
      const batches = batchesOf(list);
      ours.push(await withStore((store) => rate(store, () => void signAll(store, batches))));
    }
    return [
      {
        what: "signed local writes",
        unit: "entries/s",
        values: ours,
        wanted: { atLeast: 100_000 },
      },
      { what: "lmdb alone, the same keys and values", unit: "entries/s", values: plain },
      { what: "ratio", unit: "of lmdb", values: ours.map((value, run) => value / plain[run]!) },
    ];
  },
};

export const merges: Benchmark = {
  name: "merges",
  about: `${count} entries of another writer verified and merged, ${perBatch} a batch, on disk`,
  async run(runs, say) {
    const ours: number[] = [];
    const plain: number[] = [];
    for (let run = 0; run < runs; run++) {
      say(`run ${run + 1} of ${runs}`);
      const list = rows();
      plain.push(await lmdbAlone(list));
      const bundles = await withStore(async (store) => signAll(store, batchesOf(list)));
      const merge = (store: ReturnType<typeof openLmdbStore>): void => {
        const state = stateOver(store, 1);
        for (const group of groups(bundles, batchesPerTransaction)) {
          state.ingestAll(group, identities[0]!.peer, wallMs);
        }
      };
      ours.push(await withStore((store) => rate(store, () => merge(store))));
    }
    return [
      {
        what: "verified remote merges",
        unit: "entries/s",
        values: ours,
        wanted: { atLeast: 80_000 },
      },
      { what: "lmdb alone, the same keys and values", unit: "entries/s", values: plain },
      { what: "ratio", unit: "of lmdb", values: ours.map((value, run) => value / plain[run]!) },
    ];
  },
};
