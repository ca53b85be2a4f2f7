/** How blocks come and go: the room of files' transfers over the bulk lane, and its word in the DHT. */
import type { CID } from "multiformats/cid";
import { parseByteSize } from "./core/byte-size.ts";
import type { Config } from "./config.ts";
import { toCoterieError } from "./core/errors.ts";
import type { Clock, Log, Metrics, PeerName } from "./core/ports.ts";
import type { Driver } from "./driver/driver.ts";
import { HashThread } from "./host/hash-thread.ts";
import { ByteBudget, type ByteRates } from "./host/net/byte-budget.ts";
import type { RunningNet } from "./host/net/libp2p-net.ts";
import type { Blocks } from "./share/files/blocks.ts";
import type { Fetcher, Providers } from "./share/files/ports.ts";
import { BlockServer } from "./share/files/transfer/block-server.ts";
import {
  FetchError,
  Fetcher as BlockFetcher,
  type SourceReport,
} from "./share/files/transfer/fetcher.ts";
import { blocksProtocol } from "./share/files/transfer/frames.ts";

export type TransfersParts = {
  readonly net: Pick<RunningNet, "bulk" | "providers">;
  readonly driver: Pick<Driver, "charge">;
  readonly blocks: Blocks;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  settings(): Config["files"];
};

export type Transfers = {
  readonly fetcher: Fetcher;
  readonly providers: Providers;
  /** Gives no more to others, and takes nothing more. */
  stop(): Promise<void>;
};

export function startTransfers(parts: TransfersParts): Transfers {
  const { net, clock, settings } = parts;
  const up = new ByteBudget(clock, () => ratesOf(settings().uploadRate, settings().peerUploadRate));
  const down = new ByteBudget(clock, () =>
    ratesOf(settings().downloadRate, settings().peerDownloadRate),
  );
  const charge = (peer: PeerName, reason: string): void =>
    parts.driver.charge(peer, { code: "CORRUPT", reason });
  const hasher = new HashThread();
  const base = { ...parts, bulk: net.bulk, budget: down, hasher, charge };
  const providers = providersOf(net);
  const stopServing = net.bulk.on(blocksProtocol, new BlockServer({ ...parts, budget: up }));
  return {
    fetcher: {
      fetch: async (root, { holders, signal, onProgress }) => {
        const sources = sourcesOf(root, holders, net, signal);
        await new BlockFetcher(base).fetch(root, { sources, signal, onProgress });
      },
      probe: (root, peer, signal) =>
        probed(new BlockFetcher({ ...base, blocks: keptNowhere }), root, peer, signal),
    },
    providers,
    stop: async () => {
      stopServing();
      await hasher.stop();
    },
  };
}

/** Members that said they hold it, then those whom the DHT names. */
async function* sourcesOf(
  root: CID,
  holders: readonly PeerName[],
  { providers }: Pick<RunningNet, "providers">,
  signal: AbortSignal,
): AsyncGenerator<PeerName> {
  yield* holders;
  for await (const peer of providers.find(root.multihash.bytes, signal)) {
    if (!holders.includes(peer)) yield peer;
  }
}

function providersOf({ providers }: Pick<RunningNet, "providers">): Providers {
  return {
    find: async (root, signal) => {
      const found: PeerName[] = [];
      for await (const peer of providers.find(root.multihash.bytes, signal)) found.push(peer);
      return found;
    },
    provide: (root, signal) => providers.provide(root.multihash.bytes, signal),
    withdraw: (root) => providers.withdraw(root.multihash.bytes),
  };
}

/** So that a question brings one block, and leaves nothing behind. */
const keptNowhere: Blocks = {
  has: () => false,
  get: async () => undefined,
  putMany: async () => undefined,
  flush: async () => undefined,
};

/** Asks for the root alone. */
async function probed(
  fetcher: BlockFetcher,
  root: CID,
  peer: PeerName,
  signal: AbortSignal,
): Promise<{ gives: boolean; detail: string }> {
  try {
    const { sources } = await fetcher.fetch(root, { sources: [peer], links: () => [], signal });
    const lane = sources[0]?.lane === "direct" ? "a socket of its own" : "the libp2p connection";
    return { gives: true, detail: `gives it, over ${lane}` };
  } catch (error) {
    if (!(error instanceof FetchError)) throw error;
    return { gives: false, detail: reasonOf(error.sources[0]) ?? toCoterieError(error).message };
  }
}

function reasonOf(source: SourceReport | undefined): string | undefined {
  if (source?.failure !== undefined) return `${source.failure.code}: ${source.failure.message}`;
  if (source !== undefined && source.damaged > 0) return "has it damaged";
  return source !== undefined && source.absent > 0 ? "does not have it" : undefined;
}

function ratesOf(all: string, perPeer: string): ByteRates {
  return { all: rateOf(all), perPeer: rateOf(perPeer) };
}

function rateOf(text: string): number | undefined {
  const perSecond = parseByteSize(text) ?? 0;
  return perSecond === 0 ? undefined : perSecond;
}
