/** Each law of order and formats with a thousand cases; scripts/laws.ts runs as many as one likes. */
import fc from "fast-check";
import { describe, test } from "vitest";
import { lawsOfFormats, lawsOfOrder } from "./laws.ts";

describe.each([
  ["order", lawsOfOrder],
  ["formats", lawsOfFormats],
] as const)("of %s", (_name, laws) => {
  test.each(laws)("$name", ({ property }) => fc.assert(property, { numRuns: 1_000 }));
});
