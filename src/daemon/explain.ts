/** Why a key is as it is: every live entry of it, of every type, and what is held back. */
import { toHex } from "../core/codec.ts";
import { authorBytes, peerNameOf } from "../core/ids.ts";
import { limits } from "../core/limits.ts";
import { createBreather } from "../control/breathe.ts";
import type { Explanation } from "../control/schema.ts";
import { checkKey, checkNamespace } from "./checks.ts";
import type { TypeParts } from "./types.ts";
import { decodeSums, counterType } from "../protocol/state/counter.ts";
import { docFault, docType, piecesOf } from "../protocol/state/doc.ts";
import { classes, decodeEntry, type Entry, type EntryClass } from "../protocol/state/entry.ts";
import { liveTypes } from "../protocol/state/live-keys.ts";
import type { LiveRow } from "../protocol/state/live-rows.ts";
import { itemsOf, logType } from "../protocol/state/log.ts";
import { multiType } from "../protocol/state/multi.ts";
import { registerType } from "../protocol/state/register.ts";
import type { Subject } from "../protocol/state/rows.ts";
import { setKey, setType } from "../protocol/state/set.ts";
import type { State } from "../protocol/state/state.ts";
import { stampMs, stampText } from "../protocol/state/stamp.ts";

type Explained = Explanation["types"][number];
type ExplainedEntry = Explained["entries"][number];

const classNames = ["", "last", "context", "slot", "append"] as const;

export async function explainKey(
  parts: TypeParts,
  namespace: string,
  name: string,
  element?: string,
  signal?: AbortSignal,
): Promise<Explanation> {
  const key = element === undefined ? name : setKey(name, element);
  checkNamespace(namespace);
  checkKey(key);
  const { state, clock } = parts;
  const types: Explained[] = [];
  for (const entryClass of Object.values(classes)) {
    for (const type of typesToExplain(state, namespace, entryClass)) {
      const subject = { namespace, class: entryClass, type, key };
      const explained = await explainSubject(parts, subject, signal);
      if (explained !== undefined) types.push(explained);
    }
  }
  const wallMs = clock.wallMs();
  const quarantined = state.heldOf(namespace, key).map((held) => ({
    type: held.type,
    class: classNames[held.class],
    author: peerNameOf(held.author),
    from: held.from,
    ...whenOf(held.stamp, wallMs),
    dueInMs: Math.max(0, stampMs(held.stamp) - limits.futureToleranceMs - wallMs),
    bytes: held.bytes,
  }));
  return { namespace, key, types, quarantined };
}

const knownTypes: Readonly<Record<EntryClass, readonly string[]>> = {
  [classes.last]: [registerType],
  [classes.context]: [multiType, setType],
  [classes.slot]: [counterType],
  [classes.append]: [logType, docType],
};

/** Those we know, and some of the others that there are. */
function typesToExplain(state: State, namespace: string, entryClass: EntryClass): Set<string> {
  const types = new Set(knownTypes[entryClass]);
  let left = limits.explainTypesMax;
  for (const type of liveTypes(state.store, namespace, entryClass)) {
    if (left-- === 0) break;
    types.add(type);
  }
  return types;
}

/** Undefined when nothing of it lives. The newest entries are shown, and all are counted. */
async function explainSubject(
  { state, clock }: TypeParts,
  subject: Subject,
  signal: AbortSignal | undefined,
): Promise<Explained | undefined> {
  const breathe = createBreather(clock);
  const wallMs = clock.wallMs();
  let entries: ExplainedEntry[] = [];
  let count = 0;
  for (const row of state.live(subject)) {
    count++;
    entries.push(explainRow(subject, row, wallMs));
    if (entries.length >= 2 * limits.explainEntriesMax) entries = newest(entries);
    await breathe();
    signal?.throwIfAborted();
  }
  if (count === 0) return undefined;
  entries = newest(entries);
  const { type, class: entryClass } = subject;
  const why = whyOf(entryClass, entries, wallMs, count);
  return { type, class: classNames[entryClass], why, count, entries };
}

