/**
 * Signed headers in the store, with what is known of their Merkle trees and which of their entries live. A header goes
 * when its last entry is superseded, but for the hash that a node keeps of every header it wrote itself. While most of
 * a batch lives all leaf hashes are kept, after that the paths of those that live.
 */
import { equalBytes, Reader, Writer } from "../../core/codec.ts";
import type { StoreReader, StoreWriter } from "../../core/ports.ts";
import type { SignedHeader } from "./bundle.ts";
import { decodeHeader, headerBytesMax, signatureBytes, writerOf } from "./header.ts";
import { hashesOf, LeafSet, PrunedTree } from "./merkle.ts";
import { headerKey, liveKey, prefixEnd, tables, writerIndexKey } from "./rows.ts";

export type StoredHeader = SignedHeader & { readonly tree: PrunedTree };

export function readHeader(store: StoreReader, hash: Uint8Array): StoredHeader | undefined {
  const row = store.get(headerKey(hash));
  if (row === undefined) return undefined;
  const reader = new Reader(row);
  const encoded = reader.prefixed(headerBytesMax);
  const signature = reader.bytes(signatureBytes);
  const header = decodeHeader(encoded);
  const known = LeafSet.decode(header.count, reader.bytes(Math.ceil(header.count / 8)));
  const next = hashesOf((length) => reader.bytes(length));
  const tree = PrunedTree.build(known, next, next);
  return { header, encoded, signature, hash, writer: writerOf(header), tree };
}

function writeHeader(
  tx: StoreWriter,
  signed: SignedHeader,
  tree: PrunedTree,
  known: LeafSet,
): void {
  const out = new Writer().prefixed(signed.encoded).bytes(signed.signature).bytes(known.bits);
  for (const hash of tree.listing(known)) out.bytes(hash);
  tx.put(headerKey(signed.hash), out.finish());
}

export function readLive(store: StoreReader, hash: Uint8Array, count: number): LeafSet {
  const row = store.get(liveKey(hash));
  return row === undefined ? new LeafSet(count) : LeafSet.decode(count, row);
}

/** Stores a header of which some entries came to live. Returns true when it proves that its writer forked. */
export function addHeader(tx: StoreWriter, signed: StoredHeader, live: LeafSet): boolean {
  const { header, hash, writer } = signed;
  const stored = readHeader(tx, hash);
  const tree = stored === undefined ? signed.tree : stored.tree.merge(signed.tree);
  const all = readLive(tx, hash, header.count);
  for (const index of live) all.add(index);
  tx.put(liveKey(hash), all.bits);
  const known = tree.knownLeaves();
  if (stored === undefined || known.size > stored.tree.knownLeaves().size) {
    writeHeader(tx, signed, tree, known);
  }
  if (stored !== undefined) return false;
  const bySeq = writerIndexKey(tables.headersBySeq, header.namespace, writer, header.seq);
  const byStamp = writerIndexKey(tables.headersByStamp, header.namespace, writer, header.stamp);
  const forked = hasOther(tx, bySeq, hash) || hasOther(tx, byStamp, hash);
  const nothing = new Uint8Array(0);
  tx.put(writerIndexKey(tables.headersBySeq, header.namespace, writer, header.seq, hash), nothing);
  tx.put(
    writerIndexKey(tables.headersByStamp, header.namespace, writer, header.stamp, hash),
    nothing,
  );
  return forked;
}

function hasOther(tx: StoreReader, prefix: Uint8Array, hash: Uint8Array): boolean {
  for (const row of tx.range({ from: prefix, to: prefixEnd(prefix), limit: 2 })) {
    if (!equalBytes(row.key.subarray(prefix.length), hash)) return true;
  }
  return false;
}

/** Takes note that one entry of a header no longer lives. `own`: the header's place in its chain is kept. */
export function dropFromHeader(
  tx: StoreWriter,
  hash: Uint8Array,
  index: number,
  own: (writer: Uint8Array) => boolean,
): void {
  const row = tx.get(liveKey(hash));
  if (row === undefined) return;
  const live = LeafSet.decode(row.length * 8, row);
  live.remove(index);
  const left = live.size;
  if (left > 0) {
    tx.put(liveKey(hash), live.bits);
    if (left % 8 === 0) thinHeader(tx, hash, left);
    return;
  }
  const stored = readHeader(tx, hash);
  tx.remove(liveKey(hash));
  tx.remove(headerKey(hash));
  if (stored === undefined) return;
  const { namespace, seq, stamp } = stored.header;
  const { writer } = stored;
  tx.remove(writerIndexKey(tables.headersByStamp, namespace, writer, stamp, hash));
  if (!own(writer)) {
    tx.remove(writerIndexKey(tables.headersBySeq, namespace, writer, seq, hash));
  }
}

/** Once less than half of the known leaves live, keeps paths instead. */
function thinHeader(tx: StoreWriter, hash: Uint8Array, left: number): void {
  const stored = readHeader(tx, hash);
  if (stored === undefined || left * 2 > stored.tree.knownLeaves().size) return;
  writeHeader(tx, stored, stored.tree, readLive(tx, hash, stored.header.count));
}
