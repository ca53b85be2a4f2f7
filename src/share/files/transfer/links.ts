/** The links of a block. Raw blocks have none; nodes are dag-pb (UnixFS). */
import { code as dagPbCode, decode } from "@ipld/dag-pb";
import type { CID } from "multiformats/cid";
import { badFormat, Reader } from "../../../core/codec.ts";
import { CoterieError, toCoterieError } from "../../../core/errors.ts";
import { limits } from "../../../core/limits.ts";

const rawCode = 0x55;

export function isLeaf(cid: CID): boolean {
  return cid.code === rawCode;
}

/** In the order of the node. Throws `BAD_FORMAT`, `TOO_LARGE` for a node of too many, `UNSUPPORTED_TYPE`. */
export function linksOf(cid: CID, bytes: Uint8Array): readonly CID[] {
  if (isLeaf(cid)) return [];
  if (cid.code !== dagPbCode) {
    throw new CoterieError("UNSUPPORTED_TYPE", `${cid.toString()} is neither a file nor a folder`);
  }
  // before it is decoded: a node of two megabytes may have a hundred thousand
  if (fieldsOf(bytes) > limits.dagLinksMax) {
    throw new CoterieError("TOO_LARGE", `${cid.toString()} has too many links`);
  }
  try {
    return decode(bytes).Links.map(({ Hash }) => Hash);
  } catch (error) {
    return badFormat(`${cid.toString()} is no node: ${toCoterieError(error).message}`);
  }
}

/** Number of fields of a protobuf message that has nothing but fields with a length. */
function fieldsOf(bytes: Uint8Array): number {
  const reader = new Reader(bytes);
  let count = 0;
  while (reader.remaining > 0) {
    if ((reader.varint() & 7) !== 2) badFormat("a node has a field of another kind");
    reader.prefixed(bytes.length);
    count++;
  }
  return count;
}
