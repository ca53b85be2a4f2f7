/** Verified blocks on their way to the disk: written many at a time, bounded, one write after the other. */
import type { CID } from "multiformats/cid";
import { limits } from "../../../core/limits.ts";
import type { Blocks } from "../blocks.ts";

export type VerifiedBlock = { readonly cid: CID; readonly bytes: Uint8Array };

export class Intake {
  readonly #blocks: Blocks;
  readonly #onStored: (batch: readonly VerifiedBlock[]) => void;
  readonly #onFailed: (error: unknown) => void;
  readonly #waiting: VerifiedBlock[] = [];
  #waitingBytes = 0;
  #isWriting = false;
  #roomFor: (() => void)[] = [];

  constructor(
    blocks: Blocks,
    onStored: (batch: readonly VerifiedBlock[]) => void,
    onFailed: (error: unknown) => void,
  ) {
    this.#blocks = blocks;
    this.#onStored = onStored;
    this.#onFailed = onFailed;
  }

  /** Resolves when there is room for more, or when writing has failed. */
  async add(block: VerifiedBlock): Promise<void> {
    this.#waiting.push(block);
    this.#waitingBytes += block.bytes.length;
    if (!this.#isWriting) void this.#write();
    while (this.#waitingBytes > limits.blockIntakeBytesMax) {
      await new Promise<void>((resolve) => this.#roomFor.push(resolve));
    }
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    try {
      while (this.#waiting.length > 0) {
        const batch = this.#nextBatch();
        await this.#blocks.putMany(batch);
        this.#waitingBytes -= bytesOf(batch);
        this.#rouse();
        this.#onStored(batch);
      }
    } catch (error) {
      this.#waiting.length = 0;
      this.#waitingBytes = 0;
      this.#onFailed(error);
      this.#rouse();
    } finally {
      this.#isWriting = false;
    }
  }

  #nextBatch(): VerifiedBlock[] {
    let bytes = 0;
    const count = this.#waiting.findIndex((block) => {
      bytes += block.bytes.length;
      return bytes > limits.blockIntakeBatchBytes;
    });
    return this.#waiting.splice(0, count === -1 ? this.#waiting.length : Math.max(1, count));
  }

  #rouse(): void {
    for (const resolve of this.#roomFor.splice(0)) resolve();
  }
}

function bytesOf(batch: readonly VerifiedBlock[]): number {
  return batch.reduce((sum, { bytes }) => sum + bytes.length, 0);
}
