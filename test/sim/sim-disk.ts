/**
 * The disk of one node: sorted rows, changed by transactions. What was committed is visible at once and on disk later;
 * a power cut takes back any number of the last commits that no flush has confirmed, a kill none. Reads, writes and
 * flushes fail on demand with the coded errors of src/host/lmdb-store.ts.
 */
import { CoterieError } from "../../src/core/errors.ts";
import type { RangeOptions, Row, Store, StoreWriter } from "../../src/core/ports.ts";
import type { Prng } from "./prng.ts";
import type { ProcessClock } from "./virtual-clock.ts";

/** What a commit changed, as it was before; undefined where there was nothing. */
type Undo = Map<string, Uint8Array | undefined>;

export type DiskFaults = {
  full: boolean;
  /** Probabilities of one transaction, flush or read to fail. */
  writeErrors: number;
  flushErrors: number;
  readErrors: number;
};

export type SimStoreOptions = {
  /** Acknowledges a flush that has not happened: a bug planted on purpose. */
  readonly flushesEarly: boolean;
};

const flushMs = { from: 0.5, to: 12 };
/** A disk writes back by itself what nobody flushed. */
const writeBackMs = 2_000;

export class SimDisk {
  readonly faults: DiskFaults = { full: false, writeErrors: 0, flushErrors: 0, readErrors: 0 };
  /** Keys as strings of one character a byte, which sort as the bytes do. */
  readonly #keys: string[] = [];
  readonly #values = new Map<string, Uint8Array>();
  /** Commits since the last flush, the oldest first. */
  #unsynced: { readonly undo: Undo; readonly atMs: number }[] = [];
  readonly #prng: Prng;
  readonly #options: SimStoreOptions;
  /** Commits taken back by power cuts. */
  lost = 0;
  /** A page of a mapped file that cannot be read ends the process (SIGBUS). */
  onReadError: () => void = () => {};
  readonly #name: string;

  /** `name` stands in what a failed read throws. */
  constructor(name: string, prng: Prng, options: SimStoreOptions) {
    this.#name = name;
    this.#prng = prng;
    this.#options = options;
  }

  /** Takes back some of what is not on disk; the number of commits that are gone. */
  powerCut(nowMs: number): number {
    const gone = this.#unsynced.filter(({ atMs }) => nowMs - atMs < writeBackMs);
    const kept = this.#prng.below(gone.length + 1);
    for (const { undo } of gone.slice(kept).toReversed()) {
      for (const [name, value] of undo) this.#set(name, value);
    }
    this.#unsynced = [];
    this.lost += gone.length - kept;
    return gone.length - kept;
  }

  /** The process is gone and the machine is not: what was committed stays. */
  kill(): void {
    this.#unsynced = [];
  }

  open(clock: ProcessClock): Store {
    let undo: Undo | undefined;
    let isOpen = true;

    const change = (key: Uint8Array, value: Uint8Array | undefined): void => {
      const name = nameOf(key);
      if (undo !== undefined && !undo.has(name)) undo.set(name, this.#values.get(name));
      this.#set(name, value);
    };
    const writer: StoreWriter = {
      get: (key) => this.#get(key),
      range: (options) => this.#range(options),
      put: (key, value) => change(key, Uint8Array.from(value)),
      remove: (key) => change(key, undefined),
    };
    const commit = <T>(work: (tx: StoreWriter) => T): T => {
      const changed: Undo = new Map();
      undo = changed;
      try {
        this.#mayWrite();
        const result = work(writer);
        this.#mayWrite();
        if (changed.size > 0) this.#unsynced.push({ undo: changed, atMs: clock.monotonicMs() });
        return result;
      } catch (error) {
        for (const [name, value] of changed) this.#set(name, value);
        throw error;
      } finally {
        undo = undefined;
      }
    };
    return {
      get: writer.get,
      range: writer.range,
      transaction: (work) => {
        if (!isOpen || clock.hasEnded)
          throw new CoterieError("STORE_FAILED", "the store is closed");
        return undo === undefined ? commit(work) : work(writer);
      },
      flushed: () => this.#flushed(clock),
      sizeBytes: () => this.#keys.length * 100,
      close: async () => {
        isOpen = false;
        this.#unsynced = [];
      },
    };
  }

  /** Everything in it, for comparing. */
  *rows(): Generator<[string, Uint8Array]> {
    for (const key of this.#keys) yield [key, this.#values.get(key)!];
  }

  async #flushed(clock: ProcessClock): Promise<void> {
    if (this.#options.flushesEarly) return;
    const last = this.#unsynced.at(-1);
    await clock.sleep(this.#prng.between(flushMs.from, flushMs.to));
    if (this.#prng.chance(this.faults.flushErrors)) {
      throw new CoterieError("STORE_FAILED", "the store could not be flushed: input/output error");
    }
    if (last !== undefined) {
      this.#unsynced = this.#unsynced.slice(this.#unsynced.indexOf(last) + 1);
    }
  }

  #mayWrite(): void {
    if (this.faults.full) throw new CoterieError("STORE_FULL", "the store refused a write: full");
    if (this.#prng.chance(this.faults.writeErrors)) {
      throw new CoterieError("STORE_FAILED", "the store refused a write: input/output error");
    }
  }

  #mayRead(): void {
    if (this.faults.readErrors === 0 || !this.#prng.chance(this.faults.readErrors)) return;
    this.onReadError();
    throw new CoterieError("STORE_FAILED", `${injectedReadError} of ${this.#name}`);
  }

  #get(key: Uint8Array): Uint8Array | undefined {
    this.#mayRead();
    return this.#values.get(nameOf(key))?.slice();
  }

  *#range({ from, to, reverse = false, limit = Infinity }: RangeOptions): Generator<Row> {
    this.#mayRead();
    const [low, high] = [nameOf(from), nameOf(to)];
    let last: string | undefined;
    for (let count = 0; count < limit; count++) {
      // found anew each time, for the rows may change under the reader
      const place = reverse
        ? this.#placeOf(last ?? high) - 1
        : this.#placeOf(last === undefined ? low : `${last}\0`);
      const name = this.#keys[place];
      if (name === undefined || name < low || name >= high) return;
      yield { key: bytesOf(name), value: this.#values.get(name)!.slice() };
      last = name;
    }
  }

  #set(name: string, value: Uint8Array | undefined): void {
    const known = this.#values.has(name);
    if (value === undefined) {
      if (known) this.#keys.splice(this.#placeOf(name), 1);
      this.#values.delete(name);
    } else {
      if (!known) this.#keys.splice(this.#placeOf(name), 0, name);
      this.#values.set(name, value);
    }
  }

  /** Place of the first key that is not below the name. */
  #placeOf(name: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#keys[middle]! < name) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export const injectedReadError = "the simulated disk could not be read";

function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString("latin1");
}

function bytesOf(name: string): Uint8Array {
  return Uint8Array.from(Buffer.from(name, "latin1"));
}
