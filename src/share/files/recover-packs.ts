/** What a start does to packs and index after whatever ended the run before. */
import { toCoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { Log } from "../../core/ports.ts";
import type { Appended, BlockIndex } from "./block-index.ts";
import { linksOf } from "./block-links.ts";
import type { PackFiles } from "./pack-files.ts";
import { scanRecords } from "./pack-record.ts";

/** Brings the index up to what the packs hold; returns the packs' sizes, a tail that was cut short left out. */
export async function recoverPacks(
  files: PackFiles,
  index: BlockIndex,
  log: Log,
): Promise<Map<number, number>> {
  const sizes = new Map<number, number>();
  const found = await files.list();
  for (const { id, size } of found) {
    const from = index.packs.get(id)?.indexedTo ?? 0;
    if (size < from) log.error("a pack is shorter than it was", { pack: id, size, was: from });
    const to = size > from ? await recoverTail(files, index, log, id, from, size) : size;
    // only the last pack is written again, and cut for it; another keeps what was not understood
    const end = id === found.at(-1)?.id ? to : size;
    if (end > from) index.indexed(id, end);
    sizes.set(id, end);
  }
  const gone = [...index.packs].filter(([id]) => !sizes.has(id));
  for (const [id, { live }] of gone) {
    if (live > 0) log.error("a pack is missing", { pack: id, bytes: live });
  }
  index.forget(gone.filter(([, { live }]) => live === 0).map(([id]) => id));
  if (index.isNew) {
    if (found.length > 0) pinHeads(index, log);
    index.begin();
  }
  return sizes;
}

async function recoverTail(
  files: PackFiles,
  index: BlockIndex,
  log: Log,
  id: number,
  from: number,
  size: number,
): Promise<number> {
  const { records, to, skipped } = scanRecords(await files.read(id, from, size - from));
  if (skipped > 0) log.error("a pack has damaged records", { pack: id, bytes: skipped });
  const items = records.flatMap(({ key, bytes, at }): Appended[] => {
    try {
      const place = { pack: id, at: from + at, length: bytes.length };
      return [{ key, links: linksOf(key, bytes), place, epoch: 0 }];
    } catch (error) {
      log.error("a pack has a block that is none", { reason: toCoterieError(error).message });
      return [];
    }
  });
  for (let at = 0; at < items.length; at += limits.collectBlocks) {
    index.commit(items.slice(at, at + limits.collectBlocks));
  }
  if (from + to < size) {
    log.warn("the end of a pack was not whole", { pack: id, bytes: size - from - to });
  }
  return from + to;
}

/** Nothing is known of what was pinned: so everything that nothing links is. */
function pinHeads(index: BlockIndex, log: Log): void {
  const heads = [...index.blocks()].filter(({ refs, place }) => refs === 0 && place !== undefined);
  for (const { key } of heads) {
    index.setRoot(key, () => ({ held: ["pinned"], whole: true, usedAt: 0, bytes: 0 }));
  }
  log.warn("the index of blocks was made anew from the packs; all that nothing links is pinned", {
    roots: heads.length,
  });
}
