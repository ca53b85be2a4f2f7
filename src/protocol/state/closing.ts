/**
 * An author's word that a writer of its own forked and writes no more: a register in namespace `sys` under a key that the
 * author alone may write. So what looked like equivocation is seen to be a copy of a data directory, or an old one put back.
 */
import { concatBytes, encodeUtf8, fromHex, toHex } from "../../core/codec.ts";
import { authorOf, isPeerName, nonceBytes, peerNameOf } from "../../core/ids.ts";
import { classes, type Entry } from "./entry.ts";
import { authorOfWriter } from "./fork-proof.ts";
import { encodeValue } from "./value.ts";

export function closingKey(writer: Uint8Array): string {
  const author = authorOfWriter(writer);
  const nonce = writer.subarray(author.length);
  return `members/${peerNameOf(author)}/closed/${toHex(nonce)}`;
}

/** The writer that a key of `sys` closes, or undefined. */
export function closedWriter(key: string): Uint8Array | undefined {
  const [, peer = "", nonce = ""] = /^members\/([^/]+)\/closed\/([0-9a-f]+)$/.exec(key) ?? [];
  if (nonce.length !== 2 * nonceBytes || !isPeerName(peer)) return undefined;
  return concatBytes(authorOf(peer), fromHex(nonce));
}

export function closing(writer: Uint8Array): Entry {
  const body = encodeValue({ kind: "json", bytes: encodeUtf8('{"forked":true}') });
  return { class: classes.last, type: "register", key: closingKey(writer), body };
}
