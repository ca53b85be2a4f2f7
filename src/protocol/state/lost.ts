/**
 * What is lost when two sign as one writer: an entry superseded by one whose writer never saw it. The law of the state
 * takes whatever a writer wrote for seen by all its later entries, which holds only while there is one of it.
 */
import { equalBytes, toHex } from "../../core/codec.ts";
import { decodeSums, counterType, encodeSums } from "./counter.ts";
import { classes, type Entry } from "./entry.ts";
import { decodeCheckpoint, logType, type Listed } from "./log.ts";
import type { Baseline } from "./own-writer.ts";

export type Loser = {
  readonly entry: Entry;
  readonly writer: Uint8Array;
  readonly stamp: bigint;
  readonly index: number;
};

/** Entries that say again what the loser said and the winner does not, both of one epoch; to be written by another writer. */
export function lostOf(loser: Loser, winner: Entry, baseline: Baseline | undefined): Entry[] {
  const { entry } = loser;
  if (entry.body === undefined || (entry.epoch ?? 0n) !== (winner.epoch ?? 0n)) return [];
  switch (entry.class) {
    case classes.context:
      return wasSeen(loser, winner) ? [] : [entry];
    case classes.slot:
      return entry.type === counterType ? lostCount(entry, baseline) : [];
    case classes.append:
      return entry.type === logType ? lostItems(loser, winner) : [];
    default:
      return [];
  }
}

/** The winner's writer knew this entry if it is the last one of its writer's that it knew. */
function wasSeen({ writer, stamp }: Loser, { context = [] }: Entry): boolean {
  return context.some((seen) => equalBytes(seen.writer, writer) && seen.stamp === stamp);
}

/** What was counted beyond the sums that both began with; their sums are then those of the baseline. */
function lostCount(entry: Entry, baseline: Baseline | undefined): Entry[] {
  const sums = decodeSums(entry.body);
  if (sums === undefined || baseline === undefined) return [];
  const before = baseline.sums;
  const added = sums.added > before.added ? sums.added - before.added : 0n;
  const taken = sums.taken > before.taken ? sums.taken - before.taken : 0n;
  if (added === 0n && taken === 0n) return [];
  baseline.sums = { added: before.added + added, taken: before.taken + taken };
  return [{ ...entry, body: encodeSums({ added, taken }) }];
}

function lostItems({ entry, stamp, index }: Loser, { body, range }: Entry): Entry[] {
  if (entry.body === undefined || body === undefined || range === undefined) return [];
  const { range: own, ...item } = entry;
  const items =
    own === undefined ? [{ stamp, index, body: entry.body }] : decodeCheckpoint(entry.body, own);
  const listed = new Set(decodeCheckpoint(body, range).map(nameOf));
  return items
    .filter((one) => !listed.has(nameOf(one)))
    .map((one) => ({ ...item, body: one.body }));
}

function nameOf({ stamp, index, body }: Listed): string {
  return `${stamp} ${index} ${toHex(body)}`;
}
