/** What costs a peer its connection, and for how long. */
import { expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import type { Clock } from "../../src/core/ports.ts";
import { Conducts } from "../../src/driver/conduct.ts";
import { createMetrics } from "../../src/host/metrics.ts";
import { Bans } from "../../src/host/net/bans.ts";
import { manualClock, silentLog } from "../net/fixture.ts";
import { MeshNet } from "./mesh-net.ts";

const proven = { code: "BAD_FORMAT", reason: "test" } as const;
const habit = { code: "REFUSED", reason: "test" } as const;

function bench(): { clock: Clock & { pass(ms: number): void }; net: MeshNet; conducts: Conducts } {
  const clock = manualClock();
  const net = new MeshNet("self");
  const parts = { clock, net, log: silentLog, metrics: createMetrics() };
  return { clock, net, conducts: new Conducts(parts) };
}

test("a fault that the bytes prove bans at once, and longer each time", () => {
  const { net, conducts } = bench();
  const bans = Array.from({ length: 9 }, () => {
    conducts.charge("peer", proven);
    return net.banned.get("peer");
  });
  expect(bans.slice(0, 3)).toEqual([60_000, 120_000, 240_000]);
  expect(bans.at(-1)).toBe(limits.banMsMax);
});

test("what could be a mistake bans as a habit only", () => {
  const { clock, net, conducts } = bench();
  for (let strike = 1; strike < limits.strikesMax; strike++) conducts.charge("peer", habit);
  expect(net.banned.size).toBe(0);
  clock.pass(limits.strikeMs + 1);
  for (let strike = 1; strike < limits.strikesMax; strike++) conducts.charge("peer", habit);
  expect(net.banned.size).toBe(0);
  conducts.charge("peer", habit);
  expect(net.banned.size).toBe(1);
});

test("a ban ends, and of too many the first does sooner", () => {
  const clock = manualClock();
  const bans = new Bans(clock);
  bans.add("peer", 1_000);
  expect([bans.has("peer"), bans.has("other")]).toEqual([true, false]);
  clock.pass(1_000);
  expect(bans.has("peer")).toBe(false);
  for (let index = 0; index <= limits.conductPeersRemembered; index++) bans.add(`${index}`, 1_000);
  expect([bans.has("0"), bans.has("1")]).toEqual([false, true]);
});
