/**
 * Which blocks are here, where, and what needs them. Every change is one transaction of the node's store.
 *
 * Blocks are counted, not marked: a block's count is the number of other blocks that were stored here and link it, and
 * one more if it is a root. So pinning costs one row, whatever hangs under the root; unpinning lets the collector walk
 * what has died, a few blocks at a time, and nobody ever waits for a walk over what lives. DAGs have no cycles, so counts
 * find all garbage.
 *
 * A block whose count is zero is not dead at once: whoever adds a file writes the leaves before what links them. Such
 * blocks, and all that were just written, are *candidates* under the number of an epoch (the zero count table of Deutsch
 * and Bobrow, "An efficient, incremental, automatic garbage collector", CACM 19:9, 1976). Every session of adding or
 * fetching begins an epoch, and the collector leaves alone what was written in those of open sessions.
 */
import type { Store, StoreReader, StoreWriter } from "../../core/ports.ts";
import {
  cachedKey,
  decodeBlockRow,
  decodePackRow,
  decodeRootRow,
  decodeU48,
  encodeBlockRow,
  encodePackRow,
  encodeRootRow,
  encodeU48,
  indexVersion,
  keyOfCached,
  packKey,
  parts,
  restOf,
  rowKey,
  rowsOf,
  type BlockRow,
  type Holding,
  type PackRow,
  type RootRow,
} from "./block-rows.ts";
import type { Place } from "./pack-files.ts";
import { recordBytes } from "./pack-record.ts";

/** What was appended to a pack and has no row yet. */
export type Appended = {
  readonly key: Uint8Array;
  readonly links: readonly Uint8Array[];
  readonly place: Place;
  /** Undefined for a copy that the collector made. */
  readonly epoch: number | undefined;
  /** Where that copy was made from. */
  readonly from?: Place;
};
/** A block that was to be written and is here already. */
export type Touched = { readonly key: Uint8Array; readonly epoch: number };

export type Root = RootRow & { readonly key: Uint8Array };

const nothing: BlockRow = { refs: 0, place: undefined, linked: false };
const metaKey = rowKey(parts.meta);

export class BlockIndex {
  readonly #store: Store;
  /** The rows of the packs, as they are in the store. */
  readonly #packs = new Map<number, PackRow>();
  readonly #changed = new Map<number, PackRow | undefined>();
  #liveBytes = 0;
  #cachedBytes = 0;

  /** `isNew`: it has never been written. */
  readonly isNew: boolean;

  constructor(store: Store) {
    this.#store = store;
    this.isNew = store.get(metaKey) === undefined;
    for (const { key, value } of store.range(rowsOf(parts.packs))) {
      const id = new DataView(key.buffer, key.byteOffset + 2).getUint32(0);
      this.#remember(id, decodePackRow(value));
    }
    for (const row of this.roots()) this.#cachedBytes += cachedBytesOf(row);
  }

  /** Bytes of all records that are needed or may be. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** Bytes of the DAGs that are only cached, those that several share counted for each. */
  get cachedBytes(): number {
    return this.#cachedBytes;
  }

  get packs(): ReadonlyMap<number, PackRow> {
    return this.#packs;
  }

  /** Says that the index is whole as far as its packs say. */
  begin(): void {
    this.#store.transaction((tx) => tx.put(metaKey, Uint8Array.of(indexVersion)));
  }

