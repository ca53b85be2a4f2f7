/** The live updates of a document in their order, as the store has them. */
import { equalBytes } from "../core/codec.ts";
import { CoterieError } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import type { Clock } from "../core/ports.ts";
import type { OwnRow } from "../protocol/state/doc-compaction.ts";
import { comparePieces, docSubject, piecesOf, type DocPiece } from "../protocol/state/doc.ts";
import { decodeEntry } from "../protocol/state/entry.ts";
import type { LiveRow } from "../protocol/state/live-rows.ts";
import type { Subject } from "../protocol/state/rows.ts";
import type { State } from "../protocol/state/state.ts";

export type DocLog = {
  /** In the order in which they are applied. */
  readonly pieces: readonly DocPiece[];
  readonly own: readonly OwnRow[];
  readonly epoch: bigint;
  readonly entries: number;
  readonly bytes: number;
  /** Entries whose body is none of a document's. */
  readonly refused: number;
  /** Of the newest entry; 0 when there is none. */
  readonly stamp: bigint;
  /** False when it was never written, or deleted. */
  readonly exists: boolean;
};

const sliceMs = 5;
/** Readings that others' writes to the document may break off; the next one goes through in one slice. */
const triesMax = 8;
/** Changes looked at after a rest; after more of them the document is taken to be among those changed. */
const changesMax = 1_000;

/** Reads it in slices, so that a document of very many entries does not hold up the loop. Throws `TOO_LARGE`. */
export async function readDocLog(
  state: State,
  clock: Clock,
  namespace: string,
  key: string,
): Promise<DocLog> {
  const subject = docSubject(namespace, key);
  for (let tries = 0; tries < triesMax; tries++) {
    const reading = new Reading(state.writer);
    if (await readSliced(state, clock, subject, reading)) return reading.finish();
  }
  const reading = new Reading(state.writer);
  for (const row of state.live(subject)) reading.add(row);
  return reading.finish();
}

/** False when the document changed meanwhile: what was read is of no one moment then, and rows may have gone. */
async function readSliced(
  state: State,
  clock: Clock,
  subject: Subject,
  reading: Reading,
): Promise<boolean> {
  let sinceMs = clock.monotonicMs();
  for (const row of state.live(subject)) {
    reading.add(row);
    if (clock.monotonicMs() - sinceMs < sliceMs) continue;
    const seq = state.feedSeq();
    await clock.sleep(0);
    if (hasChanged(state, subject, seq)) return false;
    sinceMs = clock.monotonicMs();
  }
  return true;
}

function hasChanged(state: State, { namespace, type, key }: Subject, seq: bigint): boolean {
  const changes = state.changesAfter(seq, changesMax);
  if (changes.length === changesMax) return true;
  return changes.some(({ subject }) => {
    return subject.key === key && subject.type === type && subject.namespace === namespace;
  });
}

class Reading {
  readonly #writer: Uint8Array;
  readonly #pieces: DocPiece[] = [];
  readonly #own: OwnRow[] = [];
  readonly #sums = { epoch: 0n, entries: 0, bytes: 0, refused: 0, stamp: 0n, exists: false };

  constructor(writer: Uint8Array) {
    this.#writer = writer;
  }

  add(row: LiveRow): void {
    const sums = this.#sums;
    const { place, encoded } = row;
    const { epoch, found } = readRow({ place, encoded });
    sums.epoch = epoch;
    sums.entries++;
    sums.bytes += encoded.length;
    if (sums.bytes > limits.docBytesMax) throw tooLarge();
    if (place.stamp > sums.stamp) sums.stamp = place.stamp;
    if (found === undefined) {
      sums.refused++;
      return;
    }
    sums.exists ||= found.length > 0;
    for (const piece of found) this.#pieces.push(piece);
    if (equalBytes(place.writer, this.#writer)) {
      this.#own.push({ stamp: place.stamp, range: place.range, pieces: found });
    }
  }

  finish(): DocLog {
    return { ...this.#sums, pieces: this.#pieces.toSorted(comparePieces), own: this.#own };
  }
}

function readRow(row: Pick<LiveRow, "place" | "encoded">): {
  epoch: bigint;
  found: DocPiece[] | undefined;
} {
  const { epoch = 0n } = decodeEntry(row.encoded);
  try {
    return { epoch, found: piecesOf(row) };
  } catch (error) {
    if (error instanceof CoterieError) return { epoch, found: undefined };
    throw error;
  }
}

function tooLarge(): CoterieError {
  return new CoterieError(
    "TOO_LARGE",
    `the updates of this document take more than ${limits.docBytesMax / 2 ** 20} MiB`,
    { hint: "see who wrote them with: coterie explain KEY" },
  );
}
