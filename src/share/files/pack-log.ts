/**
 * Packs and their index as one. The packs are the truth and their own write-ahead log: a block is appended (`append`),
 * then on disk (`sync`); its row in the index follows with many others (`commit`), always after the pack was flushed. So
 * the index never knows of a block that a loss of power could take, and what it does not know yet is read from the ends
 * of the packs at the next start. Until then `find` looks among what was appended first.
 */
import { limits } from "../../core/limits.ts";
import type { Log, Metrics, Store } from "../../core/ports.ts";
import { BlockIndex, samePlace, type Appended, type Touched } from "./block-index.ts";
import { keyName } from "./block-key.ts";
import { PackFiles, type Place } from "./pack-files.ts";
import { blockOf, encodeHead, recordBytes, scanRecords } from "./pack-record.ts";
import { recoverPacks } from "./recover-packs.ts";
import { Turns } from "./turns.ts";

export type PackLogParts = {
  readonly store: Store;
  readonly folder: string;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Where a pack ends. */
  packBytes(): number;
};

export type NewBlock = {
  readonly key: Uint8Array;
  readonly bytes: Uint8Array;
  readonly links: readonly Uint8Array[];
  readonly epoch: number | undefined;
  readonly from?: Place;
};

export class PackLog {
  readonly index: BlockIndex;
  readonly #files: PackFiles;
  readonly #parts: PackLogParts;
  /** Sizes of the packs that are not written any more. */
  readonly #sizes: Map<number, number>;
  #sealedBytes = 0;
  readonly #appends = new Turns();
  readonly #commits = new Turns();
  readonly #removals = new Turns();
  #pending: (Appended | Touched)[] = [];
  #pendingLinks = 0;
  #pendingBytes = 0;
  readonly #places = new Map<string, Place>();
  /** How many of what is pending are, or link, a block. */
  readonly #busy = new Map<string, number>();

  private constructor(
    parts: PackLogParts,
    files: PackFiles,
    index: BlockIndex,
    sizes: Map<number, number>,
  ) {
    this.#parts = parts;
    this.#files = files;
    this.index = index;
    this.#sizes = sizes;
  }

  static async open(parts: PackLogParts): Promise<PackLog> {
    const files = await PackFiles.open(parts.folder);
    const index = new BlockIndex(parts.store);
    const sizes = await recoverPacks(files, index, parts.log);
    const log = new PackLog(parts, files, index, sizes);
    const last = Math.max(0, ...sizes.keys(), ...index.packs.keys());
    const size = sizes.get(last);
    const isShort = size !== undefined && size < (index.packs.get(last)?.indexedTo ?? 0);
    if (size !== undefined && size < parts.packBytes() && !isShort) {
      await files.use(last, size);
      sizes.delete(last);
    } else {
      await files.use(last + 1, 0);
    }
    for (const sealed of sizes.values()) log.#sealedBytes += sealed;
    return log;
  }

  get diskBytes(): number {
    return this.#sealedBytes + (this.#files.active?.size ?? 0);
  }

  get liveBytes(): number {
    return this.index.liveBytes + this.#pendingBytes;
  }

  /** What waits for its rows, as a part of what a transaction takes. */
  get backlog(): number {
    const { indexGroupBlocks, indexGroupLinks } = limits;
    return this.#pending.length / indexGroupBlocks + this.#pendingLinks / indexGroupLinks;
  }

  find(key: Uint8Array): Place | undefined {
    return this.#places.get(keyName(key)) ?? this.index.block(key)?.place;
  }

  /** Whether something that has no row yet is this block or links it. */
  isBusy(key: Uint8Array): boolean {
    return this.#busy.has(keyName(key));
  }

  /** The block, or undefined when it is not here; one that is found damaged is not here any more. */
  async read(key: Uint8Array): Promise<Uint8Array | undefined> {
    for (;;) {
      const place = this.find(key);
      if (place === undefined) return undefined;
      const record = await this.#files.read(place.pack, place.at, recordBytes(place.length));
      const block = blockOf(record, key);
      if (block !== undefined) return block;
      if (samePlace(this.find(key), place)) await this.lose(key, place);
    }
  }

  /** Gives up a block that is damaged, so that it can come from elsewhere. */
  async lose(key: Uint8Array, place: Place): Promise<void> {
    if (this.#places.has(keyName(key))) await this.commit();
    this.#parts.metrics.count("files.damaged_blocks");
    this.#parts.log.error("a block is damaged", { pack: place.pack, at: place.at });
    this.index.lose(key, place);
  }

  /** Appends blocks to the pack that is written; they can be found when it resolves. */
  append(blocks: readonly NewBlock[]): Promise<void> {
    return this.#appends.take(async () => {
      if ((this.#files.active?.size ?? 0) >= this.#parts.packBytes()) await this.#roll();
      const pieces = blocks.flatMap(({ key, bytes }) => [encodeHead(key, bytes), bytes]);
      const { pack, at: start } = await this.#files.append(joinSmall(pieces));
      let at = start;
      for (const { bytes, ...block } of blocks) {
        const place = { pack, at, length: bytes.length };
        this.#wait({ ...block, place });
        at += recordBytes(bytes.length);
      }
    });
  }

  /** A block that is here is needed by a session as if it had been written now. */
  touch(key: Uint8Array, epoch: number): void {
    this.#wait({ key, epoch });
  }

  /** Resolves when all that was appended before is on disk; appends go on beside it. */
  sync(): Promise<void> {
    return this.#files.sync();
  }

  /** Makes rows of everything that was appended before, on disk. */
  commit(): Promise<void> {
    return this.#commits.take(async () => {
      // what is appended from now on may not be on disk in time
      const count = this.#pending.length;
      if (count === 0) return;
      await this.sync();
      for (let left = count; left > 0;) {
        const group = groupOf(this.#pending, left);
        this.index.commit(group);
        this.#settle(group);
        left -= group.length;
      }
    });
  }

