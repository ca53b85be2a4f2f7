/**
 * What this node has to write of itself because of what it met: that a writer of its own is closed, proof that a writer
 * forked, contributions of its own that were lost. Noted in the transaction that met it, and removed in the one that
 * writes it, so that no crash loses any of it.
 */
import { decodeUtf8, encodeUtf8, Reader, Writer } from "../../core/codec.ts";
import { limits } from "../../core/limits.ts";
import type { StoreReader, StoreWriter } from "../../core/ports.ts";
import { counterAddSums, decodeSums } from "./counter.ts";
import { classes, decodeEntry, encodeEntry, type Entry } from "./entry.ts";
import { anyBody, fieldBytesMax, type Intent, type Write } from "./intent.ts";
import { forkedWriter } from "./fork-proof.ts";
import type { LiveRow } from "./live-rows.ts";
import { metaKey, prefixEnd } from "./rows.ts";

/** The body of a counter's entry is what is to be added to the sums. */
export type Duty = { readonly namespace: string; readonly entry: Entry };

const prefix = metaKey("duty/");
const all = { from: prefix, to: prefixEnd(prefix) };
/** Together of one batch. */
const batchBytesMax = limits.batchBytesMax / 4;

/** Of very many the later ones are not kept. */
export function addDuties(tx: StoreWriter, duties: readonly Duty[]): void {
  let next = 0;
  for (const { key } of tx.range({ ...all, reverse: true, limit: 1 })) next = numberOf(key) + 1;
  let first = next;
  for (const { key } of tx.range({ ...all, limit: 1 })) first = numberOf(key);
  for (const { namespace, entry } of duties) {
    if (next - first >= limits.dutiesMax) return;
    const key = new Writer().bytes(prefix).u48(next++).finish();
    tx.put(key, new Writer().prefixed(encodeUtf8(namespace)).bytes(encodeEntry(entry)).finish());
  }
}

export type DueBatch = {
  readonly namespace: string;
  readonly entries: readonly Write[];
  /** Of their rows. */
  readonly keys: readonly Uint8Array[];
};

/** The duties that come first, as far as one batch takes them; undefined when there are none. */
export function nextDuties(store: StoreReader): DueBatch | undefined {
  const entries: Intent[] = [];
  const keys: Uint8Array[] = [];
  const subjects = new Set<string>();
  let namespace: string | undefined;
  let bytes = 0;
  for (const row of store.range({ ...all, limit: limits.batchEntriesMax })) {
    const duty = decodeDuty(row.value);
    const intent = intentOf(duty.entry);
    const subject = `${intent.class} ${intent.type} ${intent.key}`;
    namespace ??= duty.namespace;
    bytes += intent.bytes;
    const fits = duty.namespace === namespace && !subjects.has(subject) && bytes <= batchBytesMax;
    if (entries.length > 0 && !fits) break;
    subjects.add(subject);
    entries.push(intent);
    keys.push(row.key);
  }
  return namespace === undefined ? undefined : { namespace, entries, keys };
}

function numberOf(key: Uint8Array): number {
  return new Reader(key.subarray(prefix.length)).u48();
}

function decodeDuty(value: Uint8Array): Duty {
  const reader = new Reader(value);
  const namespace = decodeUtf8(reader.prefixed(limits.namespaceBytesMax));
  return { namespace, entry: decodeEntry(reader.bytes(reader.remaining)) };
}

/** What is deleted since, or written by others already, is not written. */
function intentOf(entry: Entry): Intent {
  const { class: entryClass, type, key, body } = entry;
  const bytes = encodeEntry(entry).length + fieldBytesMax;
  return {
    class: entryClass,
    type,
    key,
    bytes,
    make: (live, at) => {
      if (entryClass === classes.last) return anyBody(live) ? undefined : entry;
      if (epochOf(live, entry) !== (entry.epoch ?? 0n)) return undefined;
      if (entryClass !== classes.slot) return entry;
      const sums = decodeSums(body);
      return sums === undefined ? undefined : counterAddSums(key, sums).make(live, at);
    },
  };
}

/** That of the live entries, or the entry's own where there are none. */
function epochOf(live: Iterable<LiveRow>, entry: Entry): bigint {
  for (const row of live) return decodeEntry(row.encoded).epoch ?? 0n;
  return entry.epoch ?? 0n;
}

/** How soon they are to be done: proof that others forked is what others may write, too. */
export function dutiesDue(store: StoreReader): "now" | "soon" | "never" {
  let due: "soon" | "never" = "never";
  for (const { value } of store.range({ ...all, limit: limits.batchEntriesMax })) {
    if (forkedWriter(decodeDuty(value).entry.key) === undefined) return "now";
    due = "soon";
  }
  return due;
}