  block(key: Uint8Array): BlockRow | undefined {
    return readBlock(this.#store, key);
  }

  /** Rows of what was appended, in order. */
  commit(items: readonly (Appended | Touched)[]): void {
    this.#change((tx) => {
      for (const item of items) {
        if ("place" in item) this.#add(tx, item);
        if (item.epoch === undefined || readBlock(tx, item.key) === undefined) continue;
        tx.put(rowKey(parts.candidates, item.key), encodeU48(item.epoch));
      }
    });
  }

  /** Notes that a pack is understood up to there, whatever was found in it. */
  indexed(pack: number, to: number): void {
    this.#change((tx) => this.#tally(tx, pack, 0, to));
  }

  /** Forgets packs whose files are gone. */
  forget(packs: readonly number[]): void {
    this.#change((tx) => {
      for (const id of packs) {
        tx.remove(packKey(id));
        this.#changed.set(id, undefined);
      }
    });
  }

  /** Some candidates that no session protects, from a key on, and where to go on; undefined at the end. */
  candidates(
    before: number,
    from: Uint8Array | undefined,
    limit: number,
  ): { keys: Uint8Array[]; next: Uint8Array | undefined } {
    const keys: Uint8Array[] = [];
    let seen = 0;
    for (const { key, value } of this.#store.range(rowsOf(parts.candidates, from))) {
      if (seen++ === limit) return { keys, next: restOf(key) };
      if (decodeU48(value) < before) keys.push(restOf(key));
    }
    return { keys, next: undefined };
  }

  /**
   * Judges candidates once more: those that are needed are none any more, the others are gone, and what they linked has
   * one reason less. `links` are theirs by the places where they were read. Returns the keys of blocks that are gone.
   */
  collect(
    judged: readonly { key: Uint8Array; place: Place | undefined; links: readonly Uint8Array[] }[],
    before: number,
  ): Uint8Array[] {
    const gone: Uint8Array[] = [];
    this.#change((tx) => {
      for (const { key, place, links } of judged) {
        const epoch = tx.get(rowKey(parts.candidates, key));
        if (epoch === undefined || decodeU48(epoch) >= before) continue;
        const row = readBlock(tx, key);
        if (row?.refs === 0 && !samePlace(row.place, place)) continue; // moved: next time
        tx.remove(rowKey(parts.candidates, key));
        if (row === undefined || row.refs > 0) continue;
        tx.remove(rowKey(parts.blocks, key));
        if (place !== undefined) this.#tally(tx, place.pack, -recordBytes(place.length));
        if (row.linked) for (const link of links) this.#unlink(tx, link);
        gone.push(key);
      }
    });
    return gone;
  }

  /** The block at this place is damaged, or its file is gone: it is not here any more. */
  lose(key: Uint8Array, place: Place): void {
    this.#change((tx) => {
      const row = readBlock(tx, key);
      if (row === undefined || !samePlace(row.place, place)) return;
      this.#tally(tx, place.pack, -recordBytes(place.length));
      writeBlock(tx, key, { ...row, place: undefined });
      if (row.refs === 0) tx.put(rowKey(parts.candidates, key), encodeU48(0));
    });
  }

  root(key: Uint8Array): RootRow | undefined {
    return readRoot(this.#store, key);
  }

  *roots(): Iterable<Root> {
    for (const { key, value } of this.#store.range(rowsOf(parts.roots))) {
      yield { key: restOf(key), ...decodeRootRow(value) };
    }
  }

  /** The root that is only cached and was not used for longest. */
  oldestCached(): Uint8Array | undefined {
    for (const { key } of this.#store.range({ ...rowsOf(parts.cached), limit: 1 })) {
      return keyOfCached(key);
    }
    return undefined;
  }

  /** Sets what is true of a root; one that nothing holds any more is none. */
  setRoot(key: Uint8Array, change: (row: RootRow | undefined) => RootRow): void {
    const before = this.root(key);
    const after = change(before);
    this.#change((tx) => {
      if (before !== undefined && isOnlyCached(before)) tx.remove(cachedKey(before.usedAt, key));
      if (after.held.length > 0) tx.put(rowKey(parts.roots, key), encodeRootRow(after));
      else tx.remove(rowKey(parts.roots, key));
      if (isOnlyCached(after)) tx.put(cachedKey(after.usedAt, key), new Uint8Array(0));
      const was = before !== undefined;
      const is = after.held.length > 0;
      if (is && !was) this.#link(tx, key);
      if (was && !is) this.#unlink(tx, key);
    });
    this.#cachedBytes += cachedBytesOf(after) - cachedBytesOf(before);
  }

  *blocks(from?: Uint8Array): Iterable<BlockRow & { readonly key: Uint8Array }> {
    for (const { key, value } of this.#store.range(rowsOf(parts.blocks, from))) {
      yield { key: restOf(key), ...decodeBlockRow(value) };
    }
  }

  /** What it changes of packs is remembered when the transaction is committed. */
  #change(work: (tx: StoreWriter) => void): void {
    this.#changed.clear();
    this.#store.transaction(work);
    for (const [id, row] of this.#changed) this.#remember(id, row);
  }

  #add(tx: StoreWriter, { key, links, place, from, epoch }: Appended): void {
    const row = readBlock(tx, key) ?? (epoch === undefined ? undefined : nothing);
    const end = place.at + recordBytes(place.length);
    // a copy of what has gone or moved meanwhile, and a second one of what is here, are dead from the beginning
    const isWanted =
      row !== undefined && (from === undefined ? !row.place : samePlace(row.place, from));
    this.#tally(tx, place.pack, isWanted ? recordBytes(place.length) : 0, end);
    if (!isWanted) return;
    if (from !== undefined) this.#tally(tx, from.pack, -recordBytes(from.length));
    writeBlock(tx, key, { refs: row.refs, place, linked: true });
    if (!row.linked) for (const link of links) this.#link(tx, link);
  }

  #link(tx: StoreWriter, key: Uint8Array): void {
    const row = readBlock(tx, key) ?? nothing;
    writeBlock(tx, key, { ...row, refs: row.refs + 1 });
  }

  #unlink(tx: StoreWriter, key: Uint8Array): void {
    const row = readBlock(tx, key);
    if (row === undefined || row.refs === 0) return;
    const refs = row.refs - 1;
    if (refs === 0 && row.place === undefined) {
      tx.remove(rowKey(parts.blocks, key));
      return;
    }
    writeBlock(tx, key, { ...row, refs });
    const candidate = rowKey(parts.candidates, key);
    // one that a session wrote stays under that session's epoch
    if (refs === 0 && tx.get(candidate) === undefined) tx.put(candidate, encodeU48(0));
  }

  #tally(tx: StoreWriter, id: number, by: number, indexedTo = 0): void {
    const row = this.#changed.get(id) ?? this.#packs.get(id) ?? { indexedTo: 0, live: 0 };
    const after = { indexedTo: Math.max(row.indexedTo, indexedTo), live: row.live + by };
    tx.put(packKey(id), encodePackRow(after));
    this.#changed.set(id, after);
  }

  #remember(id: number, row: PackRow | undefined): void {
    this.#liveBytes += (row?.live ?? 0) - (this.#packs.get(id)?.live ?? 0);
    if (row === undefined) this.#packs.delete(id);
    else this.#packs.set(id, row);
  }
}

function isOnlyCached({ held }: RootRow): boolean {
  return held.length === 1 && held[0] === ("cached" satisfies Holding);
}

function cachedBytesOf(row: RootRow | undefined): number {
  return row !== undefined && isOnlyCached(row) ? row.bytes : 0;
}

export function samePlace(a: Place | undefined, b: Place | undefined): boolean {
  return a?.pack === b?.pack && a?.at === b?.at;
}

function readBlock(tx: StoreReader, key: Uint8Array): BlockRow | undefined {
  const value = tx.get(rowKey(parts.blocks, key));
  return value === undefined ? undefined : decodeBlockRow(value);
}

function writeBlock(tx: StoreWriter, key: Uint8Array, row: BlockRow): void {
  tx.put(rowKey(parts.blocks, key), encodeBlockRow(row));
}

function readRoot(tx: StoreReader, key: Uint8Array): RootRow | undefined {
  const value = tx.get(rowKey(parts.roots, key));
  return value === undefined ? undefined : decodeRootRow(value);
}
