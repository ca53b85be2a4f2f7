/** What a block refers to. Raw blocks are leaves; nodes are dag-pb (UnixFS). */
import { decode } from "@ipld/dag-pb";
import type { CID } from "multiformats/cid";
import { Reader } from "../../core/codec.ts";
import { CoterieError, toCoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import { codecs, keyName, keyOf, keyOfName } from "./block-key.ts";

export function isLeaf(cid: CID): boolean {
  return cid.code === codecs.raw;
}

/** As the node has them. Throws `BAD_BLOCK` for one that cannot be read or has too many, `UNSUPPORTED_TYPE` for others. */
export function linksInOrder(cid: CID, bytes: Uint8Array): readonly CID[] {
  if (isLeaf(cid)) return [];
  if (cid.code === codecs.dagPb) return nodeLinks(bytes);
  throw new CoterieError("UNSUPPORTED_TYPE", `${cid.toString()} is neither a file nor a folder`);
}

/**
 * Keys of the blocks that a block of this key links, each once, however often it is linked. Throws `BAD_BLOCK` when that
 * cannot be known.
 */
export function linksOf(key: Uint8Array, bytes: Uint8Array): Uint8Array[] {
  if (key[0] !== codecs.dagPb) return [];
  const names = new Set(nodeLinks(bytes).map((link) => keyName(keyOf(link))));
  return Array.from(names, keyOfName);
}

function nodeLinks(bytes: Uint8Array): CID[] {
  try {
    // before it is decoded: a node of two megabytes may have a hundred thousand
    if (fieldsOf(bytes) <= limits.blockLinksMax) return decode(bytes).Links.map(({ Hash }) => Hash);
  } catch (error) {
    const { message } = toCoterieError(error);
    throw new CoterieError("BAD_BLOCK", `a block is no dag-pb node: ${message}`, { cause: error });
  }
  throw new CoterieError("BAD_BLOCK", `a block links over ${limits.blockLinksMax} others`);
}

/** Number of fields of a protobuf message that has nothing but fields with a length. */
function fieldsOf(bytes: Uint8Array): number {
  const reader = new Reader(bytes);
  let count = 0;
  while (reader.remaining > 0) {
    if ((reader.varint() & 7) !== 2) throw new Error("it has a field of another kind");
    reader.prefixed(bytes.length);
    count++;
  }
  return count;
}
