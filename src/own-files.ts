/** The files of this node, put together: the block store, shares in the state, and what keeps their copies. */
import { parseByteSize } from "./core/byte-size.ts";
import type { Config } from "./config.ts";
import type { FilesCalls } from "./control/files-daemon.ts";
import { refusedFiles } from "./daemon/refused-files.ts";
import { toCoterieError } from "./core/errors.ts";
import type { Clock, Log, Metrics, PeerName, Random, Store } from "./core/ports.ts";
import type { Driver } from "./driver/driver.ts";
import type { RunningNet } from "./host/net/libp2p-net.ts";
import type { Capacity } from "./protocol/membership/card.ts";
import type { Roster } from "./protocol/membership/roster.ts";
import type { State } from "./protocol/state/state.ts";
import { BlockStore } from "./share/files/block-store.ts";
import { Files } from "./share/files/files.ts";
import { Keeper } from "./share/files/keeper.ts";
import type { Candidates } from "./share/files/ports.ts";
import { sharesInState } from "./shares-in-state.ts";
import { startTransfers } from "./transfers.ts";

export type OwnFilesParts = {
  readonly store: Store;
  readonly folder: string;
  readonly state: State;
  readonly driver: Driver;
  readonly roster: Roster;
  readonly net: RunningNet;
  readonly self: PeerName;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  settings(): Config["files"];
  /** Tells the others what there is room for here. */
  announce(capacity: Capacity): void;
};

/** Between looks at the room there is; others hear of changes that matter (own-card.ts). */
const capacityLookMs = 5_000;

export type OwnFiles = { readonly calls: FilesCalls; stop(): Promise<void> };

/** A store that cannot be opened takes nothing else down: then all that is asked of files is refused with its reason. */
export async function openFiles(parts: OwnFilesParts): Promise<OwnFiles> {
  try {
    return await startFiles(parts);
  } catch (error) {
    const reason = toCoterieError(error);
    const { code, message } = reason;
    parts.log.error("files are not shared", { code, reason: message });
    return { calls: refusedFiles(reason), stop: async () => undefined };
  }
}

async function startFiles(parts: OwnFilesParts): Promise<OwnFiles> {
  const { settings } = parts;
  const quotaBytes = (): number => parseByteSize(settings().quota) ?? 0;
  const blocks = await BlockStore.open({ ...parts, quotaBytes });
  const { fetcher, providers, stop } = startTransfers({ ...parts, blocks });
  const shares = sharesInState(parts);
  const candidates = candidatesOf(parts, blocks);
  const room = { ...parts, blocks, shares, candidates, fetcher, providers };
  const keeper = new Keeper({ ...room, concurrent: () => settings().concurrent });
  const stopTelling = tellCapacity(parts, blocks);
  keeper.start();
  return {
    calls: new Files({ ...room, repairedAt: (root) => keeper.repairedAt.get(root) }),
    stop: async () => {
      stopTelling();
      await Promise.all([stop(), keeper.stop()]);
      await blocks.close();
    },
  };
}

function capacityOf(blocks: BlockStore): Capacity {
  const { quotaBytes, liveBytes, cachedBytes } = blocks.usage();
  return { quota: quotaBytes, free: Math.max(0, quotaBytes - liveBytes + cachedBytes) };
}

function tellCapacity({ clock, announce }: OwnFilesParts, blocks: BlockStore): () => void {
  let cancel: () => void;
  const look = (): void => {
    announce(capacityOf(blocks));
    cancel = clock.after(capacityLookMs, look);
  };
  cancel = clock.after(0, look);
  return () => cancel();
}

function candidatesOf({ clock, roster, self }: OwnFilesParts, blocks: BlockStore): Candidates {
  return {
    self,
    list: () =>
      roster.list(clock.wallMs()).map(({ peer, status, capacity }) => ({
        peer,
        standing: status,
        freeBytes: peer === self ? capacityOf(blocks).free : capacity?.free,
      })),
    onChange: (handler) => roster.onChange(handler),
  };
}
