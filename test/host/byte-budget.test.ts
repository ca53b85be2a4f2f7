import { expect, test } from "vitest";
import type { Clock } from "../../src/core/ports.ts";
import { systemClock } from "../../src/host/clock.ts";
import { ByteBudget } from "../../src/host/net/byte-budget.ts";

test("bytes pass at the rate, whoever takes them, and at a new one as soon as it changes", async () => {
  let nowMs = 0;
  const clock: Clock = {
    ...systemClock,
    monotonicMs: () => nowMs,
    sleep: async (delayMs) => void (nowMs += delayMs),
  };
  let perSecond = 1_000_000;
  const budget = new ByteBudget(clock, () => perSecond);
  for (let count = 0; count < 300; count++) await budget.take(100_000);
  expect(nowMs).toBeGreaterThanOrEqual(29_800);
  expect(nowMs).toBeLessThanOrEqual(30_000);
  perSecond = 0;
  await budget.take(1e12);
  expect(nowMs).toBeLessThanOrEqual(30_000);
});
