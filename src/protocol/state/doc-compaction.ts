/**
 * When and how a writer puts its own items of a document together. Items that came one after the other, with nobody
 * else's between, become one piece at the place of the first: what they build on lies before it, and what builds on them
 * behind. A checkpoint takes earlier ones into it while they are no larger than what it has already, so that a byte is
 * written again only as often as the document doubles.
 */
import { equalBytes } from "../../core/codec.ts";
import { limits } from "../../core/limits.ts";
import type { StampRange } from "./entry.ts";
import type { DocPiece } from "./doc.ts";

/** A live entry of the writer's own with its pieces. */
export type OwnRow = {
  readonly stamp: bigint;
  /** Of a checkpoint. */
  readonly range: StampRange | undefined;
  readonly pieces: readonly DocPiece[];
};

/** Pieces to be joined into one, which takes the place of the first. */
export type PieceRun = readonly DocPiece[];
export type CheckpointPlan = { readonly range: StampRange; readonly runs: readonly PieceRun[] };

/** Largest body of a checkpoint before its pieces are joined. */
const checkpointBytesMax = 160 * 1024;

/** Checkpoints to write, none when it is not worth it. `pieces` are those of all writers, in order. */
export function planCheckpoints(
  own: readonly OwnRow[],
  pieces: readonly DocPiece[],
  writer: Uint8Array,
): CheckpointPlan[] {
  const items = own.filter(({ range, pieces: { length } }) => range === undefined && length > 0);
  if (items.length < limits.docItemsKept) return [];
  const taken = [...absorbed(own, items), ...items];
  const stamps = new Set(taken.flatMap((row) => row.pieces.map(({ stamp }) => stamp)));
  const last = items.reduce((most, { stamp }) => (stamp > most ? stamp : most), 0n);
  return grouped(runsOf(pieces, writer, stamps), last);
}

/** Checkpoints from the newest back, each while it is no larger than all that is newer. */
function absorbed(own: readonly OwnRow[], items: readonly OwnRow[]): OwnRow[] {
  let bytes = bytesOf(items.flatMap((row) => row.pieces));
  const found: OwnRow[] = [];
  const checkpoints = own
    .flatMap((row) => (row.range === undefined ? [] : [{ row, to: row.range.to }]))
    .toSorted((a, b) => (a.to > b.to ? -1 : 1));
  for (const { row } of checkpoints) {
    const size = bytesOf(row.pieces);
    if (size > bytes || size + bytes > checkpointBytesMax) break;
    bytes += size;
    found.push(row);
  }
  return found;
}

/** Own pieces of these stamps, parted where somebody else's stand between them. */
function runsOf(
  pieces: readonly DocPiece[],
  writer: Uint8Array,
  stamps: ReadonlySet<bigint>,
): DocPiece[][] {
  const runs: DocPiece[][] = [];
  let isOpen = false;
  for (const piece of pieces) {
    const isOwn = equalBytes(piece.writer, writer);
    if (!isOwn || !stamps.has(piece.stamp)) {
      isOpen = false;
      continue;
    }
    if (isOpen) runs.at(-1)?.push(piece);
    else runs.push([piece]);
    isOpen = true;
  }
  return runs;
}

/** Parted again where a body would grow too large, never between entries of one stamp, which a range cannot part. */
function grouped(runs: readonly DocPiece[][], last: bigint): CheckpointPlan[] {
  const groups: DocPiece[][][] = [];
  let bytes = 0;
  let previous: DocPiece | undefined;
  for (const run of runs) {
    let isNewRun = true;
    for (const piece of run) {
      const size = bytesOf([piece]);
      const full = bytes + size > checkpointBytesMax && piece.stamp !== previous?.stamp;
      if (groups.length === 0 || full) {
        groups.push([]);
        bytes = 0;
      }
      const group = groups.at(-1)!;
      if (isNewRun || group.length === 0) group.push([piece]);
      else group.at(-1)!.push(piece);
      isNewRun = false;
      bytes += size;
      previous = piece;
    }
  }
  return groups.map((group, index) => {
    const from = group[0]![0]!.stamp;
    const next = groups[index + 1]?.[0]?.[0];
    return { range: { from, to: next === undefined ? last : next.stamp - 1n }, runs: group };
  });
}

function bytesOf(pieces: readonly DocPiece[]): number {
  return pieces.reduce((sum, { update }) => sum + update.length + 16, 0);
}