  /** Ends the pack that is written if so much of it is dead, so that it can be collected. */
  rollDead(deadMin: number): Promise<boolean> {
    return this.#appends.take(async () => {
      const { id, size } = this.#files.active ?? { id: 0, size: 0 };
      const row = this.index.packs.get(id);
      if (row === undefined || size - row.live < deadMin * size) return false;
      // what has no row yet is not dead
      if (row.indexedTo < size && row.indexedTo - row.live < deadMin * size) return false;
      await this.#roll();
      return true;
    });
  }

  /** Packs that are not written any more and whose records all have rows, with their sizes. */
  *sealed(): Iterable<{ readonly id: number; readonly size: number; readonly live: number }> {
    for (const [id, size] of this.#sizes) {
      const row = this.index.packs.get(id);
      if (row !== undefined && row.indexedTo >= size) yield { id, size, live: row.live };
    }
  }

  /** Copies what is needed of a stretch of a pack to the pack that is written; returns where to go on. */
  async evacuate(pack: number, from: number): Promise<number | undefined> {
    const bytes = await this.#files.read(pack, from, limits.collectBytes);
    const { records, to } = scanRecords(bytes);
    const copies = records.flatMap(({ key, bytes: block, at }) => {
      const place = { pack, at: from + at, length: block.length };
      if (!samePlace(this.find(key), place)) return [];
      return [{ key, bytes: block, links: [], epoch: undefined, from: place }];
    });
    if (copies.length > 0) await this.append(copies);
    const size = this.#sizes.get(pack) ?? 0;
    return to === 0 || from + to >= size ? undefined : from + to;
  }

  /** Removes packs in which nothing is needed. One at a time: each pack's bytes are taken off once. */
  removeEmpty(): Promise<void> {
    return this.#removals.take(async () => {
      const empty = [...this.sealed()].filter(({ live }) => live === 0);
      if (empty.length === 0) return;
      const ids = empty.map(({ id }) => id);
      await this.#files.remove(ids);
      this.index.forget(ids);
      for (const { id, size } of empty) {
        this.#sizes.delete(id);
        this.#sealedBytes -= size;
      }
    });
  }

  async close(): Promise<void> {
    await this.commit();
    await this.#files.close();
  }

  async #roll(): Promise<void> {
    const { id, size } = this.#files.active ?? { id: 0, size: 0 };
    await this.#files.use(id + 1, 0);
    this.#sizes.set(id, size);
    this.#sealedBytes += size;
  }

  #wait(item: Appended | Touched): void {
    this.#pending.push(item);
    this.#count(item, 1);
    if (!("place" in item)) return;
    this.#pendingLinks += item.links.length;
    this.#pendingBytes += recordBytes(item.place.length);
    this.#places.set(keyName(item.key), item.place);
  }

  #settle(group: readonly (Appended | Touched)[]): void {
    this.#pending.splice(0, group.length);
    for (const item of group) {
      this.#count(item, -1);
      if (!("place" in item)) continue;
      this.#pendingLinks -= item.links.length;
      this.#pendingBytes -= recordBytes(item.place.length);
      const name = keyName(item.key);
      if (samePlace(this.#places.get(name), item.place)) this.#places.delete(name);
    }
  }

  #count(item: Appended | Touched, by: 1 | -1): void {
    const keys = "place" in item ? [item.key, ...item.links] : [item.key];
    for (const name of keys.map(keyName)) {
      const count = (this.#busy.get(name) ?? 0) + by;
      if (count > 0) this.#busy.set(name, count);
      else this.#busy.delete(name);
    }
  }
}

/** As many of the first `max` as one transaction takes. */
function groupOf(pending: readonly (Appended | Touched)[], max: number): (Appended | Touched)[] {
  let links = 0;
  const end = pending.findIndex((item, index) => {
    if (index === 0) return false;
    links += "place" in item ? item.links.length : 0;
    return index >= Math.min(max, limits.indexGroupBlocks) || links > limits.indexGroupLinks;
  });
  return pending.slice(0, end < 0 ? max : end);
}

/** Heads and small blocks in few pieces: a system call has its price for each. */
function joinSmall(pieces: readonly Uint8Array[]): Uint8Array[] {
  const joined: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  const flush = (): void => {
    if (small.length > 0) joined.push(Buffer.concat(small));
    small = [];
  };
  for (const piece of pieces) {
    if (piece.length <= limits.packPieceJoinedBytes) {
      small.push(piece);
    } else {
      flush();
      joined.push(piece);
    }
  }
  flush();
  return joined;
}
