/**
 * Gathers writes into groups and keeps a bounded number of groups on their way. A group leaves when it is full, or,
 * so that a trickle of lines is not held back, as soon as nothing else is on its way (as Nagle's algorithm has it,
 * RFC 896).
 */
import { toCoterieError, type CoterieError, type ErrorCode } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import type { Clock } from "../core/ports.ts";
import type { WriteOp } from "./daemon.ts";
import type { Tally } from "./import-tally.ts";

export type Entry = { readonly line: number; readonly bytes: number; readonly op: WriteOp };

export type GroupWriter = {
  /** A promise when the caller must wait before the next. */
  add(entry: Entry): Promise<void> | undefined;
  /** To be called when no more entries are at hand for now. */
  pause(): void;
  /** Resolves when all is written or counted as failed. */
  finish(): Promise<void>;
};

/** Refusals that concern one write and not its neighbours in the group. */
const ofOneOp: ReadonlySet<ErrorCode> = new Set(["BAD_KEY", "BAD_VALUE", "TOO_LARGE"]);

export function createGroupWriter(
  write: (ops: readonly WriteOp[]) => Promise<unknown>,
  clock: Clock,
  tally: Tally,
): GroupWriter {
  const underWay = new Set<Promise<void>>();
  let group: Entry[] = [];
  let bytes = 0;

  const start = (): void => {
    if (group.length === 0) return;
    const writing = writeGroup(group).finally(() => {
      underWay.delete(writing);
      if (underWay.size === 0) start();
    });
    underWay.add(writing);
    group = [];
    bytes = 0;
  };

  const startWhenThereIsRoom = async (): Promise<void> => {
    while (underWay.size >= limits.importGroupsInFlight) await Promise.race(underWay);
    start();
  };

  /** Never rejects. */
  const writeGroup = async (entries: readonly Entry[]): Promise<void> => {
    try {
      await patiently(() => write(entries.map((entry) => entry.op)), clock);
      tally.wrote(entries.length);
    } catch (thrown) {
      await settleFailed(entries, toCoterieError(thrown));
    }
  };

  const settleFailed = async (entries: readonly Entry[], error: CoterieError): Promise<void> => {
    if (entries.length > 1 && ofOneOp.has(error.code)) {
      for (const entry of entries) await writeGroup([entry]);
    } else {
      for (const entry of entries) tally.fail(entry.line, error);
    }
  };

  return {
    add(entry) {
      group.push(entry);
      bytes += entry.bytes;
      const full = group.length >= limits.importGroupOps || bytes >= limits.importGroupBytes;
      return full ? startWhenThereIsRoom() : undefined;
    },
    pause() {
      if (underWay.size === 0) start();
    },
    async finish() {
      start();
      while (underWay.size > 0) await Promise.race(underWay);
    },
  };
}

/** Tries again while the daemon is `OVERLOADED`, for as long as a request may take. */
async function patiently(work: () => Promise<unknown>, clock: Clock): Promise<void> {
  const untilMs = clock.monotonicMs() + limits.requestMsMax;
  for (let pauseMs = 10; ; pauseMs = Math.min(pauseMs * 2, 500)) {
    try {
      await work();
      return;
    } catch (error) {
      const mayPass = toCoterieError(error).code === "OVERLOADED" && clock.monotonicMs() < untilMs;
      if (!mayPass) throw error;
    }
    await clock.sleep(pauseMs);
  }
}
