import { CoterieError } from "../src/core/errors.ts";
import type { RangeOptions, Row, Store, StoreWriter } from "../src/core/ports.ts";

/** The `Store` port in memory: passes the same contract as the one over lmdb, and flushes nothing. */
export function memoryStore(): Store {
  /** Keys as strings of one character a byte, which sort as the bytes do. */
  const keys: string[] = [];
  const values = new Map<string, Uint8Array>();
  /** What the running transaction has changed, as it was before. */
  let undo: Map<string, Uint8Array | undefined> | undefined;
  let isOpen = true;

  const nameOf = (key: Uint8Array): string => Buffer.from(key).toString("latin1");
  const bytesOf = (name: string): Uint8Array => Uint8Array.from(Buffer.from(name, "latin1"));

  /** Place of the first key that is not below the name. */
  const placeOf = (name: string): number => {
    let low = 0;
    let high = keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (keys[middle]! < name) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  const set = (name: string, value: Uint8Array | undefined): void => {
    const known = values.has(name);
    if (value === undefined) {
      if (known) keys.splice(placeOf(name), 1);
      values.delete(name);
    } else {
      if (!known) keys.splice(placeOf(name), 0, name);
      values.set(name, value);
    }
  };

  const change = (key: Uint8Array, value: Uint8Array | undefined): void => {
    const name = nameOf(key);
    if (undo !== undefined && !undo.has(name)) undo.set(name, values.get(name));
    set(name, value);
  };

  function* range({ from, to, reverse = false, limit = Infinity }: RangeOptions): Generator<Row> {
    const [low, high] = [nameOf(from), nameOf(to)];
    let last: string | undefined;
    for (let count = 0; count < limit; count++) {
      // found anew each time, for the rows may change under the reader
      const place = reverse
        ? placeOf(last ?? high) - 1
        : placeOf(last === undefined ? low : `${last}\0`);
      const name = keys[place];
      if (name === undefined || name < low || name >= high) return;
      yield { key: bytesOf(name), value: values.get(name)!.slice() };
      last = name;
    }
  }

  const writer: StoreWriter = {
    get: (key) => values.get(nameOf(key))?.slice(),
    range,
    put: (key, value) => change(key, Uint8Array.from(value)),
    remove: (key) => change(key, undefined),
  };

  return {
    get: writer.get,
    range,
    transaction: (work) => {
      if (!isOpen) throw new CoterieError("STORE_FAILED", "the store is closed");
      if (undo !== undefined) return work(writer);
      undo = new Map();
      try {
        return work(writer);
      } catch (error) {
        for (const [name, value] of undo) set(name, value);
        throw error;
      } finally {
        undo = undefined;
      }
    },
    flushed: async () => {},
    sizeBytes: () => keys.reduce((sum, name) => sum + name.length + values.get(name)!.length, 0),
    close: async () => {
      isOpen = false;
    },
  };
}
