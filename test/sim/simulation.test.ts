import { describe, expect, test } from "vitest";
import { drawPlan } from "./plan.ts";
import { shrink } from "./shrink.ts";
import { simulate } from "./simulation.ts";

const options = { nodesMax: 5 };

describe("simulated nodes under faults", () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])(
    "agree after the heal, and on what is right: seed %i",
    async (seed) => {
      const { violations, acknowledged } = await simulate(drawPlan(seed, options));
      expect(violations).toEqual([]);
      expect(acknowledged).toBeGreaterThan(0);
    },
    120_000,
  );

  test("one seed is one course of events, to the last byte", async () => {
    const hashes = new Set<string>();
    for (const seed of [11, 11, 12]) hashes.add((await simulate(drawPlan(seed, options))).hash);
    expect(hashes.size).toBe(2);
  });
});

describe("a bug that was planted", () => {
  test("is found: writes are acknowledged before they are on disk; and the plan cut down", async () => {
    const breaks = async (plan: ReturnType<typeof drawPlan>): Promise<boolean> => {
      const { violations } = await simulate(plan, { flushesEarly: true });
      return violations.some((violation) => violation.startsWith("lost"));
    };
    const plan = drawPlan(39, options);
    expect(await breaks(plan)).toBe(true);
    expect((await simulate(plan)).violations).toEqual([]);
    const small = await shrink(plan, breaks, 12);
    expect(await breaks(small)).toBe(true);
    expect(small.faults.length).toBeLessThan(plan.faults.length);
    expect(small.faults.map(({ kind }) => kind)).toContain("crash");
  }, 120_000);
});
