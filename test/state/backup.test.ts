/** The arrivals, passed one by one while others come, make another state equal to what this one is at the end. */
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { openLmdbStore } from "../../src/host/lmdb-store.ts";
import type { State } from "../../src/protocol/state/state.ts";
import { stateDigest } from "../../src/state-digest.ts";
import { memoryStore } from "../memory-store.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import {
  makeBatch,
  openState,
  register,
  somePeer,
  stampOf,
  testWriter,
  wallMs,
} from "./fixture.ts";
import { batchOf, plansOf, someEntry } from "./hostile.ts";

const endOfTimeMs = 2 ** 48;

/** Passes what is there after `last`, about `maxBytes` of it; returns where it is then, undefined at the end. */
function pass(
  from: State,
  last: number,
  maxBytes: number,
  taken: Uint8Array[],
): number | undefined {
  const slice = from.arrivalsAfter(last, maxBytes);
  taken.push(...slice.map(({ bundle }) => bundle));
  return slice.at(-1)?.arrival;
}

function restored(bundles: readonly Uint8Array[]): State {
  const state = openState(memoryStore(), { writer: testWriter("restored") });
  for (const { refused } of state.ingestAll(bundles, somePeer, endOfTimeMs))
    expect(refused).toBe(0);
  return state;
}

test("whatever comes between the steps, of whatever class and however hostile", () => {
  const steps = fc.array(fc.nat({ max: 3 }), { minLength: 30, maxLength: 30 });
  const anyPlans = fc.oneof(
    ...([1, 2, 3, 4] as const).map((entryClass) =>
      plansOf(someEntry(entryClass, ["k", "l"]), { plansMax: 30, entriesMax: 6 }),
    ),
  );
  fc.assert(
    fc.property(anyPlans, steps, (plans, passes) => {
      const state = openState(memoryStore());
      const taken: Uint8Array[] = [];
      let last: number | undefined = 0;
      for (const [index, plan] of plans.entries()) {
        state.ingest(batchOf(plan).bundle(), somePeer, wallMs);
        for (let step = 0; step < passes[index % passes.length]!; step++) {
          last = pass(state, last ?? 0, 1, taken) ?? last;
        }
      }
      while (last !== undefined) last = pass(state, last, 1, taken);
      expect(stateDigest(restored(taken))).toEqual(stateDigest(state));
    }),
    { numRuns: 300 },
  );
});

test("keys overwritten and deleted behind and ahead of it, in batches that are pruned meanwhile", () => {
  const store = openLmdbStore(temporaryFolder());
  onTestFinished(() => store.close());
  const state = openState(store);
  const write = (round: number, keys: readonly number[]): void => {
    const entries = keys.map((key) => {
      return register(`key ${key}`, (key + round) % 5 === 0 ? undefined : `at ${round}`);
    });
    state.write([{ namespace: "default", entries }], wallMs + round);
  };
  const all = [...Array(100).keys()];
  for (let round = 0; round < 20; round++)
    write(
      round,
      all.filter((key) => key % 4 !== round % 4),
    );
  const taken: Uint8Array[] = [];
  let last: number | undefined = 0;
  for (let round = 20; round < 40; round++) {
    last = pass(state, last ?? 0, 500, taken) ?? last;
    write(
      round,
      all.filter((key) => key % 7 === round % 7),
    );
  }
  while (last !== undefined) last = pass(state, last, 500, taken);
  expect(state.summary("default").count).toBe(100);
  expect(stateDigest(restored(taken))).toEqual(stateDigest(state));
});

test("a step takes about as many bytes as it may, and one arrival at least", () => {
  const state = openState(memoryStore());
  const value = "x".repeat(1_000);
  for (let count = 0; count < 50; count++) {
    state.write([{ namespace: "default", entries: [register(`k${count}`, value)] }], wallMs);
  }
  expect(state.arrivalsAfter(0, 1)).toHaveLength(1);
  const slice = state.arrivalsAfter(0, 10_000);
  expect(slice.map(({ arrival }) => arrival)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(slice.map(({ entries }) => entries)).toEqual(slice.map(() => 1));
  expect(state.arrivalsAfter(50, 10_000)).toEqual([]);
});

test("what is ahead of the clock of the one who restores is not held back", () => {
  const ahead = makeBatch({
    writer: testWriter("alice"),
    stamp: stampOf(wallMs + 86_400_000),
    entries: [register("k", "from tomorrow")],
  });
  const state = restored([ahead.bundle()]);
  expect([state.summary("default").count, state.quarantined]).toEqual([1, 0]);
  expect(state.leadMs(wallMs)).toBe(86_400_000);
});
