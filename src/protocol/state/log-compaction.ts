/**
 * Checkpoints: a writer puts many small items of its own into one entry that supersedes them. Nobody else's are touched,
 * so it needs no agreement. The range of a checkpoint is from its first item to its last, all live items of the writer in
 * it are listed, and it reaches over no older checkpoint: nothing is lost.
 */
import { encodeUtf8, equalBytes } from "../../core/codec.ts";
import { limits } from "../../core/limits.ts";
import { classes, decodeEntry } from "./entry.ts";
import { epochField, fieldBytesMax, type Intent } from "./intent.ts";
import type { LiveRow } from "./live-rows.ts";
import { encodeCheckpoint, epochOf, listedBytes, logType, type Listed } from "./log.ts";

/** Writes the checkpoint that lists the most items, unless that is too few. */
export function logCompact(key: string): Intent {
  const bytes = limits.logCheckpointBytesMax + encodeUtf8(key).length + fieldBytesMax;
  const make: Intent["make"] = (live, { writer }) => {
    const items = longestRun(runsOf(live, writer));
    const [first, last] = [items[0], items.at(-1)];
    if (first === undefined || last === undefined) return undefined;
    if (items.length < limits.logCheckpointItemsMin) return undefined;
    return {
      class: classes.append,
      type: logType,
      key,
      body: encodeCheckpoint(items),
      epoch: epochField(epochOf(live)),
      range: { from: first.stamp, to: last.stamp },
    };
  };
  return { class: classes.append, type: logType, key, bytes, alone: true, make };
}

/** Items of one batch have one stamp, and a range takes them all or none. */
type Group = { readonly stamp: bigint; readonly items: Listed[]; bytes: number };

/** The writer's own items by stamp, in order, apart where a checkpoint of its lies between. */
function runsOf(live: Iterable<LiveRow>, writer: Uint8Array): Group[][] {
  const groups: Group[] = [];
  const ends: bigint[] = [];
  for (const { place, encoded } of live) {
    if (!equalBytes(place.writer, writer)) continue;
    if (place.range !== undefined) {
      ends.push(place.range.to);
      continue;
    }
    const { body } = decodeEntry(encoded);
    if (body !== undefined) add(groups, { stamp: place.stamp, index: place.index, body });
  }
  const runs: Group[][] = [];
  for (const group of groups) {
    const run = runs.at(-1);
    const before = run?.at(-1)?.stamp;
    const isApart = before === undefined || ends.some((end) => end > before && end < group.stamp);
    if (isApart) runs.push([group]);
    else run?.push(group);
  }
  return runs;
}

/** Rows of a writer come in the order of stamp and index. */
function add(groups: Group[], item: Listed): void {
  const last = groups.at(-1);
  const bytes = listedBytes(item);
  if (last?.stamp !== item.stamp) groups.push({ stamp: item.stamp, items: [item], bytes });
  else {
    last.items.push(item);
    last.bytes += bytes;
  }
}

/** The most items in a row that fit one checkpoint. */
function longestRun(runs: readonly Group[][]): Listed[] {
  let best: Group[] = [];
  const consider = (run: Group[]): void => {
    if (countOf(run) > countOf(best)) best = run;
  };
  for (const run of runs) {
    let chunk: Group[] = [];
    let bytes = 0;
    for (const group of run) {
      if (bytes + group.bytes > limits.logCheckpointBytesMax) {
        consider(chunk);
        [chunk, bytes] = [[], 0];
      }
      if (group.bytes > limits.logCheckpointBytesMax) continue;
      chunk.push(group);
      bytes += group.bytes;
    }
    consider(chunk);
  }
  return best.flatMap(({ items }) => items);
}

function countOf(run: readonly Group[]): number {
  return run.reduce((sum, { items }) => sum + items.length, 0);
}
