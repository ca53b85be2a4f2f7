import type { CID } from "multiformats/cid";
/** What transfers ask of the block store. Bytes given out are the caller's to read, not to change. */
export interface Blocks {
  has(cid: CID): boolean;
  get(cid: CID, signal?: AbortSignal): Promise<Uint8Array | undefined>;
  /**
   * Stores verified blocks; resolves when they are in the pack (flushed with `flush`), from when on the bytes may be
   * written over. Rejects FILES_QUOTA, STORE_FULL.
   */
  putMany(blocks: readonly { readonly cid: CID; readonly bytes: Uint8Array }[]): Promise<void>;
  flush(): Promise<void>;
}
