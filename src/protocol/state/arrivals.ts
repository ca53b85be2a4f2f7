/**
 * Arrivals: the bundles that brought what lives here, each under the next number, as they came or without what was dead on
 * arrival. So a batch is one row, and what is sent to others is mostly what is stored. Which entries of an arrival
 * live is kept beside it in a set of leaves, absent while all do; once half of them are dead the row is written anew
 * without them, their hashes standing for them, and when the last is dead it goes.
 *
 * The numbers are the change feed: an entry's is that of its arrival with its index, and they only grow.
 */
import { decodeUtf8, Reader, Writer } from "../../core/codec.ts";
import { authorBytes, hashBytes, nonceBytes } from "../../core/ids.ts";
import { limits } from "../../core/limits.ts";
import type { StoreReader, StoreWriter } from "../../core/ports.ts";
import { decodeBundle, encodeBundle, type AcceptedBundle } from "./bundle.ts";
import { addHeader, dropHeader } from "./headers-index.ts";
import { headerBytesMax, signatureBytes } from "./header.ts";
import { LeafSet } from "./merkle.ts";
import { arrivalKey, liveKey, metaKey } from "./rows.ts";

/** Version and network before the namespace in a header, see header.ts. */
const beforeNamespace = 1 + hashBytes;

/** One row, read lazily: most readers want a single entry of it. */
export class Arrival {
  readonly bundle: Uint8Array;
  readonly present: LeafSet;
  readonly #header: Uint8Array;
  /** Where the entry after each begins, by index; of those absent 0. */
  readonly #starts: Uint32Array;

  constructor(bundle: Uint8Array) {
    const reader = new Reader(bundle);
    this.bundle = bundle;
    this.#header = reader.prefixed(headerBytesMax);
    reader.bytes(signatureBytes);
    const count = headerCount(this.#header);
    this.present = LeafSet.decode(count, reader.bytes(Math.ceil(count / 8)));
    this.#starts = new Uint32Array(count);
    for (const index of this.present) {
      this.#starts[index] = reader.offset;
      reader.prefixed(bundle.length);
    }
  }

  get namespace(): string {
    const header = new Reader(this.#header);
    header.bytes(beforeNamespace);
    return decodeUtf8(header.prefixed(limits.namespaceBytesMax));
  }

  /** Author and nonce, 40 bytes. */
  get writer(): Uint8Array {
    const header = new Reader(this.#header);
    header.bytes(beforeNamespace);
    header.prefixed(limits.namespaceBytesMax);
    return header.bytes(authorBytes + nonceBytes);
  }

  entry(index: number): Uint8Array | undefined {
    if (!this.present.has(index)) return undefined;
    const start = this.#starts[index]!;
    return new Reader(this.bundle.subarray(start)).prefixed(this.bundle.length);
  }

  /** The bundle with these entries only, which are all in it. */
  prune(kept: LeafSet): Uint8Array {
    const { encoded, signature, entries, tree } = decodeBundle(this.bundle);
    const chosen = [...kept].map((index) => entries.get(index)!);
    return encodeBundle({ encoded, signature }, kept, chosen, tree.prune(kept));
  }
}

/** `count` lies before `root` and the capability's length and bytes; the capability is empty in all but foreign headers. */
function headerCount(header: Uint8Array): number {
  const reader = new Reader(header);
  reader.bytes(beforeNamespace);
  reader.prefixed(limits.namespaceBytesMax);
  reader.bytes(authorBytes + nonceBytes + 8 + hashBytes + 8);
  return reader.u16();
}

export function readArrival(store: StoreReader, arrival: number): Arrival | undefined {
  const row = store.get(arrivalKey(arrival));
  return row === undefined ? undefined : new Arrival(row);
}

/** Which entries of an arrival live. */
export function readLive(store: StoreReader, arrival: number, present: LeafSet): LeafSet {
  const row = store.get(liveKey(arrival));
  return LeafSet.decode(present.count, row ?? present.bits);
}

/** Reads arrivals and keeps those read last; made for one call, since rows may change after it. */
export class ArrivalReader {
  readonly #store: StoreReader;
  readonly #kept = new Map<number, Arrival | undefined>();

  constructor(store: StoreReader) {
    this.#store = store;
  }

  get(arrival: number): Arrival | undefined {
    if (this.#kept.has(arrival)) return this.#kept.get(arrival);
    const found = readArrival(this.#store, arrival);
    if (this.#kept.size >= arrivalsKept) this.#kept.clear();
    this.#kept.set(arrival, found);
    return found;
  }
}

/** A row is a batch, so at most about 1 MiB. */
const arrivalsKept = 16;

const lastKey = metaKey("arrival");

export function lastArrival(store: StoreReader): number {
  const row = store.get(lastKey);
  return row === undefined ? 0 : new Reader(row).u48();
}

type Dying = { readonly arrival: number; readonly live: LeafSet; readonly present: LeafSet };

/** The arrivals of one transaction; `finish` ends it. */
export class ArrivalWriter {
  readonly #tx: StoreWriter;
  readonly #own: (writer: Uint8Array) => boolean;
  readonly #dying = new Map<number, Dying>();
  readonly #before: number;
  #last: number;

  /** `own`: true for the writers of this node, whose chains are kept whole. */
  constructor(tx: StoreWriter, own: (writer: Uint8Array) => boolean) {
    this.#tx = tx;
    this.#own = own;
    this.#before = lastArrival(tx);
    this.#last = this.#before;
  }

  /** The number of the arrival that `add` takes next. */
  get next(): number {
    return this.#last + 1;
  }

  /** Stores those entries of a bundle that came to live. True when it proves that its writer forked. */
  add(signed: AcceptedBundle, live: LeafSet): boolean {
    const arrival = ++this.#last;
    const { bytes, present, tree, entries } = signed;
    const isWhole = live.size === present;
    const chosen = entries.filter(({ index }) => live.has(index)).map((entry) => entry.encoded);
    const bundle = isWhole ? bytes : encodeBundle(signed, live, chosen, tree.prune(live));
    this.#tx.put(arrivalKey(arrival), bundle);
    return addHeader(this.#tx, signed);
  }

  /** Takes note that an entry no longer lives. */
  drop(arrival: number, index: number): void {
    let dying = this.#dying.get(arrival);
    if (dying === undefined) {
      const row = readArrival(this.#tx, arrival);
      if (row === undefined) return;
      const { present } = row;
      dying = { arrival, present, live: readLive(this.#tx, arrival, present) };
      this.#dying.set(arrival, dying);
    }
    dying.live.remove(index);
  }

  finish(): void {
    for (const dying of this.#dying.values()) this.#bury(dying);
    if (this.#last !== this.#before) {
      this.#tx.put(lastKey, new Writer().u48(this.#last).finish());
    }
  }

  #bury({ arrival, live, present }: Dying): void {
    const left = live.size;
    if (left * 2 > present.size) {
      this.#tx.put(liveKey(arrival), live.bits);
      return;
    }
    const row = readArrival(this.#tx, arrival);
    if (row === undefined) return;
    this.#tx.remove(liveKey(arrival));
    if (left > 0) {
      this.#tx.put(arrivalKey(arrival), row.prune(live));
      return;
    }
    this.#tx.remove(arrivalKey(arrival));
    dropHeader(this.#tx, decodeBundle(row.bundle), this.#own);
  }
}
