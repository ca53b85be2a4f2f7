/** What a block refers to: each other block once, however often it is linked. */
import { decode } from "@ipld/dag-pb";
import { CoterieError, toCoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import { codecs, keyName, keyOf, keyOfName } from "./block-key.ts";

/** Keys of the blocks that a block of this key links; throws `BAD_BLOCK` when that cannot be known. */
export function linksOf(key: Uint8Array, bytes: Uint8Array): Uint8Array[] {
  if (key[0] !== codecs.dagPb) return [];
  const { Links } = decoded(bytes);
  if (Links.length > limits.blockLinksMax) {
    throw new CoterieError("BAD_BLOCK", `a block links over ${limits.blockLinksMax} others`);
  }
  const names = new Set(Links.map(({ Hash }) => keyName(keyOf(Hash))));
  return Array.from(names, keyOfName);
}

function decoded(bytes: Uint8Array): ReturnType<typeof decode> {
  try {
    return decode(bytes);
  } catch (error) {
    const { message } = toCoterieError(error);
    throw new CoterieError("BAD_BLOCK", `a block is no dag-pb node: ${message}`, { cause: error });
  }
}
