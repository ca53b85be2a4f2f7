/** fast-check properties as tests; a failure prints its seed and the smallest example. */
import fc from "fast-check";
import { test as plain } from "vitest";

export { fc };

export function test<Values extends [unknown, ...unknown[]]>(
  arbitraries: { [Index in keyof Values]: fc.Arbitrary<Values[Index]> },
  name: string,
  options: { numRuns?: number },
  predicate: (...values: Values) => void,
): void {
  plain(name, () => {
    fc.assert(fc.property(...arbitraries, predicate), options);
  });
}
