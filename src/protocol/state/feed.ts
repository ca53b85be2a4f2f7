/**
 * The change feed: every entry that comes to live takes the next local sequence number and keeps it in its own row; the
 * number goes when the entry is superseded. A key's latest change is the largest number among its live entries, so a
 * reader that skips smaller ones misses no final state and sees none twice, wherever it resumes.
 */
import { decodeUtf8, encodeUtf8, Reader, Writer } from "../../core/codec.ts";
import { limits } from "../../core/limits.ts";
import type { StoreReader, StoreWriter } from "../../core/ports.ts";
import type { EntryClass } from "./entry.ts";
import { feedKey, metaKey, tables, type Subject } from "./rows.ts";

const lastKey = metaKey("feed");

export function lastFeedSeq(store: StoreReader): bigint {
  const row = store.get(lastKey);
  return row === undefined ? 0n : new Reader(row).u64();
}

export class Feed {
  readonly #tx: StoreWriter;
  #seq: bigint;
  readonly #before: bigint;

  constructor(tx: StoreWriter) {
    this.#tx = tx;
    this.#seq = lastFeedSeq(tx);
    this.#before = this.#seq;
  }

  /** The number of a new live entry of this key. */
  add(subject: Subject): bigint {
    this.#seq++;
    this.#tx.put(feedKey(this.#seq), encodeSubject(subject));
    return this.#seq;
  }

  remove(seq: bigint): void {
    this.#tx.remove(feedKey(seq));
  }

  finish(): void {
    if (this.#seq !== this.#before) this.#tx.put(lastKey, new Writer().u64(this.#seq).finish());
  }
}

export type Change = { readonly seq: bigint; readonly subject: Subject };

/** Changes after position `after`, in order, at most `limit`; a key may come more than once, see the header. */
export function changesAfter(store: StoreReader, after: bigint, limit: number): Change[] {
  const changes: Change[] = [];
  const to = Uint8Array.of(tables.feed + 1);
  for (const row of store.range({ from: feedKey(after + 1n), to, limit })) {
    changes.push({ seq: new Reader(row.key.subarray(1)).u64(), subject: decodeSubject(row.value) });
  }
  return changes;
}

function encodeSubject(subject: Subject): Uint8Array {
  return new Writer()
    .prefixed(encodeUtf8(subject.namespace))
    .u8(subject.class)
    .prefixed(encodeUtf8(subject.type))
    .prefixed(encodeUtf8(subject.key))
    .finish();
}

function decodeSubject(bytes: Uint8Array): Subject {
  const reader = new Reader(bytes);
  return {
    namespace: decodeUtf8(reader.prefixed(limits.namespaceBytesMax)),
    class: reader.u8() as EntryClass,
    type: decodeUtf8(reader.prefixed(limits.typeBytesMax)),
    key: decodeUtf8(reader.prefixed(limits.keyBytesMax)),
  };
}
