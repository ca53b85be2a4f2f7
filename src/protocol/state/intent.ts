/**
 * Writes that depend on what lives: the context of a multi-value or the sums of a counter follow from the entries they
 * supersede. So a program queues its intent, and the entry is made inside the transaction that commits it, with nothing
 * between reading and writing.
 */
import { CoterieError, toCoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { StoreReader } from "../../core/ports.ts";
import { decodeEntry, encodeEntry, type Entry } from "./entry.ts";
import { liveRows, type LiveRow } from "./live-rows.ts";
import type { Subject } from "./rows.ts";

/** Who writes, and the stamp that the entry gets. */
export type WriteAt = { readonly writer: Uint8Array; readonly stamp: bigint };

export type Intent = Omit<Subject, "namespace"> & {
  /** The encoded entry is at most about so large; decides how many share a batch. */
  readonly bytes: number;
  /** Class `append`, where items of one key may share a batch: this one shares it with no other of its key. */
  readonly alone?: true;
  /**
   * The entry, from the live ones of its key (which may be read more than once); undefined when there is nothing to
   * write. Throws a `CoterieError` to refuse. Runs inside the transaction, so it must be quick.
   */
  readonly make: (live: Iterable<LiveRow>, at: WriteAt) => Entry | undefined;
};

export type Write = Entry | Intent;

export function isIntent(write: Write): write is Intent {
  return "make" in write;
}

export type Resolved = {
  readonly entries: readonly Entry[];
  /** Why writes are refused, by their place in the batch. */
  readonly refused: ReadonlyMap<number, CoterieError>;
};

/** The entries of a batch's writes. What one of them throws that is no refusal is thrown. */
export function resolveWrites(
  store: StoreReader,
  namespace: string,
  writes: readonly Write[],
  at: WriteAt,
): Resolved {
  const entries: Entry[] = [];
  const refused = new Map<number, CoterieError>();
  let bytes = 0;
  for (const [index, write] of writes.entries()) {
    try {
      const entry = isIntent(write) ? made(store, namespace, write, at) : write;
      if (entry === undefined) continue;
      if (isIntent(write)) bytes += encodeEntry(entry).length;
      if (bytes > intentsBytesMax && entries.length > 0) throw grown();
      entries.push(entry);
    } catch (error) {
      if (!(error instanceof CoterieError)) throw error;
      refused.set(index, toCoterieError(error));
    }
  }
  return { entries, refused };
}

/** What waits together fits one gossip message by the bounds; if contexts grow meanwhile, a batch stays within its limit. */
const intentsBytesMax = limits.batchBytesMax / 2;

function made(
  store: StoreReader,
  namespace: string,
  intent: Intent,
  at: WriteAt,
): Entry | undefined {
  const { class: entryClass, type, key } = intent;
  const subject = { namespace, class: entryClass, type, key };
  return intent.make({ [Symbol.iterator]: () => liveRows(store, subject) }, at);
}

/** Of an intent's bound: class, type, epoch, and the numbers and lengths of all fields. */
export const fieldBytesMax = 80;

/** True of an entry that says something, and does not only delete. */
export function hasBody({ encoded }: LiveRow): boolean {
  return decodeEntry(encoded).body !== undefined;
}

/** True when some live entry says something. */
export function anyBody(live: Iterable<LiveRow>): boolean {
  for (const row of live) if (hasBody(row)) return true;
  return false;
}

/** An epoch as an entry has it: 0 is absent. */
export function epochField(epoch: bigint): bigint | undefined {
  return epoch === 0n ? undefined : epoch;
}

function grown(): CoterieError {
  return new CoterieError("OVERLOADED", "many others write the same keys at this moment", {
    hint: "try again",
  });
}
