/**
 * The blocks of a DAG that are not here yet, depth first. Nodes that are here are read and followed, so that a transfer
 * that was cut short goes on where it was; each node is followed once, however often it is linked; leaves that are here are
 * passed over. What grows with the DAG is one hash for each node (not for each leaf), and links that wait: no more than
 * `dagNodesAtOnceMax` nodes are open at once, so a wide DAG is not unrolled ahead of its leaves.
 */
import type { CID } from "multiformats/cid";
import { bytesName } from "../../../core/codec.ts";
import { CoterieError } from "../../../core/errors.ts";
import { limits } from "../../../core/limits.ts";
import { isLeaf, linksInOrder } from "../block-links.ts";
import type { Blocks } from "../blocks.ts";
import { checkVerifiable, inlineBytes } from "./verify.ts";

export type Links = (cid: CID, bytes: Uint8Array) => readonly CID[];

export type DagWalkParts = {
  readonly blocks: Blocks;
  /** Which links to follow: all, or those of a range. */
  readonly links?: Links;
  readonly signal: AbortSignal;
  /** A node that is here has been read, and there may be more to take; or it could not be read. */
  onRead(error: unknown): void;
};

export class DagWalk {
  readonly #parts: DagWalkParts;
  readonly #links: Links;
  /** The next one last. */
  readonly #stack: CID[];
  /** Taken, and neither stored nor given back. */
  readonly #taken = new Set<string>();
  readonly #nodes = new Set<string>();
  #open = 0;

  constructor(root: CID, parts: DagWalkParts) {
    this.#parts = parts;
    this.#links = parts.links ?? linksInOrder;
    this.#stack = [root];
  }

  get isDone(): boolean {
    return this.#stack.length === 0 && this.#taken.size === 0 && this.#open === 0;
  }

  /** The next block to get; undefined if there is none, or none until others have come. Throws as `linksInOrder` does. */
  take(): CID | undefined {
    for (;;) {
      const cid = this.#stack.pop();
      if (cid === undefined) return undefined;
      checkVerifiable(cid);
      const key = keyOf(cid);
      if (isLeaf(cid)) {
        if (this.#taken.has(key) || this.#isHere(cid)) continue;
      } else {
        if (this.#nodes.has(key)) continue;
        if (this.#open >= limits.dagNodesAtOnceMax) {
          this.#stack.push(cid);
          return undefined;
        }
        this.#begin(key);
        if (this.#isHere(cid)) {
          void this.#read(cid);
          continue;
        }
      }
      this.#taken.add(key);
      return cid;
    }
  }

  /** It has come and is sound: its links are followed. Throws as `linksInOrder` does. */
  arrived(cid: CID, bytes: Uint8Array): void {
    if (!isLeaf(cid)) this.#follow(cid, bytes);
  }

  /** It is in the store. */
  stored(cid: CID): void {
    this.#taken.delete(keyOf(cid));
  }

  #isHere(cid: CID): boolean {
    return inlineBytes(cid) !== undefined || this.#parts.blocks.has(cid);
  }

  #begin(key: string): void {
    if (this.#nodes.size >= limits.dagNodesMax) {
      throw new CoterieError("TOO_LARGE", `the DAG has more than ${limits.dagNodesMax} nodes`);
    }
    this.#nodes.add(key);
    this.#open++;
  }

  async #read(cid: CID): Promise<void> {
    const { blocks, signal, onRead } = this.#parts;
    try {
      const bytes = inlineBytes(cid) ?? (await blocks.get(cid, signal));
      if (bytes !== undefined) {
        this.#follow(cid, bytes);
      } else {
        // it was evicted in between
        this.#open--;
        this.#nodes.delete(keyOf(cid));
        this.#stack.push(cid);
      }
      onRead(undefined);
    } catch (error) {
      onRead(error);
    }
  }

  #follow(cid: CID, bytes: Uint8Array): void {
    const links = this.#links(cid, bytes);
    if (this.#stack.length + links.length > limits.dagFrontierMax) {
      throw new CoterieError("TOO_LARGE", "too many links of the DAG wait to be followed");
    }
    this.#open--;
    for (const link of links.toReversed()) this.#stack.push(link);
  }
}

/** The same bytes under another codec are another node. */
export function keyOf(cid: CID): string {
  return `${cid.code} ${bytesName(cid.multihash.bytes)}`;
}
