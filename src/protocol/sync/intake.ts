/**
 * What a session takes into our state. Nothing is taken that was not asked for: each transfer opens the intake for
 * a window, and what comes outside one, or beyond it, is a fault of the peer. Bundles wait, within the window, until
 * there is time to ingest them.
 */
import { badFormat } from "../../core/codec.ts";
import { limits } from "../../core/limits.ts";
import type { IngestResult, PeerName, Replica } from "../../core/ports.ts";
import { violation } from "./faults.ts";
import { type DataFrame, Unpacker } from "./pack.ts";

/** About 15 ms of verifying and writing: bundles with an entry each, many small entries, or few large ones. */
const sliceBundles = 64;
const sliceEntries = 1_024;
const sliceBytes = 256 * 1024;

/** Entries of one transfer, by what became of them. */
export type Tally = { applied: number; known: number; quarantined: number; refused: number };

export class Intake {
  readonly #replica: Replica;
  readonly #entriesIn: (bundle: Uint8Array) => number;
  readonly #peer: PeerName;
  readonly #unpacker = new Unpacker();
  #waiting: Uint8Array[] = [];
  #allowedBytes = 0;
  #tally = emptyTally();
  /** Entries that changed the live set since the session began. */
  brought = 0;

  /** `entriesIn` counts the entries of a bundle, which is opaque here. */
  constructor(replica: Replica, entriesIn: (bundle: Uint8Array) => number, peer: PeerName) {
    this.#replica = replica;
    this.#entriesIn = entriesIn;
    this.#peer = peer;
  }

  /** Opens the intake for a window; a sender overshoots it by one bundle at most. A window of 0 lets nothing in. */
  open(windowBytes: number): void {
    this.#allowedBytes = windowBytes === 0 ? 0 : windowBytes + limits.syncBundleBytesMax;
    this.#tally = emptyTally();
  }

  /** Ends a transfer; there is no work left. */
  close(): Tally {
    if (!this.#unpacker.idle) violation("a bundle was left unfinished");
    this.#allowedBytes = 0;
    return this.#tally;
  }

  take(frame: DataFrame): void {
    for (const part of frame.parts) this.#allowedBytes -= part.length;
    if (this.#allowedBytes < 0) violation("data that nobody asked for");
    this.#waiting.push(...this.#unpacker.take(frame));
  }

  get hasWork(): boolean {
    return this.#waiting.length > 0;
  }

  /** Ingests a slice of what waits: one bundle, and more while they are small. */
  work(nowMs: number): void {
    let [count, entries, bytes] = [0, 0, 0];
    for (const bundle of this.#waiting) {
      entries += this.#entriesIn(bundle);
      bytes += bundle.length;
      const fits = count < sliceBundles && entries <= sliceEntries && bytes <= sliceBytes;
      if (!fits && count > 0) break;
      count++;
    }
    const slice = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    for (const result of this.#replica.ingestAll(slice, this.#peer, nowMs)) this.#count(result);
  }

  #count(result: IngestResult): void {
    if (result.invalid) badFormat(`an invalid bundle: ${result.reason ?? "no reason given"}`);
    this.brought += result.applied;
    this.#tally.applied += result.applied;
    this.#tally.known += result.known;
    this.#tally.quarantined += result.quarantined;
    this.#tally.refused += result.refused;
  }
}

function emptyTally(): Tally {
  return { applied: 0, known: 0, quarantined: 0, refused: 0 };
}
