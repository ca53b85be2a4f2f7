/**
 * The blocks of this node: stored once, counted, found, and given up when nothing needs them and the space is wanted.
 * `PackLog` keeps them, `Collector` takes them back; here are the order of writers, the quota, and what holds a root.
 */
import type { CID } from "multiformats/cid";
import { CoterieError, toCoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { Clock } from "../../core/ports.ts";
import type { Blocks } from "./blocks.ts";
import { cidOfKey, isBlock, keyName, keyOf } from "./block-key.ts";
import { linksOf } from "./block-links.ts";
import type { Holding, RootRow } from "./block-rows.ts";
import { Collector } from "./collector.ts";
import { HotBlocks } from "./hot-blocks.ts";
import { PackLog, type NewBlock, type PackLogParts } from "./pack-log.ts";
import { recordBytes } from "./pack-record.ts";

export type BlockStoreParts = Omit<PackLogParts, "packBytes"> & {
  readonly clock: Clock;
  /** By the quota, if not given. */
  readonly packBytes?: number;
  /** May change at any time. */
  quotaBytes(): number;
};

/** While it is open, no block that is written, and none that was to be and is here, is collected. */
export type Session = { end(): void };

export type HeldRoot = RootRow & { readonly cid: CID };

export type BlockUsage = {
  readonly quotaBytes: number;
  /** Of the pack files. */
  readonly diskBytes: number;
  /** Of what is needed or may be. */
  readonly liveBytes: number;
  /** Of what is only cached: gives way to anything else. */
  readonly cachedBytes: number;
};

export type Verified = { readonly cid: CID; readonly bytes: number; readonly sound: boolean };

type Waiting = {
  readonly blocks: readonly NewBlock[];
  readonly bytes: number;
  resolve(): void;
  reject(reason: unknown): void;
};

export class BlockStore implements Blocks {
  readonly #parts: BlockStoreParts;
  readonly #packs: PackLog;
  readonly #collector: Collector;
  readonly #hot = new HotBlocks(limits.hotBlocksBytesMax);
  readonly #sessions = new Set<number>();
  #epoch = 1;
  readonly #queue: Waiting[] = [];
  #writing: Promise<void> | undefined;
  #isCommitting = false;

  private constructor(parts: BlockStoreParts, packs: PackLog) {
    this.#parts = parts;
    this.#packs = packs;
    this.#collector = new Collector({
      packs,
      clock: parts.clock,
      log: parts.log,
      quotaBytes: () => parts.quotaBytes(),
      oldestSession: () => (this.#sessions.size === 0 ? undefined : Math.min(...this.#sessions)),
      onGone: (keys) => {
        for (const key of keys) this.#hot.drop(keyName(key));
      },
    });
  }

  /** Opens the packs in a folder and brings the index up to them; what an interrupted run left is collected. */
  static async open(parts: BlockStoreParts): Promise<BlockStore> {
    const packBytes = (): number => parts.packBytes ?? packBytesFor(parts.quotaBytes());
    const store = new BlockStore(parts, await PackLog.open({ ...parts, packBytes }));
    store.#collector.wake();
    return store;
  }

  has(cid: CID): boolean {
    return this.#packs.find(keyOf(cid)) !== undefined;
  }

  /** Of a block that is here. */
  lengthOf(cid: CID): number | undefined {
    return this.#packs.find(keyOf(cid))?.length;
  }

  /** Undefined when it is not here; one that turns out damaged is not. */
  async get(cid: CID, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    signal?.throwIfAborted();
    const key = keyOf(cid);
    const name = keyName(key);
    const hot = this.#hot.get(name);
    if (hot !== undefined) return hot;
    const bytes = await this.#packs.read(key);
    // what is large is read in one go, and would take the place of many that are small
    if (bytes !== undefined && bytes.length <= limits.hotBlockBytesMax) this.#hot.put(name, bytes);
    return bytes;
  }

  async putMany(
    blocks: readonly { readonly cid: CID; readonly bytes: Uint8Array }[],
  ): Promise<void> {
    if (blocks.length === 0) return;
    const prepared = blocks.map(({ cid, bytes }) => this.#prepare(cid, bytes));
    const bytes = prepared.reduce((sum, block) => sum + recordBytes(block.bytes.length), 0);
    await new Promise<void>((resolve, reject) => {
      this.#queue.push({ blocks: prepared, bytes, resolve, reject });
      this.#writing ??= this.#write();
    });
  }

  async flush(): Promise<void> {
    await this.#writing;
    await this.#packs.sync();
  }

  session(): Session {
    const epoch = ++this.#epoch;
    this.#sessions.add(epoch);
    return {
      end: () => {
        this.#sessions.delete(epoch);
        this.#collector.wake();
      },
    };
  }

  /**
   * Keeps a root and all that is stored under it, whether it is here already or is to come. Resolves when that and the
   * blocks are on disk. `whole`: all of it is here; `bytes`: of the DAG.
   */
  async hold(cid: CID, holding: Holding, facts: { whole?: boolean; bytes?: number } = {}) {
    await this.#packs.commit();
    const usedAt = this.#parts.clock.wallMs();
    this.#packs.index.setRoot(keyOf(cid), (row) => ({
      held: [...new Set([...(row?.held ?? []), holding])],
      whole: facts.whole ?? row?.whole ?? false,
      usedAt,
      bytes: facts.bytes ?? row?.bytes ?? 0,
    }));
  }

  /** Not all is here any more of what is held under a root. */
  lack(cid: CID): void {
    const key = keyOf(cid);
    const row = this.#packs.index.root(key);
    if (row !== undefined) this.#packs.index.setRoot(key, () => ({ ...row, whole: false }));
  }

  /** Takes one reason away for which a root is here; the last one gone, its blocks may be collected. */
  release(cid: CID, holding: Holding): void {
    const key = keyOf(cid);
    if (this.#packs.index.root(key) === undefined) return;
    this.#packs.index.setRoot(key, (row) => ({
      held: (row?.held ?? []).filter((one) => one !== holding),
      whole: row?.whole ?? false,
      usedAt: row?.usedAt ?? 0,
      bytes: row?.bytes ?? 0,
    }));
    this.#collector.wake();
  }

  root(cid: CID): RootRow | undefined {
    return this.#packs.index.root(keyOf(cid));
  }

  *roots(): Iterable<HeldRoot> {
    for (const { key, ...row } of this.#packs.index.roots()) yield { cid: cidOfKey(key), ...row };
  }

  usage(): BlockUsage {
    const { diskBytes, liveBytes, index } = this.#packs;
    const quotaBytes = this.#parts.quotaBytes();
    return { quotaBytes, diskBytes, liveBytes, cachedBytes: index.cachedBytes };
  }

  /** Takes back everything that nothing needs; returns the bytes freed on disk. */
  async collect(signal: AbortSignal): Promise<number> {
    return this.#collector.collectAll(signal);
  }

  /** Reads every block and compares it with its name; damaged ones are given up. */
  async *verify(signal: AbortSignal): AsyncGenerator<Verified> {
    await this.#packs.commit();
    let from: Uint8Array | undefined;
    for (;;) {
      const rows = take(this.#packs.index.blocks(from), limits.collectBlocks + 1);
      for (const { key, place } of rows.slice(0, limits.collectBlocks)) {
        signal.throwIfAborted();
        const verified = place === undefined ? undefined : await this.#check(key);
        if (verified !== undefined) yield verified;
      }
      from = rows[limits.collectBlocks]?.key;
      if (from === undefined) return;
    }
  }

  async close(): Promise<void> {
    await this.#collector.stop();
    await this.#writing;
    await this.#packs.close();
  }

  async #check(key: Uint8Array): Promise<Verified | undefined> {
    const cid = cidOfKey(key);
    const bytes = await this.#packs.read(key);
    const row = this.#packs.index.block(key);
    if (row === undefined) return undefined; // collected meanwhile
    if (bytes === undefined) return { cid, bytes: 0, sound: false };
    const sound = isBlock(cid, bytes);
    if (!sound && row.place !== undefined) await this.#packs.lose(key, row.place);
    return { cid, bytes: bytes.length, sound };
  }

  #prepare(cid: CID, bytes: Uint8Array): NewBlock {
    if (bytes.length > limits.blockBytesMax) {
      const size = `${bytes.length} bytes, over the limit of ${limits.blockBytesMax}`;
      throw new CoterieError("BAD_BLOCK", `a block has ${size}`);
    }
    const key = keyOf(cid);
    return { key, bytes, links: linksOf(key, bytes), epoch: this.#epoch };
  }

  /** Writes what waits, as much at once as there is; then makes rows of it when there is enough. */
  async #write(): Promise<void> {
    while (this.#queue.length > 0) {
      const group = this.#nextGroup();
      try {
        await this.#writeGroup(group);
        for (const { resolve } of group) resolve();
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.#writing = undefined;
  }

  #nextGroup(): Waiting[] {
    let bytes = 0;
    const over = this.#queue.findIndex((waiting, index) => {
      bytes += waiting.bytes;
      return index > 0 && bytes > limits.packGroupBytes;
    });
    return this.#queue.splice(0, over < 0 ? this.#queue.length : over);
  }

  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    const { fresh, known } = this.#sorted(group.flatMap(({ blocks }) => blocks));
    for (const { key, epoch } of known) this.#packs.touch(key, epoch ?? 0);
    const bytes = fresh.reduce((sum, block) => sum + recordBytes(block.bytes.length), 0);
    if (fresh.length > 0) {
      if (!(await this.#collector.makeRoom(bytes))) throw quotaExceeded(this.usage());
      await this.#packs.append(fresh);
      this.#collector.grown();
    }
    if (this.#packs.backlog > 4) await this.#packs.commit();
    else if (this.#packs.backlog > 1) this.#commitSoon();
  }

  #sorted(blocks: readonly NewBlock[]): { fresh: NewBlock[]; known: NewBlock[] } {
    const fresh = new Map<string, NewBlock>();
    const known: NewBlock[] = [];
    for (const block of blocks) {
      const name = keyName(block.key);
      if (fresh.has(name) || this.#packs.find(block.key) !== undefined) known.push(block);
      else fresh.set(name, block);
    }
    return { fresh: [...fresh.values()], known };
  }

  #commitSoon(): void {
    if (this.#isCommitting) return;
    this.#isCommitting = true;
    this.#packs
      .commit()
      .catch((error: unknown) => {
        const { code, message } = toCoterieError(error);
        this.#parts.log.warn("blocks are not indexed yet", { code, reason: message });
      })
      .finally(() => {
        this.#isCommitting = false;
      });
  }
}

/** Many packs, so that there are always some of which most is dead, and a pack beside its copy is little of the quota. */
function packBytesFor(quotaBytes: number): number {
  const { packBytesMin, packBytesMax } = limits;
  return Math.max(packBytesMin, Math.min(packBytesMax, quotaBytes / 64));
}

function take<T>(items: Iterable<T>, count: number): T[] {
  const taken: T[] = [];
  for (const item of items) {
    taken.push(item);
    if (taken.length === count) break;
  }
  return taken;
}

function quotaExceeded({ quotaBytes, liveBytes }: BlockUsage): CoterieError {
  const MiB = 1024 * 1024;
  const [used, quota] = [liveBytes, quotaBytes].map((bytes) => Math.floor(bytes / MiB));
  return new CoterieError(
    "FILES_QUOTA",
    `no room: ${used} MiB of the quota of ${quota} MiB are used`,
    {
      hint: "remove shares, unpin, or raise it with: coterie config set files.quota",
    },
  );
}
