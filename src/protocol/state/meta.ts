/** What a store knows of itself: its schema version, its secrets, this node's writer, the highest stamp. */
import { decodeUtf8, encodeUtf8, equalBytes, Reader, Writer } from "../../core/codec.ts";
import { CoterieError } from "../../core/errors.ts";
import { nonceBytes } from "../../core/ids.ts";
import type { Random, Store, StoreReader } from "../../core/ports.ts";
import { migrateSchema1 } from "./migrate-schema-1.ts";
import { itemsWithin } from "./order-pages.ts";
import {
  endBound,
  metaKey,
  prefixEnd,
  schemaVersion,
  stampOf,
  startBound,
  tables,
} from "./rows.ts";

export const metaKeys = {
  schema: metaKey("schema"),
  /** Nonce of this node's writer. */
  writer: metaKey("writer"),
  /** Where the store lay when that nonce was minted. */
  origin: metaKey("origin"),
  /** Secret that shapes the fingerprints. */
  salt: metaKey("salt"),
  /** Names the store in cursors. */
  store: metaKey("store"),
  /** The largest stamp this node wrote under. */
  stamp: metaKey("stamp"),
  /** Forks seen. */
  forks: metaKey("forks"),
} as const;

const storeIdBytes = 8;

export type Meta = {
  /** The schema version that the store had, if this program has just brought it to its own. */
  readonly migratedFrom: number | undefined;
  readonly salt: Uint8Array;
  readonly storeId: Uint8Array;
  readonly nonce: Uint8Array;
  readonly forks: number;
  readonly namespaces: readonly string[];
  readonly highestStamp: bigint;
};

/** Opens the store's metadata, or writes it into a new one; throws `STORE_VERSION`. */
export function openMeta(store: Store, random: Random, origin: string): Meta {
  const migratedFrom = bringUp(store, random);
  const namespaces = [...scanNamespaces(store)];
  return {
    migratedFrom,
    salt: drawnOnce(store, random, metaKeys.salt, 16),
    storeId: drawnOnce(store, random, metaKeys.store, storeIdBytes),
    nonce: openWriter(store, random, origin),
    forks: Number(readNumber(store, metaKeys.forks)),
    namespaces,
    highestStamp: highestStamp(store, namespaces),
  };
}

/** The schema version that the store had before it was brought to this program's, if it was another. */
function bringUp(store: Store, random: Random): number | undefined {
  const row = store.get(metaKeys.schema);
  const version = new Writer().u16(schemaVersion).finish();
  if (row === undefined) {
    store.transaction((tx) => tx.put(metaKeys.schema, version));
    return undefined;
  }
  const found = new Reader(row).u16();
  if (found === schemaVersion) return undefined;
  if (found !== 1) {
    throw new CoterieError(
      "STORE_VERSION",
      `the store has schema version ${found}, this program knows up to ${schemaVersion}`,
      { hint: "run the newer version of coterie, or use another --data-dir" },
    );
  }
  store.transaction((tx) => {
    migrateSchema1(tx, drawnOnce(store, random, metaKeys.salt, 16));
    tx.put(metaKeys.store, random.bytes(storeIdBytes));
    tx.remove(metaKey("feed"));
    tx.put(metaKeys.schema, version);
  });
  return found;
}

function drawnOnce(store: Store, random: Random, key: Uint8Array, length: number): Uint8Array {
  const row = store.get(key);
  if (row !== undefined) return row.slice();
  const bytes = random.bytes(length);
  store.transaction((tx) => tx.put(key, bytes));
  return bytes;
}

function readNumber(store: StoreReader, key: Uint8Array): bigint {
  const row = store.get(key);
  return row === undefined ? 0n : new Reader(row).u64();
}

/** This node's nonce: a new one for a new store and for one that lies elsewhere than when it was last open. */
function openWriter(store: Store, random: Random, originText: string): Uint8Array {
  const origin = encodeUtf8(originText);
  const before = store.get(metaKeys.origin);
  const nonce = store.get(metaKeys.writer);
  if (before !== undefined && nonce !== undefined && equalBytes(before, origin)) {
    return nonce.slice();
  }
  const minted = random.bytes(nonceBytes);
  store.transaction((tx) => {
    tx.put(metaKeys.origin, origin);
    tx.put(metaKeys.writer, minted);
  });
  return minted;
}

function highestStamp(store: StoreReader, namespaces: readonly string[]): bigint {
  let highest = readNumber(store, metaKeys.stamp);
  for (const namespace of namespaces) {
    for (const { ts } of itemsWithin(store, namespace, startBound, endBound)) {
      if (stampOf(ts) > highest) highest = stampOf(ts);
      break;
    }
  }
  return highest;
}

/** Namespaces in the store, by skipping from one to the next. */
function* scanNamespaces(store: StoreReader): Generator<string> {
  let from: Uint8Array = Uint8Array.of(tables.order);
  const to = Uint8Array.of(tables.order + 1);
  for (;;) {
    let key: Uint8Array | undefined;
    for (const row of store.range({ from, to, limit: 1 })) key = row.key;
    if (key === undefined) return;
    const end = key.indexOf(0, 1);
    yield decodeUtf8(key.subarray(1, end));
    from = prefixEnd(key.subarray(0, end + 1));
  }
}
