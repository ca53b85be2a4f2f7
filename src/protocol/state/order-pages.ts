/**
 * Pages of the reconciliation order: the live entries of a namespace by descending stamp and hash, 32 a page on average,
 * each with its place in the arrivals. A page begins at every entry whose keyed hash says so (boundaries.ts), and
 * the first one before all.
 */
import { compareBytes, Reader } from "../../core/codec.ts";
import { hashBytes } from "../../core/ids.ts";
import type { Bound, ReconItem, StoreReader } from "../../core/ports.ts";
import {
  endBound,
  keyAfter,
  locatorBytes,
  pageKey,
  pagesEnd,
  positionBytesOf,
  type Locator,
} from "./rows.ts";

const positionBytes = 8 + hashBytes;
export const itemBytes = positionBytes + locatorBytes;
/** Where the leaf hash stands in an item. */
export const idOffset = 8;

/** Where the first item at or after a position stands among the items in the first `length` bytes. */
export function placeIn(page: Uint8Array, position: Uint8Array, length = page.length): number {
  let low = 0;
  let high = length / itemBytes;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(page, middle * itemBytes, position)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isBefore(page: Uint8Array, at: number, position: Uint8Array): boolean {
  for (let index = 0; index < position.length; index++) {
    const difference = page[at + index]! - position[index]!;
    if (difference !== 0) return difference < 0;
  }
  return false; // position may be a prefix, which comes first
}

export function positionAt(page: Uint8Array, place: number): Uint8Array {
  const from = place * itemBytes;
  return page.subarray(from, from + positionBytes);
}

export function encodeItem(position: Uint8Array, locator: Locator): Uint8Array {
  const item = new Uint8Array(itemBytes);
  writeItem(item, 0, position, locator);
  return item;
}

export function writeItem(
  page: Uint8Array,
  at: number,
  position: Uint8Array,
  { arrival, index }: Locator,
): void {
  page.set(position, at);
  let rest = arrival;
  for (let byte = at + positionBytes + 5; byte >= at + positionBytes; byte--) {
    page[byte] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  page[at + itemBytes - 1] = index;
}

/** The position whose 40 bytes these are. */
export function boundAt(position: Uint8Array): ReconItem {
  const reader = new Reader(position);
  return { ts: reader.u64(), id: reader.bytes(hashBytes) };
}

export type PageItem = ReconItem & Locator;

export function itemAt(page: Uint8Array, place: number): PageItem {
  const from = place * itemBytes;
  const reader = new Reader(page.subarray(from, from + itemBytes));
  const ts = reader.u64();
  const id = reader.bytes(hashBytes);
  return { ts, id, arrival: reader.u48(), index: reader.u8() };
}

export type Page = { readonly key: Uint8Array; readonly items: Uint8Array };

/** The page in which a position stands or would stand. */
export function pageAt(
  store: StoreReader,
  namespace: string,
  position: Uint8Array,
): Page | undefined {
  const range = { from: pageKey(namespace), to: keyAfter(pageKey(namespace, position)) };
  for (const row of store.range({ ...range, reverse: true, limit: 1 })) {
    return { key: row.key, items: row.value };
  }
  return undefined;
}

/** Pages from the one in which `from` stands up to the position `to`. */
export function* pagesFrom(
  store: StoreReader,
  namespace: string,
  from: Bound,
  to: Bound,
): Generator<Page> {
  const start = pageAt(store, namespace, positionBytesOf(from))?.key ?? pageKey(namespace);
  const end = to.ts >= endBound.ts ? pagesEnd(namespace) : pageKey(namespace, positionBytesOf(to));
  if (compareBytes(start, end) >= 0) return;
  for (const row of store.range({ from: start, to: end })) yield { key: row.key, items: row.value };
}

/** Runs of items with `from <= position < to`, a page's each. */
export function* runsWithin(
  store: StoreReader,
  namespace: string,
  from: Bound,
  to: Bound,
): Generator<Uint8Array> {
  const first = positionBytesOf(from);
  const last = to.ts >= endBound.ts ? undefined : positionBytesOf(to);
  if (last !== undefined && compareBytes(first, last) >= 0) return;
  for (const { items } of pagesFrom(store, namespace, from, to)) {
    const start = placeIn(items, first);
    const end = last === undefined ? items.length / itemBytes : placeIn(items, last);
    if (start < end) yield items.subarray(start * itemBytes, end * itemBytes);
  }
}

/** Items with `from <= position < to`, in order. */
export function* itemsWithin(
  store: StoreReader,
  namespace: string,
  from: Bound,
  to: Bound,
): Generator<PageItem> {
  for (const run of runsWithin(store, namespace, from, to)) {
    for (let place = 0; place < run.length / itemBytes; place++) yield itemAt(run, place);
  }
}

/** Where the entry at exactly this position is, if it lives. */
export function locate(store: StoreReader, namespace: string, item: Bound): Locator | undefined {
  const position = positionBytesOf(item);
  const page = pageAt(store, namespace, position);
  if (page === undefined) return undefined;
  const place = placeIn(page.items, position);
  if (place * itemBytes >= page.items.length) return undefined;
  return compareBytes(positionAt(page.items, place), position) === 0
    ? itemAt(page.items, place)
    : undefined;
}
