/**
 * The `Replica` port over sorted arrays, with one rule of merging: per key the larger (stamp, hash) stays. Bundles
 * carry no signature, but filler of the size of one and of its header. Tests set `refuse` to be refused.
 */
import { compareBytes, decodeUtf8, encodeUtf8, Reader, Writer } from "../../src/core/codec.ts";
import { sha256 } from "../../src/core/identity.ts";
import { limits } from "../../src/core/limits.ts";
import type { Bound, IngestResult, PeerName, ReconItem, Replica } from "../../src/core/ports.ts";

export type ReferenceEntry = {
  readonly namespace: string;
  readonly key: string;
  readonly stamp: bigint;
  readonly value: Uint8Array;
};

type Stored = ReferenceEntry & ReconItem & { readonly encoded: Uint8Array };

export const headerFiller = 230;
const zero = { applied: 0, known: 0, quarantined: 0, refused: 0, invalid: false };

export function stampOf(wallMs: number, counter = 0): bigint {
  return (BigInt(wallMs) << 16n) | BigInt(counter);
}

function compare(a: Bound, b: Bound): number {
  return a.ts === b.ts ? compareBytes(a.id, b.id) : a.ts < b.ts ? -1 : 1;
}

export class ReferenceReplica implements Replica {
  readonly #sorted = new Map<string, Stored[]>();
  readonly #live = new Map<string, Stored>();
  #held: Stored[] = [];
  refuse: (entry: ReferenceEntry) => boolean = () => false;
  /** Sum of the ids of all live entries, shortened: equal exactly when the contents are, but for chance. */
  digest = 0n;

  /** A write of our own, at any time. */
  write(
    namespace: string,
    key: string,
    stamp: bigint,
    value: Uint8Array = new Uint8Array(0),
  ): void {
    this.#apply(stored(encodeEntry({ namespace, key, stamp, value })));
  }

  /** Every live entry, for comparing replicas. */
  contents(): string[] {
    return [...this.#live.values()]
      .map(({ namespace, key, stamp, id }) => `${namespace}/${key}@${stamp}#${id[0]}${id[1]}`)
      .toSorted();
  }

  get held(): number {
    return this.#held.length;
  }

  namespaces(): readonly string[] {
    return [...this.#sorted]
      .filter(([, items]) => items.length > 0)
      .map(([name]) => name)
      .toSorted();
  }

  promote(nowMs: number): void {
    const held = this.#held;
    this.#held = held.filter((entry) => isFuture(entry, nowMs));
    for (const entry of held) if (!isFuture(entry, nowMs)) this.#apply(entry);
  }

  summary(namespace: string, from: Bound, to: Bound): { count: number; sum: Uint8Array } {
    const items = this.#range(namespace, from, to);
    const sum = new Uint8Array(32);
    for (const { id } of items) {
      let carry = 0;
      for (let index = 0; index < 32; index++) {
        carry += sum[index]! + id[index]!;
        sum[index] = carry;
        carry >>= 8;
      }
    }
    return { count: items.length, sum };
  }

  items(namespace: string, from: Bound, to: Bound, limit: number): ReconItem[] {
    return this.#range(namespace, from, to).slice(0, limit);
  }

  nth(namespace: string, from: Bound, index: number): ReconItem | undefined {
    const items = this.#items(namespace);
    return items[lowerBound(items, from) + index];
  }

  has(namespace: string, item: ReconItem): boolean {
    const items = this.#items(namespace);
    const found = items[lowerBound(items, item)];
    return found !== undefined && compare(found, item) === 0;
  }

  bundles(
    namespace: string,
    items: readonly ReconItem[],
    maxBytes: number,
  ): { bundles: Uint8Array[]; sent: number } {
    const here = this.#items(namespace);
    const packer = new Packer();
    let sent = 0;
    for (const item of items) {
      if (packer.bytes >= maxBytes) break;
      const found = here[lowerBound(here, item)];
      if (found !== undefined && compare(found, item) === 0) packer.add(found);
      sent++;
    }
    return { bundles: packer.finish(), sent };
  }

  stream(
    namespace: string,
    from: Bound,
    to: Bound,
    maxBytes: number,
  ): { bundles: Uint8Array[]; next: Bound | undefined } {
    const packer = new Packer();
    for (const entry of this.#range(namespace, from, to)) {
      if (packer.bytes >= maxBytes) return { bundles: packer.finish(), next: entry };
      packer.add(entry);
    }
    return { bundles: packer.finish(), next: undefined };
  }

  ingestAll(bundles: readonly Uint8Array[], from: PeerName, nowMs: number): IngestResult[] {
    return bundles.map((bundle) => this.ingest(bundle, from, nowMs));
  }

  ingest(bundle: Uint8Array, _from: PeerName, nowMs: number): IngestResult {
    const entries = decodeBundle(bundle);
    if (entries === undefined) return { ...zero, refused: 1, invalid: true, reason: "no bundle" };
    const result = { ...zero };
    for (const entry of entries) {
      if (this.refuse(entry)) result.refused++;
      else if (isFuture(entry, nowMs)) {
        this.#held.push(entry);
        result.quarantined++;
      } else if (this.#apply(entry)) result.applied++;
      else result.known++;
    }
    return result;
  }

  #items(namespace: string): Stored[] {
    return this.#sorted.get(namespace) ?? [];
  }

  #range(namespace: string, from: Bound, to: Bound): Stored[] {
    const items = this.#items(namespace);
    return items.slice(lowerBound(items, from), lowerBound(items, to));
  }

  #apply(entry: Stored): boolean {
    const key = `${entry.namespace}/${entry.key}`;
    const known = this.#live.get(key);
    // the smaller position is the newer entry; of equal stamps the larger hash wins
    if (known !== undefined) {
      const wins =
        known.stamp === entry.stamp
          ? compareBytes(entry.id, known.id) > 0
          : entry.stamp > known.stamp;
      if (!wins) return false;
      const items = this.#items(entry.namespace);
      items.splice(lowerBound(items, known), 1);
      this.digest -= shortened(known.id);
    }
    this.#live.set(key, entry);
    this.digest += shortened(entry.id);
    const items = this.#items(entry.namespace);
    items.splice(lowerBound(items, entry), 0, entry);
    this.#sorted.set(entry.namespace, items);
    return true;
  }
}

