import { expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import { Redial, type RedialParts } from "../../src/host/net/redial.ts";
import { virtualClock } from "./fixture.ts";

/** A `Redial` in a world where nobody answers but those in `alive`, with what it dialled. */
function lonely(changes: Partial<RedialParts> = {}) {
  const clock = virtualClock();
  const world = {
    clock,
    up: new Set<string>(),
    alive: new Set<string>(),
    blocked: new Set<string>(),
    dialled: [] as string[],
  };
  const dial = async (target: string): Promise<void> => {
    world.dialled.push(target);
    if (!world.alive.has(target)) throw new Error("nobody there");
    world.up.add(target);
    redial.up(target);
  };
  const redial: Redial = new Redial({
    clock,
    random: { bytes: () => new Uint8Array(0), float: () => 0.5 },
    self: "me",
    connectionsWanted: 20,
    connectionsMax: 100,
    connected: () => world.up.size,
    isUp: (peer) => world.up.has(peer),
    isBlocked: (peer) => world.blocked.has(peer),
    ipsOf: (peer) => [peer.split("@")[1] ?? "10.0.0.1"],
    isMet: () => false,
    dialPeer: dial,
    dialMeeting: undefined,
    ...changes,
  });
  return { redial, ...world };
}

const peers = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `peer${index}`);
const take = (dialled: string[]): string[] => dialled.splice(0);

test("a lost peer is tried within a second, each 2 s for ten minutes, then each 5 minutes for ever", async () => {
  const { redial, clock, dialled, up } = lonely();
  up.add("friend");
  redial.start();
  redial.lost("peer");
  await clock.pass(1_000);
  expect(take(dialled).length).toBeGreaterThanOrEqual(1);
  await clock.pass(60_000);
  const soon = take(dialled).length;
  expect(soon).toBeGreaterThanOrEqual(60_000 / limits.redialBackoffSoonMs);
  expect(soon).toBeLessThan(60);
  await clock.pass(limits.redialSoonForMs);
  take(dialled);
  await clock.pass(24 * 3_600_000);
  expect(take(dialled).length).toBeGreaterThanOrEqual(24 * 12);
  await clock.pass(24 * 3_600_000);
  expect(take(dialled).length).toBeGreaterThanOrEqual(24 * 12);
});

test("a thousand dead peers share a rate, and each is tried within a minute", async () => {
  const { redial, clock, dialled } = lonely();
  for (const peer of peers(1_000)) redial.know(peer);
  redial.start();
  await clock.pass(60_000);
  const tried = take(dialled);
  expect(new Set(tried).size).toBe(1_000);
  expect(tried.length).toBeLessThanOrEqual(
    limits.redialsBurstMax + 60 * limits.redialsPerSecondMax,
  );
});

test("known peers are dialled only while connections are wanted, lost ones always", async () => {
  const { redial, clock, dialled, up } = lonely();
  for (const peer of peers(20)) up.add(`up ${peer}`);
  redial.know("known");
  redial.start();
  redial.lost("lost");
  await clock.pass(60_000);
  expect(new Set(take(dialled))).toEqual(new Set(["lost"]));
  up.delete("up peer0");
  await clock.pass(3_000);
  expect(take(dialled)).toContain("known");
});

test("a blocked peer is not dialled until it is unblocked, and then at once", async () => {
  const { redial, clock, dialled, blocked, alive, up } = lonely();
  redial.start();
  blocked.add("peer");
  redial.lost("peer");
  await clock.pass(30_000);
  expect(dialled).toEqual([]);
  blocked.delete("peer");
  alive.add("peer");
  redial.hurry(["peer"]);
  await clock.pass(500);
  expect([...up]).toEqual(["peer"]);
  await clock.pass(60_000);
  expect(dialled).toEqual(["peer"]);
});

test("of two that lost one another, the one with the smaller id dials first", async () => {
  const firstDialMs = async (self: string): Promise<number> => {
    const { redial, clock, dialled } = lonely({ self });
    redial.start();
    redial.lost("m");
    const startedAt = clock.monotonicMs();
    while (dialled.length === 0) await clock.pass(10);
    return clock.monotonicMs() - startedAt;
  };
  expect(await firstDialMs("a")).toBeLessThan((await firstDialMs("z")) - 200);
});

test("the meeting port of an IP is tried once for all its peers, until somebody is met there", async () => {
  const met = new Set<string>();
  const meetings: string[] = [];
  const { redial, clock } = lonely({
    isMet: (ip) => met.has(ip),
    dialMeeting: async (ip) => {
      meetings.push(ip);
      if (meetings.length < 3) throw new Error("nobody there");
      met.add(ip);
    },
  });
  for (const peer of peers(30)) redial.know(`${peer}@10.0.0.7`);
  redial.start();
  await clock.pass(30_000);
  expect(meetings).toEqual(["10.0.0.7", "10.0.0.7", "10.0.0.7"]);
  met.clear();
  await clock.pass(5_000);
  expect(meetings.length).toBeGreaterThan(3);
});
