import { CoterieError } from "../../src/core/errors.ts";
import type { Store, StoreWriter } from "../../src/core/ports.ts";

export type FailingStore = Store & {
  /** From now on every write after so many is refused as STORE_FULL; undefined ends that. */
  failAfter(writes: number | undefined): void;
  /** Writes since the last `failAfter`. */
  readonly writes: number;
};

/** A store that refuses at the worst moments, in the middle of a transaction or when it is to be committed. */
export function failingStore(store: Store): FailingStore {
  let left: number | undefined;
  let writes = 0;
  const take = (): void => {
    writes++;
    if (left === undefined) return;
    if (left === 0) throw new CoterieError("STORE_FULL", "no space left, says the test");
    left--;
  };
  return {
    get: (key) => store.get(key),
    range: (options) => store.range(options),
    flushed: () => store.flushed(),
    sizeBytes: () => store.sizeBytes(),
    close: () => store.close(),
    transaction: (work) =>
      store.transaction((tx) => {
        const wrapped: StoreWriter = {
          get: (key) => tx.get(key),
          range: (options) => tx.range(options),
          put: (key, value) => {
            take();
            tx.put(key, value);
          },
          remove: (key) => {
            take();
            tx.remove(key);
          },
        };
        const result = work(wrapped);
        take(); // the commit
        return result;
      }),
    failAfter: (count) => {
      left = count;
      writes = 0;
    },
    get writes() {
      return writes;
    },
  };
}
