/**
 * Schema 1 kept a row for each entry, for its place in the order, for its number in the feed and for its header; schema 2
 * keeps batches as they came and pages of the order. The rows of schema 1 are read here and nowhere else. All happens in
 * one transaction, so a kill leaves the old store or the new one.
 *
 * Numbers of the feed are given anew, oldest entry first, so cursors of before are void: the store gets a new id.
 */
import { concatBytes, Reader, toHex, Writer } from "../../core/codec.ts";
import { CoterieError } from "../../core/errors.ts";
import { hashBytes } from "../../core/ids.ts";
import type { Row, StoreReader, StoreWriter } from "../../core/ports.ts";
import { Boundaries } from "./boundaries.ts";
import { encodeBundle, type AcceptedBundle, type PlacedEntry } from "./bundle.ts";
import { decodeEntry } from "./entry.ts";
import { decodeHeader, headerBytesMax, signatureBytes, writerOf } from "./header.ts";
import { decodeCarried, encodeCarried } from "./headers-index.ts";
import { LiveSet } from "./live-set.ts";
import { hashesOf, LeafSet, PrunedTree } from "./merkle.ts";
import { tables } from "./rows.ts";

const oldTables = { entries: 1, order: 2, headers: 4, headersBySeq: 5 } as const;
const removedAtOnce = 1_000;

/** A row of the old order: which entry it places. */
type Place = { readonly hash: Uint8Array; readonly index: number; readonly entryKey: Uint8Array };

/** Entries under one header, while those of its stamp are gathered. */
type Gathered = { readonly header: Uint8Array; readonly entries: PlacedEntry[] };

/** Turns the rows of schema 1 into those of schema 2. Throws `STORE_FAILED` when they contradict each other. */
export function migrateSchema1(tx: StoreWriter, salt: Uint8Array): void {
  const live = new LiveSet(tx, new Boundaries(salt), () => false);
  for (const gathered of stamps(tx)) {
    for (const { header, entries } of gathered.values()) {
      const { applied } = live.apply(bundleOf(tx, header, entries));
      if (applied !== entries.length) throw damaged("entries that live supersede each other");
    }
  }
  live.finish();
  keepPlaces(tx);
  for (const table of [1, 2, 3, 4, 5, 6, 7, 9]) removeTable(tx, table);
}

function damaged(reason: string): CoterieError {
  return new CoterieError("STORE_FAILED", `the store cannot be brought to schema 2: ${reason}`, {
    hint: "keep a copy of the data directory and start with a new one",
  });
}

/** The live entries by header, all of one namespace and stamp at a time, oldest first. */
function* stamps(tx: StoreReader): Generator<ReadonlyMap<string, Gathered>> {
  let current = "";
  let gathered = new Map<string, Gathered>();
  const range = { from: Uint8Array.of(oldTables.order), to: Uint8Array.of(oldTables.order + 1) };
  for (const row of tx.range({ ...range, reverse: true })) {
    const stamp = toHex(row.key.subarray(0, row.key.length - hashBytes));
    if (stamp !== current) {
      yield gathered;
      gathered = new Map();
      current = stamp;
    }
    const { hash, index, entryKey } = placeOf(row);
    const found = tx.get(entryKey);
    if (found === undefined) throw damaged("an entry is missing");
    const reader = new Reader(found);
    const header = reader.bytes(hashBytes);
    reader.u64();
    const encoded = reader.bytes(reader.remaining);
    const under = gathered.get(toHex(header)) ?? { header, entries: [] };
    under.entries.push({ index, hash, encoded, entry: decodeEntry(encoded) });
    gathered.set(toHex(header), under);
  }
  yield gathered;
}

/**
 * Order: (namespace, 0, stamp counted down, hash) -> (row class, type, 0, key, 0, writer, [range], index). Entries:
 * (namespace, 0, all of that but the index, stamp, index, hash) -> (header hash, feed number, entry).
 */
function placeOf({ key, value }: Row): Place {
  const split = key.length - hashBytes - 8;
  const hash = key.slice(split + 8);
  const stamp = 2n ** 64n - 2n - new Reader(key.subarray(split)).u64();
  const locator = value.subarray(0, value.length - 2);
  const index = value.subarray(value.length - 2);
  const stampBytes = new Writer().u64(stamp).finish();
  const entryKey = concatBytes(
    Uint8Array.of(oldTables.entries),
    key.subarray(1, split),
    locator,
    stampBytes,
    index,
    hash,
  );
  return { hash, index: new Reader(index).u16(), entryKey };
}

/** Headers: hash -> (header, signature, set of known leaves, hashes of the tree in pre-order, leaves among them). */
function bundleOf(
  tx: StoreReader,
  hash: Uint8Array,
  entries: readonly PlacedEntry[],
): AcceptedBundle {
  const row = tx.get(concatBytes(Uint8Array.of(oldTables.headers), hash));
  if (row === undefined) throw damaged("a header is missing");
  const reader = new Reader(row);
  const encoded = reader.prefixed(headerBytesMax);
  const signature = reader.bytes(signatureBytes);
  const header = decodeHeader(encoded);
  const known = LeafSet.decode(header.count, reader.bytes(Math.ceil(header.count / 8)));
  const next = hashesOf((length) => reader.bytes(length));
  const tree = PrunedTree.build(known, next, next);
  const present = new LeafSet(header.count);
  for (const { index } of entries) present.add(index);
  const inOrder = entries.toSorted((a, b) => a.index - b.index).map((entry) => entry.encoded);
  const bytes = encodeBundle({ encoded, signature }, present, inOrder, tree.prune(present));
  const writer = writerOf(header);
  return {
    bytes,
    present: entries.length,
    header,
    encoded,
    signature,
    hash,
    writer,
    tree,
    entries,
    refusals: [],
  };
}

/** Old headers by seq: (namespace, 0, writer, seq, header hash). Of its own a node kept those without entries too. */
function keepPlaces(tx: StoreWriter): void {
  const table = oldTables.headersBySeq;
  for (const { key } of tx.range({ from: Uint8Array.of(table), to: Uint8Array.of(table + 1) })) {
    const hash = key.slice(key.length - hashBytes);
    if (tx.get(concatBytes(Uint8Array.of(oldTables.headers), hash)) !== undefined) continue;
    const place = key.slice(1, key.length - hashBytes);
    const newKey = concatBytes(Uint8Array.of(tables.headersBySeq), place);
    const carried = decodeCarried(tx.get(newKey));
    tx.put(newKey, encodeCarried([...carried, { hash, arrivals: 0 }]));
  }
}

function removeTable(tx: StoreWriter, table: number): void {
  const range = { from: Uint8Array.of(table), to: Uint8Array.of(table + 1), limit: removedAtOnce };
  for (;;) {
    const keys = [...tx.range(range)].map(({ key }) => key);
    if (keys.length === 0) return;
    for (const key of keys) tx.remove(key);
  }
}
