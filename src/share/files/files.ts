/**
 * What people do with shared files on this node: add, get, list, remove, pin, check. Bytes are in the block store, names
 * and holders in the replicated state, what is not here comes through the fetcher.
 */
import type { CID } from "multiformats/cid";
import { CoterieError, toCoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { Clock, Log, PeerName, Random } from "../../core/ports.ts";
import { addPath, bytesAt, type OutsideLinks } from "./add-path.ts";
import { BlockSink } from "./block-sink.ts";
import type { BlockStore, BlockUsage } from "./block-store.ts";
import type { Holding } from "./block-rows.ts";
import { readCar, writeCar } from "./car.ts";
import { diagnose, type Finding } from "./diagnose.ts";
import { checkFree, extract } from "./extract.ts";
import { LocalDag } from "./local-dag.ts";
import type { Candidates, Fetcher, FetchProgress, Providers, Share, ShareState } from "./ports.ts";
import { progressOf, type Progress, type Tally } from "./progress.ts";
import { Removals } from "./removals.ts";
import { isCid, parseRoot, shareNameFault, type ShareFacts } from "./share-record.ts";
import { buildFile, type Built } from "./unixfs-build.ts";
import { readFile, readNode, type ReadBlock } from "./unixfs-read.ts";

export type FilesParts = {
  readonly blocks: BlockStore;
  readonly shares: ShareState;
  readonly candidates: Candidates;
  readonly fetcher: Fetcher;
  readonly providers: Providers;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** When a share was last brought here for the network, Unix ms. */
  repairedAt(root: string): number | undefined;
};

export type AddWish = {
  /** That of the file or folder if not given. */
  readonly name?: string | undefined;
  readonly copiesMin: number;
  readonly copiesMax: number;
  /** Takes the place of what is there under the name. */
  readonly replace: boolean;
};

export type ShareView = Share & {
  readonly holders: PeerName[];
  readonly isHere: boolean;
  /** Another root was added under the same name at the same time. */
  readonly isContested: boolean;
};

export type ShareStatus = ShareView & {
  /** Holders that are alive or only suspected. */
  readonly copies: number;
  readonly held: Holding[];
  readonly lastRepairAt: number | null;
};

export type Verified = { blocks: number; bytes: number; damaged: string[]; incomplete: string[] };

export class Files {
  readonly #parts: FilesParts;
  readonly #dag: LocalDag;
  readonly #removals: Removals;

  constructor(parts: FilesParts) {
    this.#parts = parts;
    this.#removals = new Removals(parts);
    this.#dag = new LocalDag(parts.blocks);
  }

  /** A path of this machine, absolute. */
  add(path: string, wish: AddWish & { links: OutsideLinks }, signal: AbortSignal) {
    return this.#progress(signal, async (tally, inner) => {
      const size = bytesAt(path, inner).then((bytes) => (tally.total = bytes));
      size.catch(() => undefined); // only for progress; what is wrong, adding tells
      return this.#adding(wish, inner, async (sink) => {
        const onRead = (bytes: number): void => void (tally.bytes += bytes);
        return addPath(sink, path, { outsideLinks: wish.links, signal: inner, onRead });
      });
    });
  }

  addStream(chunks: AsyncIterable<Uint8Array>, wish: AddWish, signal: AbortSignal) {
    return this.#progress(signal, (tally, inner) =>
      this.#adding(wish, inner, async (sink) => {
        const counted = counting(chunks, tally, inner);
        return { ...(await buildFile(sink, counted)), name: "", kind: "file" };
      }),
    );
  }

  /** Writes what a name or CID means to a path that is free; returns its root. */
  get(what: string, path: string, signal: AbortSignal) {
    return this.#progress(signal, async (tally, inner) => {
      const root = this.resolve(what);
      await checkFree(path); // rather than after an hour of fetching
      const read = await this.#bringHere(root, tally, inner);
      tally.bytes = 0;
      const onWritten = (bytes: number): void => void (tally.bytes += bytes);
      await extract(read, root, path, { signal: inner, random: this.#parts.random, onWritten });
      return { root: root.toString(), path };
    });
  }

  /** The bytes of a file. */
  async *cat(what: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const root = this.resolve(what);
    const read = await this.#bringHere(root, { bytes: 0, total: null }, signal);
    const node = await readNode(read, root, signal);
    if (node.kind !== "file") {
      throw new CoterieError("BAD_REQUEST", `${what} is a ${node.kind}, and no file`, {
        hint: "write it to a folder with: coterie share get",
      });
    }
    yield* readFile(read, node, signal);
  }

  async *exportCar(what: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const root = this.resolve(what);
    const read = await this.#bringHere(root, { bytes: 0, total: null }, signal);
    yield* writeCar(read, root, signal);
  }

  /** Stores the blocks of a CAR file and pins its roots, which are to be whole in it or here. */
  importCar(chunks: AsyncIterable<Uint8Array>, signal: AbortSignal) {
    return this.#progress(signal, (tally, inner) =>
      this.#session(async () => {
        const sink = new BlockSink(this.#parts.blocks);
        let roots: readonly CID[] = [];
        for await (const item of readCar(counting(chunks, tally, inner))) {
          if (item.kind === "block") await sink.put(item.cid, item.bytes);
          else roots = item.roots.map((root) => parseRoot(root.toString()));
        }
        await sink.end();
        for (const root of roots) {
          const bytes = await this.#dag.sizeOf(root, inner);
          await this.#parts.blocks.hold(root, "pinned", { whole: true, bytes });
        }
        return { roots: roots.map(String) };
      }),
    );
  }

  *list(): Generator<ShareView> {
    for (const share of this.#parts.shares.list()) yield this.#viewOf(share);
  }

  status(name: string): ShareStatus[] {
    const found = this.#parts.shares.get(name);
    if (found.length === 0) throw noShare(name);
    const standings = new Map(
      this.#parts.candidates.list().map(({ peer, standing }) => [peer, standing]),
    );
    return found.map((share) => {
      const view = this.#viewOf(share);
      const present = view.holders.filter((peer) => {
        return standings.get(peer) === "alive" || standings.get(peer) === "suspect";
      });
      return {
        ...view,
        copies: present.length,
        held: [...(this.#parts.blocks.root(parseRoot(share.root))?.held ?? [])],
        lastRepairAt: this.#parts.repairedAt(share.root) ?? null,
      };
    });
  }

  /** Removes a share; with `force` one of another member. What this node kept for it may be collected. */
  async remove(name: string, force: boolean, signal: AbortSignal): Promise<void> {
    const { shares, candidates } = this.#parts;
    const found = shares.get(name);
    if (found.length === 0) throw noShare(name);
    const other = found.find(({ owner }) => owner !== candidates.self);
    if (other !== undefined && !force) {
      throw new CoterieError("REFUSED", `${JSON.stringify(name)} is a share of ${other.owner}`, {
        hint: "remove it nevertheless with --force",
      });
    }
    await shares.remove(name, signal);
    for (const { root } of found) await this.#removals.release(root);
  }

  /** Brings a DAG here if it is not, and keeps it whatever others do. */
  pin(what: string, signal: AbortSignal) {
    return this.#progress(signal, async (tally, inner) => {
      const root = this.resolve(what);
      await this.#bringHere(root, tally, inner, "pinned");
      return { root: root.toString() };
    });
  }

  unpin(what: string): void {
    const root = this.resolve(what);
    const { blocks } = this.#parts;
    if (!blocks.root(root)?.held.includes("pinned")) {
      throw new CoterieError("NOT_FOUND", `${root.toString()} is not pinned`);
    }
    blocks.release(root, "pinned");
  }

  usage(): BlockUsage {
    return this.#parts.blocks.usage();
  }

  collect(signal: AbortSignal) {
    return this.#progress(signal, async (_tally, inner) => {
      const freedBytes = await this.#parts.blocks.collect(inner);
      return { freedBytes, ...this.usage() };
    });
  }

  /** Reads every block; then looks whether what is to be whole is. Damaged blocks are given up, and can come again. */
  verify(signal: AbortSignal) {
    return this.#progress(signal, async (tally, inner): Promise<Verified> => {
      const { blocks } = this.#parts;
      const found: Verified = { blocks: 0, bytes: 0, damaged: [], incomplete: [] };
      tally.total = blocks.usage().liveBytes;
      for await (const { cid, bytes, sound } of blocks.verify(inner)) {
        found.blocks++;
        tally.bytes = found.bytes += bytes;
        if (!sound) found.damaged.push(cid.toString());
      }
      for (const { cid, whole } of blocks.roots()) {
        if (!whole || (await this.#dag.isWhole(cid, inner))) continue;
        found.incomplete.push(cid.toString());
        blocks.lack(cid);
      }
      return found;
    });
  }

  /** Why something can or cannot be had, step by step. */
  diagnose(what: string, signal: AbortSignal): AsyncGenerator<Finding> {
    return diagnose({ ...this.#parts, dag: this.#dag }, this.resolve(what), signal);
  }

  /** Throws `NOT_FOUND`, or `CONFLICT` for a name of several roots. */
  resolve(what: string): CID {
    if (isCid(what)) return parseRoot(what);
    const roots = [...new Set(this.#parts.shares.get(what).map(({ root }) => root))];
    const [root] = roots;
    if (root === undefined) throw noShare(what);
    if (roots.length > 1) {
      throw new CoterieError("CONFLICT", `${JSON.stringify(what)} is the name of several shares`, {
        hint: `name one by its CID: ${roots.join(", ")}`,
      });
    }
    return parseRoot(root);
  }

  #viewOf(share: Share): ShareView {
    const { blocks, shares } = this.#parts;
    return {
      ...share,
      holders: [...shares.holders(share.root)],
      isHere: blocks.root(parseRoot(share.root))?.whole === true,
      isContested: shares.get(share.name).some(({ root }) => root !== share.root),
    };
  }

  async #adding(
    wish: AddWish,
    signal: AbortSignal,
    build: (sink: BlockSink) => Promise<Built & { name: string; kind: "file" | "folder" }>,
  ): Promise<Share> {
    const { blocks, shares, candidates } = this.#parts;
    if (wish.name !== undefined) this.#checkName(wish.name, wish.replace);
    return this.#session(async () => {
      const sink = new BlockSink(blocks);
      const { cid, tsize, kind, ...built } = await build(sink);
      await sink.end();
      const name = wish.name ?? (built.name || cid.toString().slice(-12));
      this.#checkName(name, wish.replace, cid);
      const old = shares.get(name).filter(({ owner }) => owner === candidates.self);
      const { copiesMin, copiesMax } = wish;
      const facts: ShareFacts = { root: cid.toString(), kind, bytes: tsize, copiesMin, copiesMax };
      await blocks.hold(cid, "shared", { whole: true, bytes: tsize });
      await shares.put(name, facts, signal);
      await shares.setHeld(facts.root, true);
      for (const { root } of old) await this.#removals.release(root);
      await this.#provide(cid, signal);
      return { ...facts, name, owner: candidates.self };
    });
  }

  #checkName(name: string, replace: boolean, root?: CID): void {
    const fault = shareNameFault(name);
    if (fault !== undefined) throw new CoterieError("BAD_REQUEST", fault);
    if (replace) return;
    const others = this.#parts.shares.get(name).filter((share) => share.root !== root?.toString());
    if (root === undefined || others.length === 0) return;
    throw new CoterieError(
      "CONFLICT",
      `there is another share with the name ${JSON.stringify(name)}`,
      {
        hint: "give another with --name, or take its place with --replace",
      },
    );
  }

  async #provide(root: CID, signal: AbortSignal): Promise<void> {
    const { providers, clock, log } = this.#parts;
    const late = new AbortController();
    const cancel = clock.after(limits.announceMs, () => late.abort());
    try {
      await providers.provide(root, AbortSignal.any([signal, late.signal]));
    } catch (error) {
      const { code } = toCoterieError(error);
      log.debug("a root could not be announced", { root: root.toString(), code });
    } finally {
      cancel();
    }
  }

  /** Reads blocks of a DAG of which all is here, after it was fetched if need be. */
  async #bringHere(
    root: CID,
    tally: Tally,
    signal: AbortSignal,
    holding: Holding = "cached",
  ): Promise<ReadBlock> {
    const { blocks, fetcher, shares } = this.#parts;
    return this.#session(async () => {
      const row = blocks.root(root);
      if (row?.whole !== true) {
        if (!(await this.#dag.isWhole(root, signal))) {
          await blocks.hold(root, holding);
          const holders = shares.holders(root.toString());
          const onProgress = ({ bytes }: FetchProgress): void => void (tally.bytes = bytes);
          await fetcher.fetch(root, { holders, signal, onProgress });
        }
        const bytes = await this.#dag.sizeOf(root, signal);
        await blocks.hold(root, holding, { whole: true, bytes });
      } else if (holding === "pinned" || row.held.every((one) => one === "cached")) {
        await blocks.hold(root, holding); // and if it is only cached, it was used now
      }
      return this.#mending(root);
    });
  }

  /** Reads blocks of a DAG that is here; one that is found damaged then comes again from other holders. */
  #mending(root: CID): ReadBlock {
    const { blocks, fetcher, shares } = this.#parts;
    return async (cid, signal) => {
      const bytes = await blocks.get(cid, signal);
      if (bytes !== undefined) return bytes;
      const holders = shares.holders(root.toString());
      await fetcher.fetch(cid, { holders, signal, onProgress: () => undefined });
      return this.#dag.read(cid, signal);
    };
  }

  async #session<T>(work: () => Promise<T>): Promise<T> {
    const session = this.#parts.blocks.session();
    try {
      return await work();
    } finally {
      session.end();
    }
  }

  #progress<T>(
    signal: AbortSignal,
    work: (tally: Tally, signal: AbortSignal) => Promise<T>,
  ): AsyncGenerator<Progress<T>, void> {
    return progressOf(this.#parts.clock, signal, work);
  }
}

async function* counting(
  chunks: AsyncIterable<Uint8Array>,
  tally: Tally,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    signal.throwIfAborted();
    tally.bytes += chunk.length;
    yield chunk;
  }
}

function noShare(name: string): CoterieError {
  return new CoterieError("NOT_FOUND", `there is no share with the name ${JSON.stringify(name)}`, {
    hint: "see what there is with: coterie share ls",
  });
}
