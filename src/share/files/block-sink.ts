/**
 * Takes blocks one by one and stores them in groups, the next group filling while one is written. Whoever gives blocks
 * waits when both are full, so that memory stays flat; a failure reaches the next who gives, and `end`.
 */
import type { CID } from "multiformats/cid";
import { limits } from "../../core/limits.ts";
import type { Blocks } from "./blocks.ts";

type Block = { readonly cid: CID; readonly bytes: Uint8Array };

export class BlockSink {
  readonly #blocks: Blocks;
  #group: Block[] = [];
  #groupBytes = 0;
  #writing: Promise<void> = Promise.resolve();
  #isIdle = true;
  #fault: { readonly reason: unknown } | undefined;

  constructor(blocks: Blocks) {
    this.#blocks = blocks;
  }

  async put(cid: CID, bytes: Uint8Array): Promise<CID> {
    this.#check();
    this.#group.push({ cid, bytes });
    this.#groupBytes += bytes.length;
    while (this.#isFull() && !this.#isIdle) await this.#writing;
    if (this.#isFull()) this.#begin();
    return cid;
  }

  /** Resolves when all is stored and on disk. */
  async end(): Promise<void> {
    await this.#writing;
    if (this.#group.length > 0) this.#begin();
    await this.#writing;
    this.#check();
    await this.#blocks.flush();
  }

  #isFull(): boolean {
    const { sinkBytes, sinkBlocks } = limits;
    return this.#groupBytes >= sinkBytes || this.#group.length >= sinkBlocks;
  }

  #begin(): void {
    const group = this.#group;
    this.#group = [];
    this.#groupBytes = 0;
    this.#isIdle = false;
    this.#writing = this.#blocks
      .putMany(group)
      .catch((reason: unknown) => {
        this.#fault ??= { reason };
      })
      .finally(() => {
        this.#isIdle = true;
      });
  }

  #check(): void {
    if (this.#fault !== undefined) throw this.#fault.reason;
  }
}
