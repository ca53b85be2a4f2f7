/**
 * Every block of a DAG, parents before children, in the order of the links. Inner blocks come once, however often they
 * are linked, so that the walk ends soon over any DAG; of leaves a bounded number is remembered, and one may come again.
 */
import type { CID } from "multiformats/cid";
import { CoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import { cidOfKey, codecs, keyName, keyOf } from "./block-key.ts";
import { linksOf } from "./block-links.ts";
import { tooDeep, type ReadBlock } from "./unixfs-read.ts";

export type Walked = { readonly cid: CID; readonly bytes: Uint8Array };

/** Throws `BAD_DAG` for a DAG that is too deep or has too many inner blocks. */
export async function* walkDag(
  read: ReadBlock,
  root: CID,
  signal: AbortSignal,
  /** Whether to read this leaf; those that are not are not given. */
  wantsLeaf: (cid: CID) => boolean = () => true,
): AsyncGenerator<Walked> {
  const seen = new Set<string>();
  const leaves = new Set<string>();
  const stack: { readonly keys: readonly Uint8Array[]; next: number }[] = [
    { keys: [keyOf(root)], next: 0 },
  ];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const key = top.keys[top.next++];
    if (key === undefined) {
      stack.pop();
      continue;
    }
    const isLeaf = key[0] !== codecs.dagPb;
    const known = isLeaf ? leaves : seen;
    const name = keyName(key);
    if (known.has(name)) continue;
    if (isLeaf && leaves.size >= limits.walkLeavesRemembered) leaves.clear();
    known.add(name);
    if (seen.size > limits.dagNodesMax) throw tooMany(limits.dagNodesMax, "inner blocks");
    const cid = cidOfKey(key);
    if (isLeaf && !wantsLeaf(cid)) continue;
    const bytes = await read(cid, signal);
    yield { cid, bytes };
    if (isLeaf) continue;
    const keys = linksOf(key, bytes);
    stack.push({ keys, next: 0 });
    if (stack.length > limits.dagDepthMax) throw tooDeep(limits.dagDepthMax);
    const held = stack.reduce((sum, level) => sum + level.keys.length, 0);
    if (held > limits.walkLinksHeld) throw tooMany(limits.walkLinksHeld, "links on one path");
  }
}

function tooMany(max: number, what: string): CoterieError {
  return new CoterieError("BAD_DAG", `it has over ${max} ${what}`);
}
