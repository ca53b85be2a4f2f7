import { describe, expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import { Balancer, type ProviderFacts } from "../../src/share/services/balancer/balancer.ts";
import { policies, type Policy } from "../../src/share/services/balancer/policy.ts";
import { Health } from "../../src/share/services/health.ts";
import { Histogram } from "../../src/share/services/histogram.ts";
import { seededRandom } from "../seeded-random.ts";

const nobody = new Set<string>();

function providers(...weights: number[]): ProviderFacts[] {
  return weights.map((weight, index) => ({ peer: `p${index}`, weight, well: true }));
}

function balancer(facts: readonly ProviderFacts[], nowMs = 0): Balancer {
  const made = new Balancer(seededRandom(7));
  made.set(facts, nowMs);
  return made;
}

/** Requests one after the other, each answered after what `ms` says; how many went to each provider. */
function spread(
  by: Balancer,
  policy: Policy,
  count: number,
  options: { ms?: (peer: string) => number; client?: (n: number) => string; nowMs?: number } = {},
): Record<string, number> {
  const counts: Record<string, number> = {};
  let nowMs = options.nowMs ?? 0;
  for (let n = 0; n < count; n++) {
    const client = options.client?.(n) ?? "client";
    const peer = by.pick({ policy, client }, nobody, nowMs)!;
    counts[peer] = (counts[peer] ?? 0) + 1;
    by.began(peer);
    by.answered(peer, { kind: "ok", ms: options.ms?.(peer) ?? 1 }, ++nowMs);
    by.ended(peer);
  }
  return counts;
}

function fail(by: Balancer, peer: string, times: number, nowMs: number): void {
  for (let n = 0; n < times; n++) {
    by.began(peer);
    by.answered(peer, { kind: "failed" }, nowMs);
    by.ended(peer);
  }
}

describe("the spread", () => {
  test("of round robin is exact, by weight", () => {
    expect(spread(balancer(providers(1, 1, 1)), "round-robin", 9_999)).toEqual({
      p0: 3_333,
      p1: 3_333,
      p2: 3_333,
    });
    expect(spread(balancer(providers(3, 1)), "round-robin", 8)).toEqual({ p0: 6, p1: 2 });
  });

  test("of least connections follows what is open, by weight", () => {
    const by = balancer(providers(2, 1));
    for (let n = 0; n < 30; n++) {
      by.began(by.pick({ policy: "least-connections", client: "" }, nobody, 0)!);
    }
    expect([by.view("p0", 0)?.open, by.view("p1", 0)?.open]).toEqual([20, 10]);
  });

  test("by latency prefers the fast, and still hears of the slow", () => {
    const ms = (peer: string): number => (peer === "p0" ? 100 : 5);
    const counts = spread(balancer(providers(1, 1, 1)), "latency", 1_000, { ms });
    expect(counts["p0"] ?? 0).toBeLessThan(50);
    expect(Math.min(counts["p1"]!, counts["p2"]!)).toBeGreaterThan(200);
  });

  test("by hash keeps a client at its provider, and moves only those whose provider goes", () => {
    const client = (n: number): string => `client ${n}`;
    const of = (by: Balancer): string[] =>
      Array.from({ length: 300 }, (_, n) => {
        return by.pick({ policy: "hash", client: client(n) }, nobody, 0)!;
      });
    const three = of(balancer(providers(1, 1, 1)));
    expect(new Set(three).size).toBe(3);
    const two = of(balancer(providers(1, 1)));
    three.forEach((peer, n) => peer === "p2" || expect(two[n]).toBe(peer));
    const heavy = of(balancer(providers(1, 4))).filter((peer) => peer === "p1").length;
    expect(heavy / 300).toBeGreaterThan(0.7);
  });
});

test.each(policies)(
  "%s passes over the unwell and the tried, but rather takes one than none",
  (policy) => {
    const choice = { policy, client: "c" };
    const [first, second, third] = providers(1, 1, 1);
    const by = balancer([{ ...first!, well: false }, second!, { ...third!, well: false }]);
    for (let n = 0; n < 20; n++) expect(by.pick(choice, nobody, 0)).toBe("p1");
    expect(by.pick(choice, new Set(["p1"]), 0)).toMatch(/p0|p2/);
    expect(by.pick(choice, new Set(["p0", "p1", "p2"]), 0)).toBeUndefined();
    expect(balancer([]).pick(choice, nobody, 0)).toBeUndefined();
  },
);

describe("a provider that fails again and again", () => {
  test("is ejected for a while, longer each time, and grows back into its share", () => {
    const by = balancer(providers(1, 1, 1));
    fail(by, "p0", limits.ejectAfterFailures, 0);
    expect(spread(by, "round-robin", 100)["p0"]).toBeUndefined();
    const backMs = limits.ejectFirstMs;
    const soon = spread(by, "round-robin", 100, { nowMs: backMs });
    expect(soon["p0"]).toBeLessThan(20);
    const later = spread(by, "round-robin", 300, { nowMs: backMs + limits.slowStartMs });
    expect(later["p0"]).toBeGreaterThan(95);
    fail(by, "p0", limits.ejectAfterFailures, 20_000);
    expect(by.view("p0", 20_000 + limits.ejectFirstMs - 1)?.ejected).toBe(true);
  });

  test("is ejected for twice as long when it failed again without a success between", () => {
    const by = balancer(providers(1, 1));
    fail(by, "p0", limits.ejectAfterFailures, 0);
    fail(by, "p0", limits.ejectAfterFailures, limits.ejectFirstMs);
    expect(by.view("p0", limits.ejectFirstMs * 3 - 1)?.ejected).toBe(true);
    expect(by.view("p0", limits.ejectFirstMs * 3)?.ejected).toBe(false);
  });

  test("is not ejected when that were more than half of them", () => {
    const by = balancer(providers(1, 1, 1));
    for (const peer of ["p0", "p1", "p2"]) fail(by, peer, limits.ejectAfterFailures, 0);
    const ejected = ["p0", "p1", "p2"].filter((peer) => by.view(peer, 1)?.ejected);
    expect(ejected).toEqual(["p0"]);
    const single = balancer(providers(1));
    fail(single, "p0", 100, 0);
    expect(single.view("p0", 1)?.ejected).toBe(false);
  });
});

test("who comes while others serve begins with a small share", () => {
  const by = balancer(providers(1, 1));
  by.set(providers(1, 1, 1), 1_000);
  expect(spread(by, "round-robin", 210, { nowMs: 1_000 })["p2"]).toBeLessThanOrEqual(15);
  const late = spread(by, "round-robin", 300, { nowMs: 1_000 + limits.slowStartMs });
  expect(late["p2"]).toBeGreaterThan(95);
});

test("what is known of a provider that went is forgotten", () => {
  const by = balancer(providers(1, 1));
  fail(by, "p1", 2, 0);
  by.set(providers(1), 0);
  by.set(providers(1, 1), 0);
  expect(by.view("p1", 0)).toMatchObject({ failures: 0, requests: 0 });
});

test("health turns at the first check, then only after several in a row", () => {
  const health = new Health();
  const says = (...well: boolean[]): boolean[] =>
    well.map((one) => (health.checked(one), health.up));
  expect(says(false)).toEqual([false]);
  expect(says(true, false, true, true)).toEqual([false, false, false, true]);
  expect(says(false, true, false, false)).toEqual([true, true, true, false]);
});

test("a histogram's quantiles are within a quarter above the truth, in bounded memory", () => {
  const histogram = new Histogram();
  expect(histogram.quantile(0.5)).toBeUndefined();
  for (let ms = 1; ms <= 1_000; ms++) histogram.add(ms);
  for (const q of [0.5, 0.9, 0.99]) {
    expect(histogram.quantile(q)! / (q * 1_000)).toBeGreaterThanOrEqual(1);
    expect(histogram.quantile(q)! / (q * 1_000)).toBeLessThan(1.26);
  }
  for (let n = 0; n < 100_000; n++) histogram.add(2);
  expect(histogram.quantile(0.99)).toBeLessThan(2.6); // the old hundreds faded
  histogram.add(Number.POSITIVE_INFINITY);
  expect(histogram.quantile(1)).toBeGreaterThan(100_000);
});