class Packer {
  readonly #bundles: Uint8Array[] = [];
  #run: Stored[] = [];
  #runBytes = 0;
  bytes = 0;

  add(entry: Stored): void {
    const size = entry.encoded.length + 8;
    const full = this.#runBytes + size > limits.syncFrameBytesMax - 512 || this.#run.length === 128;
    if (full) this.#close();
    this.#run.push(entry);
    this.#runBytes += size;
    this.bytes += size;
  }

  finish(): Uint8Array[] {
    this.#close();
    return this.#bundles;
  }

  #close(): void {
    if (this.#run.length === 0) return;
    this.#bundles.push(encodeBundle(this.#run.map(({ encoded }) => encoded)));
    this.#run = [];
    this.#runBytes = 0;
  }
}

export function encodeBundle(entries: readonly Uint8Array[]): Uint8Array {
  const out = new Writer().bytes(new Uint8Array(headerFiller)).varint(entries.length);
  for (const entry of entries) out.prefixed(entry);
  return out.finish();
}

export function entriesIn(bundle: Uint8Array): number {
  return decodeBundle(bundle)?.length ?? 1;
}

function decodeBundle(bundle: Uint8Array): Stored[] | undefined {
  try {
    const reader = new Reader(bundle);
    reader.bytes(headerFiller);
    const count = reader.varint();
    const entries: Stored[] = [];
    while (entries.length < count) entries.push(stored(reader.prefixed(limits.entryBytesMax)));
    reader.end();
    return entries;
  } catch {
    return undefined;
  }
}

export function encodeEntry({ namespace, key, stamp, value }: ReferenceEntry): Uint8Array {
  const out = new Writer().prefixed(encodeUtf8(namespace)).prefixed(encodeUtf8(key));
  return out.u64(stamp).prefixed(value).finish();
}

function stored(encoded: Uint8Array): Stored {
  const reader = new Reader(encoded);
  const namespace = decodeUtf8(reader.prefixed(64));
  const key = decodeUtf8(reader.prefixed(limits.keyBytesMax));
  const stamp = reader.u64();
  const value = reader.prefixed(limits.valueBytesMax);
  reader.end();
  const ts = 2n ** 64n - 2n - stamp;
  return { namespace, key, stamp, value, ts, id: sha256(encoded), encoded };
}

function shortened(id: Uint8Array): bigint {
  return new DataView(id.buffer, id.byteOffset).getBigUint64(0);
}

function isFuture(entry: Stored, nowMs: number): boolean {
  return entry.stamp >> 16n > BigInt(Math.floor(nowMs) + limits.futureToleranceMs);
}

function lowerBound(items: readonly ReconItem[], position: Bound): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare(items[middle]!, position) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
