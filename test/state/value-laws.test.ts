/** A thousand cases of the law of values, shared by the types; scripts/laws.ts runs as many as one likes of each. */
import fc from "fast-check";
import { describe, test } from "vitest";
import { lawsOfDocuments, lawsOfValues } from "./laws.ts";

describe("of values", () => {
  test.each(lawsOfValues)("$name", ({ property }) => fc.assert(property, { numRuns: 250 }));
});

describe("of documents", () => {
  test.each(lawsOfDocuments)("$name", ({ property }) => fc.assert(property, { numRuns: 100 }));
});
