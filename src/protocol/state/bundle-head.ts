/** What a bundle says of itself, read without verifying any of it: for budgets, which come before the work. */
import { Reader } from "../../core/codec.ts";
import { CoterieError } from "../../core/errors.ts";
import { decodeHeader, headerBytesMax, signatureBytes } from "./header.ts";
import { LeafSet } from "./merkle.ts";

export type BundleHead = {
  readonly author: Uint8Array;
  readonly stamp: bigint;
  /** Entries it holds. */
  readonly entries: number;
};

/** Undefined for what is no bundle. */
export function peekBundle(bundle: Uint8Array): BundleHead | undefined {
  try {
    const reader = new Reader(bundle);
    const { author, stamp, count } = decodeHeader(reader.prefixed(headerBytesMax));
    reader.bytes(signatureBytes);
    const present = LeafSet.decode(count, reader.bytes(Math.ceil(count / 8)));
    return { author, stamp, entries: present.size };
  } catch (error) {
    if (error instanceof CoterieError && error.code === "BAD_FORMAT") return undefined;
    throw error;
  }
}
