/** Whether bytes are what a CID names: SHA-256, or a short content that the CID itself holds. Other hashes are refused. */
import type { CID } from "multiformats/cid";
import { equalBytes } from "../../../core/codec.ts";
import { CoterieError } from "../../../core/errors.ts";
import { sha256 } from "../../../core/identity.ts";
import { limits } from "../../../core/limits.ts";

const sha256Code = 0x12;
const identityCode = 0x00;

/** Throws `UNSUPPORTED_TYPE` for a CID that could not be verified. */
export function checkVerifiable(cid: CID): void {
  const { code, digest } = cid.multihash;
  if (code === sha256Code && digest.length === 32) return;
  if (code === identityCode && digest.length <= limits.identityBytesMax) return;
  throw new CoterieError(
    "UNSUPPORTED_TYPE",
    `the hash of ${cid.toString()} cannot be verified here`,
  );
}

export function matches(cid: CID, bytes: Uint8Array): boolean {
  return isDigestOf(cid, sha256(bytes));
}

/** `digest`: SHA-256 of the bytes. */
export function isDigestOf({ multihash }: CID, digest: Uint8Array): boolean {
  return multihash.code === sha256Code && equalBytes(digest, multihash.digest);
}

/** The content of a CID that is its own content. */
export function inlineBytes(cid: CID): Uint8Array | undefined {
  return cid.multihash.code === identityCode ? cid.multihash.digest : undefined;
}
