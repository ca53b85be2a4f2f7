/** The files of this node, put together: the block store, shares in the state, and what keeps their copies. */
import { parseByteSize } from "./core/byte-size.ts";
import type { Config } from "./config.ts";
import type { FilesCalls } from "./control/files-daemon.ts";
import { refusedFiles } from "./daemon/refused-files.ts";
import { CoterieError, toCoterieError } from "./core/errors.ts";
import type { Clock, Log, Metrics, PeerName, Random, Store } from "./core/ports.ts";
import type { Driver } from "./driver/driver.ts";
import type { Roster } from "./protocol/membership/roster.ts";
import type { State } from "./protocol/state/state.ts";
import { BlockStore } from "./share/files/block-store.ts";
import { Files } from "./share/files/files.ts";
import { Keeper } from "./share/files/keeper.ts";
import type { Candidates, Fetcher, Providers } from "./share/files/ports.ts";
import { sharesInState } from "./shares-in-state.ts";

export type OwnFilesParts = {
  readonly store: Store;
  readonly folder: string;
  readonly state: State;
  readonly driver: Driver;
  readonly roster: Roster;
  readonly self: PeerName;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  settings(): Config["files"];
};

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
  const shares = sharesInState(parts);
  const candidates = candidatesOf(parts, blocks);
  const room = { ...parts, blocks, shares, candidates, fetcher: noFetcher, providers: noProviders };
  const keeper = new Keeper({ ...room, concurrent: () => settings().concurrent });
  keeper.start();
  return {
    calls: new Files({ ...room, repairedAt: (root) => keeper.repairedAt.get(root) }),
    stop: async () => {
      await keeper.stop();
      await blocks.close();
    },
  };
}

/** The roster says who is there; what room others have, their cards do not say yet. */
function candidatesOf({ clock, roster, self }: OwnFilesParts, blocks: BlockStore): Candidates {
  const freeBytes = (): number => {
    const { quotaBytes, liveBytes, cachedBytes } = blocks.usage();
    return Math.max(0, quotaBytes - liveBytes + cachedBytes);
  };
  return {
    self,
    list: () =>
      roster.list(clock.wallMs()).map(({ peer, status }) => ({
        peer,
        standing: status,
        freeBytes: peer === self ? freeBytes() : undefined,
      })),
    onChange: (handler) => roster.onChange(handler),
  };
}

/** Until transfers between members are there: what is not here cannot come. */
const noFetcher: Fetcher = {
  fetch: async () => {
    throw unreachable();
  },
  probe: async () => {
    throw unreachable();
  },
};
const noProviders: Providers = { find: async () => [], provide: async () => undefined };

function unreachable(): CoterieError {
  return new CoterieError("UNREACHABLE", "no member was found that has it");
}
