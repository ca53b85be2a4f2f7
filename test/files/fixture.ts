import { join } from "node:path";
import { encode, prepare } from "@ipld/dag-pb";
import { CID } from "multiformats/cid";
import { create as createDigest } from "multiformats/hashes/digest";

import type { Log, Metrics, Store } from "../../src/core/ports.ts";
import { systemClock } from "../../src/host/clock.ts";
import { openLmdbStore } from "../../src/host/lmdb-store.ts";
import { createMetrics } from "../../src/host/metrics.ts";
import { sha256Of } from "../../src/share/files/block-key.ts";
import { BlockStore } from "../../src/share/files/block-store.ts";

export const KiB = 1024;
export const MiB = 1024 * KiB;

export type Block = { readonly cid: CID; readonly bytes: Uint8Array };

/** Incompressible bytes that follow from the seed, quickly. */
export function bytesOf(seed: number, length: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = seed * 0x9e3779b1 + 1;
  for (let index = 0; index < words.length; index++) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + index;
    words[index] = state;
  }
  return new Uint8Array(words.buffer, 0, length);
}

export function leaf(seed: number, length = 1 * KiB): Block {
  return blockOf(0x55, bytesOf(seed, length));
}

export function node(children: readonly Block[], data = new Uint8Array(0)): Block {
  const Links = children.map(({ cid, bytes }, index) => ({
    Hash: cid,
    Name: String(index).padStart(6, "0"),
    Tsize: bytes.length,
  }));
  return blockOf(0x70, encode(prepare({ Data: data, Links })));
}

export function blockOf(codec: number, bytes: Uint8Array): Block {
  return { cid: CID.createV1(codec, createDigest(0x12, sha256Of(bytes))), bytes };
}

export const noLog: Log = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  trace: () => undefined,
  child: () => noLog,
};

export type Opened = {
  readonly blocks: BlockStore;
  readonly store: Store;
  readonly metrics: Metrics;
};

export type OpenOptions = {
  readonly packBytes?: number;
  readonly quotaBytes?: () => number;
};

/** The block store over lmdb and files, in a folder; closed by the caller or at the end of the test. */
export async function openBlocks(folder: string, options: OpenOptions = {}): Promise<Opened> {
  const store = openLmdbStore(join(folder, "store"));
  const metrics = createMetrics();
  const { packBytes, quotaBytes = () => 2 ** 40 } = options;
  const blocks = await BlockStore.open({
    store,
    folder: join(folder, "blocks"),
    clock: systemClock,
    log: noLog,
    metrics,
    quotaBytes,
    ...(packBytes === undefined ? {} : { packBytes }),
  });
  return { blocks, store, metrics };
}

export async function closeBlocks({ blocks, store }: Opened): Promise<void> {
  await blocks.close();
  await store.close();
}
