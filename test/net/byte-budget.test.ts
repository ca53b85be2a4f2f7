import { expect, test } from "vitest";
import { systemClock } from "../../src/host/clock.ts";
import { ByteBudget, type ByteRates } from "../../src/host/net/byte-budget.ts";
import { limits } from "../../src/core/limits.ts";
import { virtualClock } from "./fixture.ts";

const turn = (): Promise<unknown> => new Promise((resolve) => setImmediate(resolve));
const burst = limits.budgetBurstMs;

test("bytes keep to the rate in all and by peer, after a burst, and to a new rate at once", async () => {
  const clock = virtualClock();
  let rates: ByteRates = { all: 1_000, perPeer: 500 };
  const budget = new ByteBudget(clock, () => rates);
  const { signal } = new AbortController();
  const gone: [string, number][] = [];
  const spend = (peer: string, bytes: number): void => {
    void budget.spend(peer, bytes, signal).then(() => gone.push([peer, clock.monotonicMs()]));
  };
  // 100 bytes take a peer 200 ms and all 100 ms
  for (let index = 0; index < 5; index++) spend("a", 100);
  await turn();
  await clock.pass(10_000);
  expect(gone).toEqual([200, 400, 600, 800, 1_000].map((ms) => ["a", Math.max(0, ms - burst)]));
  gone.length = 0;
  const nowMs = clock.monotonicMs();
  for (const peer of ["a", "b", "c", "d"]) spend(peer, 100);
  await turn();
  await clock.pass(10_000);
  expect(gone.map(([, ms]) => ms - nowMs)).toEqual([0, 0, 50, 150]);
  rates = { all: undefined, perPeer: undefined };
  gone.length = 0;
  const freeMs = clock.monotonicMs();
  spend("a", 1_000_000_000);
  spend("b", 1_000_000_000);
  await turn();
  expect(gone.map(([, ms]) => ms - freeMs)).toEqual([0, 0]);
});

test("whoever waits for the budget can be called off", async () => {
  const budget = new ByteBudget(systemClock, () => ({ all: 1, perPeer: undefined }));
  const called = new AbortController();
  const waiting = budget.spend("a", 1_000, called.signal);
  called.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
});
