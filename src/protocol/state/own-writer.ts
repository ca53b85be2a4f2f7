/**
 * The writer that this node signs as, and what it must know to see that somebody else signs as it too: a copy of its
 * store, or what its store was before an older copy was put back. What it knows of a run of the program is in memory.
 */
import { bytesName, concatBytes, equalBytes } from "../../core/codec.ts";
import { authorBytes } from "../../core/ids.ts";
import { limits } from "../../core/limits.ts";
import type { StoreReader } from "../../core/ports.ts";
import type { SignedHeader } from "./bundle.ts";
import { readChain } from "./chain.ts";
import { counterSubject, counterType, decodeSums, type Sums } from "./counter.ts";
import { classes, decodeEntry, type Entry } from "./entry.ts";
import { headersAt } from "./headers-index.ts";
import { liveRows } from "./live-rows.ts";

/** A nonce used since the program started. */
type Run = { since: bigint | undefined };

/** What a counter's own sums were before the first write of the run, and how much of a copy's is written again. */
export type Baseline = { readonly epoch: bigint; readonly since: bigint; sums: Sums };

const noSums: Sums = { added: 0n, taken: 0n };

export class OwnWriter {
  readonly #author: Uint8Array;
  #writer: Uint8Array;
  readonly #runs = new Map<string, Run>();
  /** Headers of writers of this run that others signed. */
  readonly #foreign = new Set<string>();
  readonly #baselines = new Map<string, Baseline>();

  constructor(author: Uint8Array, nonce: Uint8Array) {
    this.#author = author;
    this.#writer = concatBytes(author, nonce);
    this.#runs.set(bytesName(this.#writer), { since: undefined });
  }

  /** Author and nonce, 40 bytes. */
  get bytes(): Uint8Array {
    return this.#writer;
  }

  get nonce(): Uint8Array {
    return this.#writer.subarray(authorBytes);
  }

  is(writer: Uint8Array): boolean {
    return equalBytes(writer, this.#writer);
  }

  isAuthor(author: Uint8Array): boolean {
    return equalBytes(author, this.#author);
  }

  /** Goes on under another nonce. */
  become(nonce: Uint8Array): void {
    this.#writer = concatBytes(this.#author, nonce);
    this.#runs.set(bytesName(this.#writer), { since: undefined });
  }

  /** True of a header of one of its writers that it did not write: beyond its mark, or another one at a place it used. */
  isForeign(store: StoreReader, { header, hash, writer }: SignedHeader): boolean {
    if (!this.#runs.has(bytesName(writer))) return false;
    const { namespace, nonce, seq, stamp } = header;
    if (this.#foreign.has(placeName(writer, namespace, stamp))) return true;
    if (seq > readChain(store, namespace, nonce).seq) return true;
    const known = headersAt(store, namespace, writer, seq);
    return known.length > 0 && !known.some((other) => equalBytes(other.hash, hash));
  }

  noteForeign({ header, writer }: SignedHeader): void {
    if (this.#foreign.size >= limits.forkMemoryMax) return;
    this.#foreign.add(placeName(writer, header.namespace, header.stamp));
  }

  /** True of what this node wrote since the program started, under the nonce of now or one that forked since. */
  isMine(namespace: string, { writer, stamp }: { writer: Uint8Array; stamp: bigint }): boolean {
    const { since } = this.#run(writer);
    if (since === undefined || stamp < since) return false;
    const isKnown = this.#foreign.size < limits.forkMemoryMax;
    return isKnown && !this.#foreign.has(placeName(writer, namespace, stamp));
  }

  /** Takes note of what is about to be written here. */
  writes(store: StoreReader, namespace: string, entries: readonly Entry[], stamp: bigint): void {
    this.#run(this.#writer).since ??= stamp;
    for (const entry of entries) {
      const isCounter = entry.class === classes.slot && entry.type === counterType;
      if (isCounter) this.#counts(store, namespace, entry, stamp);
    }
  }

  baseline(writer: Uint8Array, namespace: string, entry: Entry): Baseline | undefined {
    const baseline = this.#baselines.get(counterName(writer, namespace, entry.key));
    return baseline?.epoch === (entry.epoch ?? 0n) ? baseline : undefined;
  }

  #counts(store: StoreReader, namespace: string, entry: Entry, since: bigint): void {
    const known = this.baseline(this.#writer, namespace, entry);
    if (known !== undefined || this.#baselines.size >= limits.forkMemoryMax) return;
    const epoch = entry.epoch ?? 0n;
    let sums = noSums;
    for (const row of liveRows(store, counterSubject(namespace, entry.key))) {
      if (!this.is(row.writer)) continue;
      const live = decodeEntry(row.encoded);
      if ((live.epoch ?? 0n) === epoch) sums = decodeSums(live.body) ?? noSums;
    }
    const name = counterName(this.#writer, namespace, entry.key);
    this.#baselines.set(name, { epoch, since, sums });
  }

  #run(writer: Uint8Array): Run {
    return this.#runs.get(bytesName(writer)) ?? { since: undefined };
  }
}

function placeName(writer: Uint8Array, namespace: string, stamp: bigint): string {
  return `${bytesName(writer)}${namespace} ${stamp}`;
}

function counterName(writer: Uint8Array, namespace: string, key: string): string {
  return `${bytesName(writer)}${namespace} ${key}`;
}
