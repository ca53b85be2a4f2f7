/** A thousand cases of each law, shared by the classes; scripts/laws.ts runs as many as one likes of each. */
import fc from "fast-check";
import { describe, test } from "vitest";
import { lawsOfCrowds, lawsOfMerge } from "./laws.ts";

describe("of merging", () => {
  test.each(lawsOfMerge)("$name", ({ property }) => fc.assert(property, { numRuns: 250 }));
});

describe("of crowded keys, with fewer cases of more entries each", () => {
  test.each(lawsOfCrowds)("$name", ({ property }) => fc.assert(property, { numRuns: 60 }));
});