function newest(entries: readonly ExplainedEntry[]): ExplainedEntry[] {
  const rank = ({ stamp, hash }: ExplainedEntry): string => stamp + hash;
  const sorted = entries.toSorted((a, b) => (rank(a) < rank(b) ? 1 : -1));
  return sorted.slice(0, limits.explainEntriesMax);
}

function explainRow({ type }: Subject, row: LiveRow, wallMs: number): ExplainedEntry {
  const { writer, stamp, range, hash } = row.place;
  const entry = decodeEntry(row.encoded);
  return {
    author: peerNameOf(writer.subarray(0, authorBytes)),
    nonce: toHex(writer.subarray(authorBytes)),
    hash: toHex(hash),
    ...whenOf(stamp, wallMs),
    bytes: row.encoded.length,
    deletes: entry.body === undefined,
    says: saysOf(type, row, entry),
    epoch: entry.epoch === undefined ? null : stampText(entry.epoch),
    contextWriters: entry.context?.length ?? null,
    range: range === undefined ? null : { from: stampText(range.from), to: stampText(range.to) },
    expiresAt: entry.expires === undefined ? null : Number(entry.expires),
  };
}

function whenOf(
  stamp: bigint,
  wallMs: number,
): { stamp: string; writtenAt: number; counter: number; ageMs: number } {
  const writtenAt = stampMs(stamp);
  return {
    stamp: stampText(stamp),
    writtenAt,
    counter: Number(stamp & 0xffffn),
    ageMs: wallMs - writtenAt,
  };
}

/** What an entry contributes, in words. */
function saysOf(type: string, row: LiveRow, { class: entryClass, body }: Entry): string {
  if (body === undefined) return "deletes";
  if (entryClass === classes.slot && type === counterType) {
    const sums = decodeSums(body);
    return sums === undefined ? "nothing: not a counter's body" : `+${sums.added} -${sums.taken}`;
  }
  if (entryClass === classes.append && type === docType) return docSays(row);
  if (entryClass === classes.append && row.place.range !== undefined) {
    if (type !== logType) return "checkpoint";
    const items = itemsOf(row).length;
    return items === 0 ? "checkpoint of nothing" : `checkpoint of ${items} items`;
  }
  return entryClass === classes.append ? "item" : "value";
}

function docSays(row: LiveRow): string {
  const fault = docFault(row);
  if (fault !== undefined) return `nothing: ${fault}`;
  return row.place.range === undefined ? "item" : `checkpoint of ${piecesOf(row).length} updates`;
}

const rules: Readonly<Record<EntryClass, string>> = {
  [classes.last]: "the latest write is the value: the largest (stamp, hash)",
  [classes.context]: "a write stands in the place of those its writer had seen",
  [classes.slot]: "each writer's latest sums count, in the latest epoch",
  [classes.append]: "all items of the latest epoch count, in the order of their stamps",
};

/** Why the key holds what it holds. */
function whyOf(
  entryClass: EntryClass,
  entries: readonly ExplainedEntry[],
  wallMs: number,
  count: number,
): string {
  const says = entries.filter(({ deletes, expiresAt }) => {
    return !deletes && (expiresAt === null || expiresAt > wallMs);
  });
  const rule = rules[entryClass];
  const epoch = entries[0]?.epoch ?? null;
  const since = epoch === null ? "" : `; what was written before ${epoch} was deleted`;
  if (says.length === 0) {
    const hasExpired = entries.some(({ deletes }) => !deletes);
    return `${rule}; ${hasExpired ? "it has expired" : "the latest deletes it"}${since}`;
  }
  if (entryClass === classes.last) return rule;
  if (entryClass !== classes.context) return `${rule}; ${count} live${since}`;
  const others = entries.length - says.length;
  const deletions = others === 0 ? "" : `, and ${others} deleted other ones`;
  const concurrent = says.length === 1 ? "one is left" : `${says.length} had not seen one another`;
  return `${rule}; ${concurrent}${deletions}${since}`;
}
