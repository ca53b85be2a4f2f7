import { expect, test } from "vitest";
import { leaks } from "../../testnet/footprint.ts";
import { Ledger } from "../../testnet/ledger.ts";
import { judge } from "../../testnet/verbs/chaos.ts";
import { codedError } from "../coded-error.ts";

function ledger(): Ledger {
  const made = new Ledger();
  for (const value of ["a", "b", "c", "d"]) made.tried("k", value);
  made.wrote("k", "b", "02");
  made.wrote("k", "a", "01");
  made.wrote("k", "c", "02");
  made.tried("never acknowledged", "x");
  return made;
}

test.each([
  ["the last acknowledged write", "b", "02", undefined],
  ["another of the same stamp", "c", "02", undefined],
  ["a later one that was not acknowledged", "d", "03", undefined],
  ["an older one", "a", "01", "older"],
  ["one that nobody wrote", "z", "04", "foreign"],
  ["another one under the last one's stamp", "d", "02", "foreign"],
])("a node that shows %s", (_what, value, stamp, what) => {
  const losses = ledger().losses(new Map([["k", { value, stamp }]]));
  expect(losses).toEqual(what === undefined ? [] : [{ key: "k", what }]);
});

test("a node that does not show an acknowledged key has lost it", () => {
  expect(ledger().losses(new Map())).toEqual([{ key: "k", what: "missing" }]);
  expect(ledger().acknowledged).toBe(3);
});

const members = { tookMs: 1, dissents: [] };
const fine = { convergedMs: 1, members, timeoutMs: 1_000, lost: [], leaked: [] };

test("chaos ends well, or says what is wrong by its exit code", async () => {
  expect(() => judge(fine)).not.toThrow();
  const lost = [{ node: 2, losses: [{ key: "k", what: "missing" as const }] }];
  const error = await codedError(async () => judge({ ...fine, lost }), "PARTIAL");
  expect(error.message).toContain("node 2: k is missing");
  await codedError(async () => judge({ ...fine, leaked: ["node 1 grew"] }), "PARTIAL");
  await codedError(async () => judge({ ...fine, convergedMs: null }), "TIMEOUT");
  const dissents = [1, 2].map((node) => ({ node, about: 0, says: "failed" as const }));
  const doubt = await codedError(
    async () => judge({ ...fine, members: { tookMs: 1_000, dissents } }),
    "TIMEOUT",
  );
  expect(doubt.message).toBe("1 s after the last fault 1-2 say that 0 is failed");
});

test("more open files beside connections are a leak, and so is much more memory", () => {
  const before = { index: 0, rssBytes: 1e8, connections: 2, descriptors: 40 };
  expect(leaks([before], [{ ...before, connections: 20, descriptors: 60 }])).toEqual([]);
  expect(leaks([before], [{ ...before, descriptors: 73 }])).toHaveLength(1);
  expect(leaks([before], [{ ...before, rssBytes: 5e8 }])).toHaveLength(1);
});
