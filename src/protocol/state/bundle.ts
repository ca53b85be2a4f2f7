/**
 * Bundles: a signed header with some or all of its entries, and the Merkle hashes that stand for the others. This is
 * the only form in which entries travel, whole in gossip and in parts in reconciliation; whoever gets an entry alone
 * decides about it exactly like one who got its whole batch. Layout: docs/formats.md, "Bundle".
 */
import { badFormat, equalBytes, Reader, Writer } from "../../core/codec.ts";
import { authorOf, hashBytes, isPeerName } from "../../core/ids.ts";
import { decodeEntry, entryFault, type Entry } from "./entry.ts";
import { forkProofFault } from "./fork-proof.ts";
import {
  decodeHeader,
  headerBytesMax,
  headerHash,
  leafHasher,
  signatureBytes,
  verifyHeader,
  writerOf,
  type Header,
} from "./header.ts";
import { LeafSet, PrunedTree } from "./merkle.ts";

/** A header as it is stored and sent, verified. */
export type SignedHeader = {
  readonly header: Header;
  readonly encoded: Uint8Array;
  readonly signature: Uint8Array;
  readonly hash: Uint8Array;
  /** Author and nonce, 40 bytes. */
  readonly writer: Uint8Array;
};

/** One entry with its position, proven to belong to its header. */
export type PlacedEntry = {
  readonly index: number;
  readonly hash: Uint8Array;
  readonly encoded: Uint8Array;
  readonly entry: Entry;
};

export type AcceptedBundle = SignedHeader & {
  /** As it came. */
  readonly bytes: Uint8Array;
  /** How many entries `bytes` holds, those refused included. */
  readonly present: number;
  readonly tree: PrunedTree;
  readonly entries: readonly PlacedEntry[];
  /** Why entries of it are refused, if any are. */
  readonly refusals: readonly string[];
};

export function encodeBundle(
  header: { readonly encoded: Uint8Array; readonly signature: Uint8Array },
  present: LeafSet,
  entries: readonly Uint8Array[],
  hashes: readonly Uint8Array[],
): Uint8Array {
  const out = new Writer();
  out.prefixed(header.encoded).bytes(header.signature).bytes(present.bits);
  for (const entry of entries) out.prefixed(entry);
  for (const hash of hashes) out.bytes(hash);
  return out.finish();
}

/** Upper bound of the bytes a bundle adds to its entries' own. */
export const bundleOverheadBytes = headerBytesMax + signatureBytes + 16;

/** A bundle taken apart; nothing of it is verified but that entries and hashes have a root. */
export type DecodedBundle = {
  readonly header: Header;
  readonly encoded: Uint8Array;
  readonly signature: Uint8Array;
  /** By index, ascending. */
  readonly entries: ReadonlyMap<number, Uint8Array>;
  readonly tree: PrunedTree;
};

/** Throws `BAD_FORMAT`. */
export function decodeBundle(bytes: Uint8Array): DecodedBundle {
  const reader = new Reader(bytes);
  const encoded = reader.prefixed(headerBytesMax);
  const header = decodeHeader(encoded);
  const signature = reader.bytes(signatureBytes);
  const present = LeafSet.decode(header.count, reader.bytes(Math.ceil(header.count / 8)));
  if (present.size === 0) badFormat("bundle without entries");
  const entries = new Map<number, Uint8Array>();
  // an oversize entry is refused by decodeEntry, so that it does not take its siblings with it
  for (const index of present) entries.set(index, reader.prefixed(bytes.length));
  const hashOf = leafHasher(header);
  const tree = PrunedTree.build(
    present,
    (index) => hashOf(index, entries.get(index)!),
    () => reader.bytes(hashBytes),
  );
  reader.end();
  return { header, encoded, signature, entries, tree };
}

/**
 * Decodes and verifies: signature, Merkle root, and each entry by the rules of the format version. A fault of the
 * bundle throws `BAD_FORMAT`; a fault of one entry refuses that entry alone.
 */
export function acceptBundle(bytes: Uint8Array, network: Uint8Array): AcceptedBundle {
  const { header, encoded, signature, entries: raw, tree } = decodeBundle(bytes);
  if (!equalBytes(header.network, network)) badFormat("of another network");
  if (!equalBytes(tree.root, header.root)) badFormat("entries do not match the signed root");
  if (!verifyHeader(encoded, header.author, signature)) badFormat("wrong signature");

  const entries: PlacedEntry[] = [];
  const refusals: string[] = [];
  for (const [index, entryBytes] of raw) {
    const placed = acceptEntry(header, index, tree.leaf(index)!, entryBytes);
    if (typeof placed === "string") refusals.push(placed);
    else entries.push(placed);
  }
  return {
    bytes,
    present: raw.size,
    header,
    encoded,
    signature,
    hash: headerHash(encoded),
    writer: writerOf(header),
    tree,
    entries,
    refusals,
  };
}

function acceptEntry(
  header: Header,
  index: number,
  hash: Uint8Array,
  encoded: Uint8Array,
): PlacedEntry | string {
  let entry: Entry;
  try {
    entry = decodeEntry(encoded);
  } catch (error) {
    return error instanceof Error ? error.message : "undecodable entry";
  }
  const fault = entryFault(entry, header.stamp) ?? sysFault(header, entry);
  return fault ?? { index, hash, encoded, entry };
}

/** In namespace `sys`, `members/<id>` and what lies below it is written by that id alone, and `forks/` holds proofs. */
function sysFault(header: Header, entry: Entry): string | undefined {
  if (header.namespace !== "sys") return undefined;
  if (!entry.key.startsWith("members/")) return forkProofFault(header.network, entry);
  const owner = entry.key.split("/", 2)[1]!;
  if (!isPeerName(owner)) return "not a member's key";
  return equalBytes(authorOf(owner), header.author) ? undefined : "another member's key";
}
