/**
 * Reads ranges of one namespace for one message, and counts what that costs. The ranges of a message lie side by
 * side and are mostly small, so after a small one the next items are read as a page, and what lies inside it is
 * answered from memory instead of by a walk down the index for each.
 */
import type { Bound, ReconItem, Replica } from "../../core/ports.ts";
import type { Job } from "./job.ts";
import type { Summary } from "./negentropy.ts";
import { compareBounds, endBound, firstAtOrAfter } from "./position.ts";

const pageItems = 512;
const smallRangeItems = 64;
/** What a summary costs, to find a position by number, and to begin reading in order, in rows read in order. */
const rowsPerSummary = 300;
const rowsPerSelect = 1_500;
const rowsPerScan = 20;
const sliceRows = 10_000;

export class RangeReader {
  readonly #replica: Replica;
  readonly #namespace: string;
  #page: readonly ReconItem[] = [];
  #pageFrom = endBound;
  #pageTo = endBound;
  /** Rows read so far, or as good as; about a microsecond each. */
  rows = 0;
  #restedAt = 0;

  constructor(replica: Replica, namespace: string) {
    this.#replica = replica;
    this.#namespace = namespace;
  }

  /** Lets others in after about 10 ms of reading; the page could be out of date then. */
  *pause(): Job<void> {
    if (this.rows - this.#restedAt < sliceRows) return;
    this.#restedAt = this.rows;
    this.#pageFrom = endBound;
    yield;
  }

  summary(from: Bound, to: Bound): Summary {
    const paged = this.#paged(from, to);
    if (paged !== undefined) return summaryOf(paged);
    this.rows += rowsPerSummary;
    const summary = this.#replica.summary(this.#namespace, from, to);
    if (summary.count <= smallRangeItems) this.#turnTo(to);
    return summary;
  }

  /** The first `limit` items of the range. */
  items(from: Bound, to: Bound, limit: number): readonly ReconItem[] {
    const paged = this.#paged(from, to);
    if (paged !== undefined) return paged.slice(0, limit);
    const items = this.#replica.items(this.#namespace, from, to, limit);
    this.rows += rowsPerScan + items.length;
    if (items.length <= smallRangeItems && items.length < limit) this.#turnTo(to);
    return items;
  }

  /** Items number `index` and the one after it, counted from 0 at `from`. */
  pair(from: Bound, index: number): [ReconItem, ReconItem] | undefined {
    this.rows += rowsPerSelect + rowsPerScan;
    const first = this.#replica.nth(this.#namespace, from, index);
    const [, second] = first ? this.#replica.items(this.#namespace, first, endBound, 2) : [];
    return first && second && [first, second];
  }

  #turnTo(from: Bound): void {
    if (from.ts === endBound.ts) return;
    const items = this.#replica.items(this.#namespace, from, endBound, pageItems);
    this.rows += rowsPerScan + items.length;
    this.#page = items;
    this.#pageFrom = from;
    this.#pageTo = items.length < pageItems ? endBound : items.at(-1)!;
  }

  #paged(from: Bound, to: Bound): readonly ReconItem[] | undefined {
    if (compareBounds(from, this.#pageFrom) < 0 || compareBounds(to, this.#pageTo) > 0) {
      return undefined;
    }
    return this.#page.slice(firstAtOrAfter(this.#page, from), firstAtOrAfter(this.#page, to));
  }
}

export function summaryOf(items: readonly ReconItem[]): Summary {
  const sum = new Uint8Array(32);
  for (const item of items) addTo(sum, item.id);
  return { count: items.length, sum };
}

/** Adds little-endian integers mod 2^256. */
function addTo(sum: Uint8Array, id: Uint8Array): void {
  let carry = 0;
  for (let index = 0; index < sum.length; index++) {
    carry += sum[index]! + id[index]!;
    sum[index] = carry;
    carry >>= 8;
  }
}
