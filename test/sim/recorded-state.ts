/** The state of a node that tells what it writes, and looks at each of its writes right after. */
import { bytesName, toHex } from "../../src/core/codec.ts";
import type { StoreWriter } from "../../src/core/ports.ts";
import { decodeBundle } from "../../src/protocol/state/bundle.ts";
import { classes, decodeEntry, type Entry } from "../../src/protocol/state/entry.ts";
import { writerOf } from "../../src/protocol/state/header.ts";
import type { Subject } from "../../src/protocol/state/rows.ts";
import {
  State,
  type LocalBatch,
  type StateOptions,
  type WriteBatch,
} from "../../src/protocol/state/state.ts";

/** An entry as it was signed. */
export type Written = {
  readonly subject: Subject;
  readonly entry: Entry;
  readonly writer: Uint8Array;
  readonly stamp: bigint;
  /** Leaf hash, in hexadecimal. */
  readonly hash: string;
};

export type Recorder = {
  /** Also without entries: after a power cut, the batch may have the stamp of one that is gone. */
  wrote(node: number, batch: LocalBatch, entries: readonly Written[]): void;
  violation(what: string): void;
};

/** The entries of a bundle, their hashes made anew from its bytes. */
export function entriesOf(bundle: Uint8Array): Written[] {
  const { header, entries, tree } = decodeBundle(bundle);
  return [...entries].map(([index, encoded]) => {
    const entry = decodeEntry(encoded);
    const { namespace, stamp } = header;
    const subject = { namespace, class: entry.class, type: entry.type, key: entry.key };
    return { subject, entry, writer: writerOf(header), stamp, hash: toHex(tree.leaf(index)!) };
  });
}

export function subjectName({ namespace, class: entryClass, type, key }: Subject): string {
  return `${namespace} ${entryClass} ${type} ${key}`;
}

export class RecordedState extends State {
  readonly #node: number;
  readonly #recorder: Recorder;

  constructor(options: StateOptions, node: number, recorder: Recorder) {
    super(options);
    this.#node = node;
    this.#recorder = recorder;
  }

  override write(
    batches: readonly WriteBatch[],
    wallMs: number,
    alongside?: (tx: StoreWriter) => void,
  ): LocalBatch[] {
    const written = super.write(batches, wallMs, alongside);
    const last = new Map<string, Written>();
    for (const batch of written) {
      const entries = batch.entries === 0 ? [] : entriesOf(batch.bundle);
      this.#recorder.wrote(this.#node, batch, entries);
      for (const one of entries) {
        if (one.subject.class !== classes.append) last.set(subjectName(one.subject), one);
      }
    }
    for (const one of last.values()) this.#reads(one);
    return written;
  }

  /** A node reads its own writes: the entry lives, and nothing that it was to replace. */
  #reads({ subject, hash, writer }: Written): void {
    const live = [...this.live(subject)];
    const lives = live.some((row) => toHex(row.hash) === hash);
    const mayHaveOthers = subject.class === classes.slot;
    const others = live.filter((row) => {
      return !mayHaveOthers || bytesName(row.writer) === bytesName(writer);
    });
    if (lives && others.length === 1) return;
    const what = lives ? "did not replace what it had seen" : "does not live";
    this.#recorder.violation(`n${this.#node} wrote ${subjectName(subject)}, which ${what}`);
  }
}
