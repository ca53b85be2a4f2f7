/**
 * A block is named here by 33 bytes: one for its codec and its SHA-256. The codec belongs to the name because links are
 * counted: the same bytes are a leaf under one codec and refer to other blocks under the other. Versions 0 and 1 of a
 * CID name the same block.
 */
import { hash } from "node:crypto";
import { code as dagPb } from "@ipld/dag-pb";
import { CID } from "multiformats/cid";
import { code as raw } from "multiformats/codecs/raw";
import { create as createDigest } from "multiformats/hashes/digest";
import { equalBytes } from "../../core/codec.ts";
import { CoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";

export const blockKeyBytes = 33;
export const codecs = { raw, dagPb } as const;

const sha256 = 0x12;

/** Throws `BAD_BLOCK` for codecs other than raw and dag-pb and for hashes other than SHA-256. */
export function keyOf(cid: CID): Uint8Array {
  const { code, digest } = cid.multihash;
  const known = cid.code === raw || cid.code === dagPb;
  if (!known || code !== sha256 || digest.length !== blockKeyBytes - 1) {
    throw new CoterieError("BAD_BLOCK", `${cid.toString()} is of a kind that files do not use`, {
      hint: "files are raw and dag-pb blocks under SHA-256",
    });
  }
  const key = new Uint8Array(blockKeyBytes);
  key[0] = cid.code;
  key.set(digest, 1);
  return key;
}

export function cidOfKey(key: Uint8Array): CID {
  return CID.createV1(key[0]!, createDigest(sha256, key.slice(1)));
}

/** The key as a string of one character a byte, for maps. */
export function keyName(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1");
}

export function keyOfName(name: string): Uint8Array {
  return new Uint8Array(Buffer.from(name, "latin1"));
}

/** Whether these bytes are the block that the CID names. */
export function isBlock(cid: CID, bytes: Uint8Array): boolean {
  if (cid.multihash.code !== sha256 || bytes.length > limits.blockBytesMax) return false;
  return equalBytes(sha256Of(bytes), cid.multihash.digest);
}

export function sha256Of(bytes: Uint8Array): Uint8Array {
  return hash("sha256", bytes, "buffer");
}
