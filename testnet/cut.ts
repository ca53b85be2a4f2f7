/** Partitions: who is cut from whom. Groups may overlap, and a node in two of them is a bridge; a cut may be one way. */
import { CoterieError } from "../src/core/errors.ts";
import { formatNodeSet, parseArrow, parseNodeSet } from "./node-set.ts";
import type { OneWayCut, TestnetRecord } from "./record.ts";

export type Cut = Pick<TestnetRecord, "partition" | "oneWay">;

/** Indexes of the nodes from which `index` is cut: those of groups without it; nobody for a node in no group. */
export function cutFrom(partition: Cut["partition"], index: number): number[] {
  const own = partition?.filter((group) => group.includes(index)) ?? [];
  if (partition === null || own.length === 0) return [];
  const reached = new Set(own.flat());
  return [...new Set(partition.flat())].filter((other) => !reached.has(other));
}

/** Indexes of the nodes of whom `index` does not hear. */
export function deafTo(oneWay: Cut["oneWay"], index: number): number[] {
  const unheard = oneWay.filter(({ to }) => to.includes(index)).flatMap(({ from }) => from);
  return [...new Set(unheard)].filter((other) => other !== index);
}

/** Of `0-4 5-9` (apart), `0-5 5-9` (node 5 is a bridge), `0-4>5-9` (one way), or both kinds. Throws `USAGE`. */
export function parseCut(words: readonly string[], count: number): Cut {
  const groups: number[][] = [];
  const oneWay: OneWayCut[] = [];
  for (const word of words) {
    const arrow = parseArrow(word, count);
    if (arrow === undefined) groups.push(parseNodeSet(word, count));
    else oneWay.push(arrow);
  }
  const partition = groups.length === 0 ? null : groups;
  const apart = groups.flat().some((index) => cutFrom(partition, index).length > 0);
  if (groups.length > 0 && !apart) nobody("these groups cut nobody from anybody");
  for (const { from, to } of oneWay) {
    if (to.every((index) => deafTo([{ from, to }], index).length === 0)) {
      nobody(`${formatNodeSet(from)} always hears itself`);
    }
  }
  return { partition, oneWay };
}

function nobody(message: string): never {
  throw new CoterieError("USAGE", message, {
    hint: "a partition is written 0-4 5-9, with a bridge 0-5 5-9, or one way '0-4>5-9'",
  });
}

/** As a person writes it: `0-4 | 5-9, 3 > 4`. */
export function formatCut({ partition, oneWay }: Cut): string {
  const groups = partition === null ? [] : [partition.map(formatNodeSet).join(" | ")];
  const arrows = oneWay.map(({ from, to }) => `${formatNodeSet(from)} > ${formatNodeSet(to)}`);
  return [...groups, ...arrows].join(", ");
}
