import { expect, test } from "vitest";
import type { Clock } from "../../src/core/ports.ts";
import { limits } from "../../src/core/limits.ts";
import { OwnCard } from "../../src/own-card.ts";
import { decodeCard, encodeCard, type MemberCard } from "../../src/protocol/membership/card.ts";

type Bench = {
  readonly own: OwnCard;
  readonly written: (MemberCard | undefined)[];
  pass(ms: number): Promise<void>;
  full: boolean;
};

function benchOf(card?: Uint8Array): Bench {
  let nowMs = 0;
  let stored = card;
  let timers: { atMs: number; run: () => void }[] = [];
  const clock: Clock = {
    wallMs: () => nowMs,
    monotonicMs: () => nowMs,
    after: (delayMs, run) => {
      const timer = { atMs: nowMs + delayMs, run };
      timers.push(timer);
      return () => void (timers = timers.filter((other) => other !== timer));
    },
    sleep: () => Promise.reject(new Error("nobody sleeps here")),
  };
  const say = (): void => undefined;
  const log = { error: say, warn: say, info: say, debug: say, trace: say, child: () => log };
  const bench: Bench = {
    written: [],
    full: false,
    own: new OwnCard({
      clock,
      log,
      read: () => stored,
      write: async (bytes) => {
        if (bench.full) throw new Error("the disk is full");
        stored = bytes;
        bench.written.push(decodeCard(bytes));
      },
    }),
    pass: async (ms) => {
      nowMs += ms;
      const due = timers.filter(({ atMs }) => atMs <= nowMs);
      timers = timers.filter(({ atMs }) => atMs > nowMs);
      for (const { run } of due) run();
      await Promise.resolve();
      await Promise.resolve();
    },
  };
  return bench;
}

const card: MemberCard = { name: "a", version: "1", left: false };
const tagged: MemberCard = { ...card, tags: { role: "worker", zone: "home" } };
const offer = (free: number, quota = 1_000) => ({ capacity: { quota, free } });

async function started(): Promise<Bench> {
  const bench = benchOf();
  await bench.own.start("a", "1", {});
  bench.written.length = 0;
  return bench;
}

test("a card that the network has already is not written again", async () => {
  const bench = benchOf(encodeCard(tagged));
  await bench.own.start("a", "1", { zone: "home", role: "worker" });
  expect(bench.written).toEqual([]);
  await bench.own.setTags({});
  expect(bench.written).toEqual([card]);
});

test("what could not be written is written later, as it is then", async () => {
  const bench = benchOf();
  bench.full = true;
  await bench.own.start("a", "1", {});
  await bench.own.setTags({ role: "worker", zone: "home" });
  bench.full = false;
  await bench.pass(10_000);
  expect(bench.written).toEqual([tagged]);
  await bench.pass(10_000);
  expect(bench.written).toHaveLength(1);
});

test("a large change of capacity is told at once, small ones once a minute, the same never", async () => {
  const bench = await started();
  const free = (): (number | undefined)[] => bench.written.map((one) => one?.capacity?.free);
  bench.own.announce(offer(900));
  bench.own.announce(offer(900));
  expect(free()).toEqual([900]);
  for (const left of [890, 880, 870]) bench.own.announce(offer(left));
  await bench.pass(limits.capacityIntervalMs - 1);
  expect(free()).toEqual([900]);
  await bench.pass(1);
  expect(free()).toEqual([900, 870]);
  bench.own.announce(offer(819));
  expect(free()).toEqual([900, 870, 819]);
  bench.own.announce(offer(815));
  bench.own.announce(offer(819)); // and back again
  await bench.pass(limits.capacityIntervalMs);
  expect(free()).toEqual([900, 870, 819]);
  bench.own.announce({ capacity: undefined });
  expect(bench.written.at(-1)).toEqual(card);
});

test("tags and capacity do not undo one another, and after it left nothing is said", async () => {
  const bench = await started();
  bench.own.announce(offer(900));
  await bench.own.setTags({ role: "worker" });
  bench.own.announce(offer(100));
  const last = { ...card, tags: { role: "worker" }, capacity: { quota: 1_000, free: 100 } };
  expect(bench.written.at(-1)).toEqual(last);
  bench.own.announce(offer(90));
  await bench.own.leave();
  expect(bench.written.at(-1)).toEqual({ ...last, left: true });
  const count = bench.written.length;
  bench.own.announce(offer(500));
  await bench.own.setTags({});
  await bench.pass(limits.capacityIntervalMs);
  expect(bench.written).toHaveLength(count);
});
