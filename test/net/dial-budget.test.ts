import { expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import { createMetrics } from "../../src/host/metrics.ts";
import { backOffMs } from "../../src/host/net/back-off.ts";
import { DialBudget } from "../../src/host/net/dial-budget.ts";
import { manualClock } from "./fixture.ts";

const address = (index: number): string =>
  `/ip4/10.0.${Math.floor(index / 250)}.${index % 250}/tcp/4001`;
const addresses = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, index) => address(from + index));

const budgetOf = (
  clock = manualClock(),
  metrics = createMetrics(),
  isEnough = () => false,
): DialBudget => new DialBudget({ clock, metrics, isEnough });

test("addresses that others told of are dialled at a rate, however many records are forged", () => {
  const clock = manualClock();
  const metrics = createMetrics();
  const budget = budgetOf(clock, metrics);
  const allowed = addresses(3_000).filter((each) => budget.allows(each));
  expect(allowed).toHaveLength(limits.unprovenDialsBurstMax);
  expect(metrics.read()["net.dials_over_budget"]).toBe(3_000 - limits.unprovenDialsBurstMax);
  clock.pass(10_000);
  const later = addresses(3_000, 3_000).filter((each) => budget.allows(each));
  expect(later).toHaveLength(10 * limits.unprovenDialsPerSecondMax);
});

test("the retries of one dial cost one token, and what was permitted costs none", () => {
  const budget = budgetOf();
  for (let turn = 0; turn < 1_000; turn++) expect(budget.allows(address(0))).toBe(true);
  for (const each of addresses(1_000)) budget.permit(each);
  expect(addresses(1_000).every((each) => budget.allows(each))).toBe(true);
  expect(budget.allows(address(2_000))).toBe(true);
});

test("with enough connections, addresses that others told of are dialled for our own look-ups only", () => {
  let isEnough = true;
  const metrics = createMetrics();
  const budget = budgetOf(manualClock(), metrics, () => isEnough);
  expect(budget.allows(address(0))).toBe(false);
  expect(metrics.read()["net.dials_unwanted"]).toBe(1);
  budget.permit(address(1));
  expect(budget.allows(address(1))).toBe(true);
  const [first, second] = [budget.lookup(), budget.lookup()];
  expect(budget.allows(address(2))).toBe(true);
  first();
  expect(budget.allows(address(3))).toBe(true);
  second();
  expect(budget.allows(address(4))).toBe(false);
  isEnough = false;
  expect(budget.allows(address(4))).toBe(true);
});

test("mDNS has a budget of its own", () => {
  const budget = budgetOf();
  const allowed = addresses(1_000).filter((each) => budget.permitMdns(each));
  expect(allowed).toHaveLength(limits.mdnsDialsBurstMax);
  expect(budget.allows(address(2_000))).toBe(true);
});

test("the back-off doubles to 2 s for ten minutes, then to minutes, and stays short while alone", () => {
  const random = { bytes: () => new Uint8Array(0), float: () => 1 };
  const after = (failures: number, lostForMs: number, alone = false): number =>
    backOffMs({ failures, lostForMs, alone }, random);
  expect([0, 1, 2, 3, 4, 400].map((failures) => after(failures, 1_000))).toEqual([
    200, 400, 800, 1_600, 2_000, 2_000,
  ]);
  expect(after(400, limits.redialSoonForMs)).toBe(limits.redialBackoffLateMs);
  expect(after(400, limits.redialSoonForMs, true)).toBe(limits.redialBackoffAloneMs);
  expect(
    backOffMs({ failures: 9, lostForMs: 0, alone: false }, { ...random, float: () => 0 }),
  ).toBe(1_000);
});
