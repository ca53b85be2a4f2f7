/** Getters and holders of blocks for tests of transfers, over real connections. */
import { afterAll, expect, onTestFinished } from "vitest";
import type { CID } from "multiformats/cid";
import { concatBytes } from "../../src/core/codec.ts";
import type { Budget, BulkChannel, Clock, Hasher, PeerName } from "../../src/core/ports.ts";
import { systemClock } from "../../src/host/clock.ts";
import { HashThread } from "../../src/host/hash-thread.ts";
import { BlockServer } from "../../src/share/files/transfer/block-server.ts";
import { ByteReader } from "../../src/share/files/transfer/byte-reader.ts";
import {
  Fetcher,
  type FetchOptions,
  type FetchReport,
} from "../../src/share/files/transfer/fetcher.ts";
import {
  blocksProtocol,
  decodeWants,
  encodeGroupHead,
  wantHeadBytes,
  wantsLength,
} from "../../src/share/files/transfer/frames.ts";
import { node, silentLog, testNetwork, type TestNode } from "../net/fixture.ts";
import { MemoryBlocks } from "./dag.ts";

export const hasher = new HashThread();
afterAll(() => hasher.stop());

const unlimited: Budget = { spend: async () => undefined };

/** Pauses between tries are short. */
export const impatient: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms / 20, signal),
};
/** All time is. */
export const hurried: Clock = {
  ...impatient,
  monotonicMs: () => systemClock.monotonicMs() * 20,
  after: (ms, run) => systemClock.after(ms / 20, run),
};

/** A getter, and nodes connected with it that can be holders. */
export async function group(
  name: string,
  holders: number,
  clock = impatient,
  checks: Hasher = hasher,
) {
  const network = testNetwork(name);
  const getter = await node(network);
  const others: TestNode[] = [];
  for (let index = 0; index < holders; index++) {
    const other = await node(network);
    await getter.dial(other.addresses(), AbortSignal.timeout(10_000));
    others.push(other);
  }
  const here = new MemoryBlocks();
  const charged: PeerName[] = [];
  const fetcher = new Fetcher({
    bulk: getter.bulk,
    hasher: checks,
    blocks: here,
    budget: unlimited,
    clock,
    log: silentLog,
    metrics: getter.metrics,
    charge: (peer) => charged.push(peer),
  });
  const get = (
    root: CID,
    sources: readonly TestNode[],
    options: Partial<FetchOptions> = {},
  ): Promise<FetchReport> =>
    fetcher.fetch(root, {
      sources: sources.map(({ self }) => self),
      signal: AbortSignal.timeout(20_000),
      ...options,
    });
  return { getter, others, here, charged, fetcher, get };
}

export function serve(holder: TestNode, blocks: MemoryBlocks, budget: Budget = unlimited): void {
  const { metrics } = holder;
  const server = new BlockServer({ blocks, budget, clock: systemClock, log: silentLog, metrics });
  onTestFinished(holder.bulk.on(blocksProtocol, server));
}

/** A holder of its own kind: gives each want to `answer`, in order, until that throws. */
export function serveByHand(
  holder: TestNode,
  answer: (cid: CID, channel: BulkChannel, count: number) => Promise<Uint8Array> | Uint8Array,
): BulkChannel[] {
  const channels: BulkChannel[] = [];
  const talk = async (channel: BulkChannel): Promise<void> => {
    const reader = new ByteReader(channel.chunks, systemClock);
    let count = 0;
    for (;;) {
      const head = await reader.takeUnlessEnded(wantHeadBytes);
      if (head === undefined) return channel.end();
      for (const cid of decodeWants(await reader.take(wantsLength(head)))) {
        await channel.write(await answer(cid, channel, count++));
      }
    }
  };
  holder.bulk.on(blocksProtocol, {
    handle: (channel) => {
      channels.push(channel);
      talk(channel).catch((error: Error) => channel.abort(error));
    },
  });
  return channels;
}

export function block(bytes: Uint8Array): Uint8Array {
  return concatBytes(encodeGroupHead([{ kind: "block", size: bytes.length }]), bytes);
}

export async function honest(blocks: MemoryBlocks, cid: CID): Promise<Uint8Array> {
  return block((await blocks.get(cid))!);
}

export function stored(here: MemoryBlocks, there: MemoryBlocks): void {
  expect(here.blocks.size).toBe(there.blocks.size);
  for (const [name, bytes] of there.blocks) {
    expect(Buffer.compare(here.blocks.get(name)!, bytes), name).toBe(0);
  }
}
