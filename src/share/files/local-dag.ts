/** DAGs as far as their blocks are here. */
import type { CID } from "multiformats/cid";
import { CoterieError } from "../../core/errors.ts";
import type { BlockStore } from "./block-store.ts";
import { walkDag } from "./dag-walk.ts";
import type { ReadBlock } from "./unixfs-read.ts";

export class LocalDag {
  readonly #blocks: Pick<BlockStore, "get" | "lengthOf">;

  constructor(blocks: Pick<BlockStore, "get" | "lengthOf">) {
    this.#blocks = blocks;
  }

  /** Rejects `NOT_FOUND` for a block that is not here. */
  readonly read: ReadBlock = async (cid, signal) => {
    const bytes = await this.#blocks.get(cid, signal);
    if (bytes === undefined) throw notHere(cid);
    return bytes;
  };

  /** Whether every block is here; for leaves the index is asked alone. */
  async isWhole(root: CID, signal: AbortSignal): Promise<boolean> {
    try {
      await this.sizeOf(root, signal);
      return true;
    } catch (error) {
      if (error instanceof CoterieError && error.code === "NOT_FOUND") return false;
      throw error;
    }
  }

  /** Bytes of the DAG's blocks; throws `NOT_FOUND` when one is not here. */
  async sizeOf(root: CID, signal: AbortSignal): Promise<number> {
    let bytes = 0;
    const isRead = (cid: CID): boolean => {
      const length = this.#blocks.lengthOf(cid);
      if (length === undefined) throw notHere(cid);
      bytes += length;
      return false;
    };
    for await (const block of walkDag(this.read, root, signal, isRead)) bytes += block.bytes.length;
    return bytes;
  }
}

function notHere(cid: CID): CoterieError {
  return new CoterieError("NOT_FOUND", `block ${cid.toString()} is not here`, {
    hint: `find out why with: coterie share diag ${cid.toString()}`,
  });
}
