/**
 * Type `doc` (class `append`): a text that several write at the same time. Items are Yjs updates; a checkpoint holds those
 * of a range. The value is what Yjs makes of all live updates applied one after the other in the order of (stamp, writer,
 * index, hash). Yjs's merge does not depend on the order as long as everybody is honest, but with invented neighbours it
 * does, so the order is part of the value. Since a stamp is larger than all its writer had seen, what an update builds on
 * comes before it; what cannot be applied at its turn contributes nothing.
 */
import {
  badFormat,
  compareBytes,
  concatBytes,
  encodeUtf8,
  equalBytes,
  Reader,
  Writer,
} from "../../core/codec.ts";
import { toCoterieError } from "../../core/errors.ts";
import { sha256, tag } from "../../core/identity.ts";
import { limits } from "../../core/limits.ts";
import { decodeDocUpdate } from "./doc-update.ts";
import { classes, decodeEntry, type Entry, type StampRange } from "./entry.ts";
import { epochField, fieldBytesMax, hasBody, type Intent, type WriteAt } from "./intent.ts";
import type { LiveRow } from "./live-rows.ts";
import type { Subject } from "./rows.ts";

export const docType = "doc";

export function docSubject(namespace: string, key: string): Subject {
  return { namespace, class: classes.append, type: docType, key };
}

const clientTag = tag("coterie/doc");

/** The Yjs client id under which alone a writer may create text in a document: 53 bits. */
export function docClient(writer: Uint8Array, key: string): number {
  const hash = sha256(concatBytes(clientTag, writer, encodeUtf8(key)));
  return Number(new Reader(hash).u64() >> 11n);
}

/** One update with its place in the order. */
export type DocPiece = {
  readonly stamp: bigint;
  readonly writer: Uint8Array;
  readonly index: number;
  /** Of the entry it is in. */
  readonly hash: Uint8Array;
  readonly update: Uint8Array;
};

export function comparePieces(a: DocPiece, b: DocPiece): number {
  if (a.stamp !== b.stamp) return a.stamp < b.stamp ? -1 : 1;
  return compareBytes(a.writer, b.writer) || a.index - b.index || compareBytes(a.hash, b.hash);
}

/** The updates of a live entry, none of one that deletes; throws `BAD_FORMAT` for a checkpoint with another body. */
export function piecesOf({ place, encoded }: Pick<LiveRow, "place" | "encoded">): DocPiece[] {
  const { body, range } = decodeEntry(encoded);
  const { writer, stamp, index, hash } = place;
  if (body === undefined) return [];
  if (range === undefined) return [{ stamp, writer, index, hash, update: body }];
  const listed = decodeCheckpoint(body);
  if (listed.some((piece) => piece.stamp < range.from || piece.stamp > range.to)) {
    badFormat("an update outside its checkpoint's range");
  }
  return listed.map((piece) => ({ ...piece, writer, hash }));
}

type Listed = Pick<DocPiece, "stamp" | "index" | "update">;

/** Body of a checkpoint: (stamp u64, index u16, update bytes), ascending by (stamp, index). */
export function encodeCheckpoint(pieces: readonly Listed[]): Uint8Array {
  const out = new Writer();
  for (const { stamp, index, update } of pieces) out.u64(stamp).u16(index).prefixed(update);
  return out.finish();
}

function decodeCheckpoint(body: Uint8Array): Listed[] {
  const reader = new Reader(body);
  const pieces: Listed[] = [];
  while (reader.remaining > 0) {
    const stamp = reader.u64();
    const index = reader.u16();
    const last = pieces.at(-1);
    if (last !== undefined && (stamp < last.stamp || (stamp === last.stamp && index <= last.index)))
      badFormat("a checkpoint out of order");
    if (index >= limits.batchEntriesMax) badFormat("an index beyond its batch");
    pieces.push({ stamp, index, update: reader.prefixed(limits.valueBytesMax) });
  }
  return pieces;
}

/** Why a live entry contributes nothing to its document, on every node alike; undefined when it may. */
export function docFault(row: Pick<LiveRow, "place" | "encoded">): string | undefined {
  try {
    const client = docClient(row.place.writer, row.place.subject.key);
    for (const { update } of piecesOf(row)) decodeDocUpdate(update, client);
    return undefined;
  } catch (error) {
    return toCoterieError(error).message;
  }
}

/** What an entry was made for: if the document has another epoch or this node another writer by now, it is not written. */
export type DocBasis = { readonly epoch: bigint; readonly writer: Uint8Array };

/** An item. `stale` is called instead when the basis has gone. */
export function docItem(
  key: string,
  basis: DocBasis,
  update: Uint8Array,
  stale: () => void,
): Intent {
  return docIntent(key, update.length, (live, at) => {
    if (!isStale(basis, live, at)) return { ...docEntry(key, basis.epoch), body: update };
    stale();
    return undefined;
  });
}

/** In place of all there is of the writer's own in this range. */
export function docCheckpoint(
  key: string,
  basis: DocBasis,
  range: StampRange,
  pieces: readonly Listed[],
): Intent {
  const body = encodeCheckpoint(pieces);
  return docIntent(key, body.length, (live, at) => {
    return isStale(basis, live, at) ? undefined : { ...docEntry(key, basis.epoch), body, range };
  });
}

/** Opens an epoch with nothing in it. */
export function docDelete(key: string): Intent {
  const intent = docIntent(key, 0, (live, { stamp }) => {
    return [...live].some(hasBody) ? docEntry(key, stamp) : undefined;
  });
  return { ...intent, alone: true };
}

function docIntent(key: string, bodyBytes: number, make: Intent["make"]): Intent {
  const bytes = bodyBytes + encodeUtf8(key).length + fieldBytesMax;
  return { class: classes.append, type: docType, key, bytes, make };
}

function isStale(basis: DocBasis, live: Iterable<LiveRow>, { writer }: WriteAt): boolean {
  return epochOf(live) !== basis.epoch || !equalBytes(writer, basis.writer);
}

/** All live entries of a key are of one epoch. */
function epochOf(live: Iterable<LiveRow>): bigint {
  for (const { encoded } of live) return decodeEntry(encoded).epoch ?? 0n;
  return 0n;
}

function docEntry(key: string, epoch: bigint): Entry {
  return { class: classes.append, type: docType, key, epoch: epochField(epoch) };
}
