/** What the state says of a share (docs/formats.md, "Shares"): JSON with a version; unknown fields are ignored. */
import { CID } from "multiformats/cid";
import { decodeUtf8, encodeUtf8 } from "../../core/codec.ts";
import { CoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import { keyOf } from "./block-key.ts";

export type ShareFacts = {
  /** Version 1, base32. */
  readonly root: string;
  readonly kind: "file" | "folder";
  /** Of all blocks, counted as often as they are linked. */
  readonly bytes: number;
  readonly copiesMin: number;
  readonly copiesMax: number;
};

const version = 1;

export function encodeShare({ root, kind, bytes, copiesMin, copiesMax }: ShareFacts): Uint8Array {
  return encodeUtf8(
    JSON.stringify({ v: version, root, kind, bytes, min: copiesMin, max: copiesMax }),
  );
}

/** Undefined for what this version does not understand, or what nobody could honestly mean. */
export function decodeShare(value: Uint8Array): ShareFacts | undefined {
  try {
    const { v, root, kind, bytes, min, max } = JSON.parse(decodeUtf8(value)) as Record<
      string,
      unknown
    >;
    const isKnown = v === version && (kind === "file" || kind === "folder");
    if (!isKnown || typeof root !== "string" || !isCount(bytes)) return undefined;
    if (!isCount(min) || !isCount(max) || min < 1 || max < min || max > limits.copiesMax) {
      return undefined;
    }
    const cid = parseRoot(root);
    return { root: cid.toString(), kind, bytes, copiesMin: min, copiesMax: max };
  } catch {
    return undefined; // another member wrote it; it is shown as nothing
  }
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** The CID in version 1; throws `BAD_REQUEST`, or `BAD_BLOCK` for a kind that files do not use. */
export function parseRoot(text: string): CID {
  let cid: CID;
  try {
    cid = CID.parse(text);
  } catch (error) {
    throw new CoterieError("BAD_REQUEST", `${JSON.stringify(text)} is no CID`, { cause: error });
  }
  keyOf(cid);
  return cid.version === 1 ? cid : cid.toV1();
}

export function isCid(text: string): boolean {
  try {
    CID.parse(text);
    return true;
  } catch {
    return false; // which is the question
  }
}

/** Why this cannot be the name of a share, or undefined. */
export function shareNameFault(name: string): string | undefined {
  const bytes = encodeUtf8(name).length;
  if (bytes === 0) return "a share needs a name";
  if (bytes > limits.shareNameBytesMax)
    return `a name has at most ${limits.shareNameBytesMax} bytes`;
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f-\u009f]/.test(name)) return "a name has no control characters";
  if (isCid(name)) return "a name is not to look like a CID";
  return undefined;
}
