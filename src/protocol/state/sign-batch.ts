/** Makes a batch: draws the writer's next position, hashes the entries, signs one header over their Merkle root. */
import type { Identity } from "../../core/identity.ts";
import type { StoreReader } from "../../core/ports.ts";
import { encodeBundle, type AcceptedBundle } from "./bundle.ts";
import { readChain } from "./chain.ts";
import type { Entry } from "./entry.ts";
import {
  encodeEntries,
  encodeHeader,
  headerHash,
  leafHasher,
  noHash,
  signHeader,
  writerOf,
  type Header,
} from "./header.ts";
import { LeafSet, PrunedTree } from "./merkle.ts";

/** A writer that can sign. */
export type Hand = {
  readonly identity: Identity;
  readonly network: Uint8Array;
  readonly nonce: Uint8Array;
};

export function signBatch(
  store: StoreReader,
  { identity, network, nonce }: Hand,
  namespace: string,
  entries: readonly Entry[],
  stamp: bigint,
): AcceptedBundle {
  const chain = readChain(store, namespace, nonce);
  const position = {
    network,
    namespace,
    author: identity.publicKey,
    nonce,
    seq: chain.seq + 1n,
    prev: chain.hash,
    stamp,
    capability: new Uint8Array(0),
  };
  const encodedEntries = encodeEntries(entries);
  const hashOf = leafHasher(position);
  const hashes = encodedEntries.map((encoded, index) => hashOf(index, encoded));
  const all = LeafSet.all(entries.length);
  const tree = PrunedTree.build(
    all,
    (index) => hashes[index]!,
    () => noHash,
  );
  const header: Header = { ...position, count: entries.length, root: tree.root };
  const encoded = encodeHeader(header);
  const signature = signHeader(encoded, identity);
  const placed = entries.map((entry, index) => ({
    index,
    hash: hashes[index]!,
    encoded: encodedEntries[index]!,
    entry,
  }));
  return {
    bytes: encodeBundle({ encoded, signature }, all, encodedEntries, []),
    present: entries.length,
    header,
    encoded,
    signature,
    hash: headerHash(encoded),
    writer: writerOf(header),
    tree,
    entries: placed,
    refusals: [],
  };
}
