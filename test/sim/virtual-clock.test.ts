import { describe, expect, test } from "vitest";
import { Prng } from "./prng.ts";
import { ProcessClock, VirtualTime } from "./virtual-clock.ts";

function timeOf(seed: number): VirtualTime {
  return new VirtualTime(new Prng(seed));
}

async function hops(count: number): Promise<void> {
  for (let hop = 0; hop < count; hop++) await Promise.resolve();
}

describe("virtual time", () => {
  test("runs events in the order of their times, and stands at the end", async () => {
    const time = timeOf(1);
    const seen: string[] = [];
    for (const atMs of [30, 10, 20, 10.5, 99]) {
      time.at(atMs, () => seen.push(`${atMs} at ${time.nowMs}`));
    }
    time.at(15, () => time.after(1, () => seen.push("inner")));
    time.at(12, () => seen.push("cancelled"))();
    await time.runUntil(50);
    expect(seen).toEqual(["10 at 10", "10.5 at 10.5", "inner", "20 at 20", "30 at 30"]);
    expect(time.nowMs).toBe(50);
  });

  test("runs promises to their end between two events of one time", async () => {
    const time = timeOf(2);
    const seen: string[] = [];
    for (const name of ["a", "b", "c"]) {
      time.at(5, () => {
        seen.push(name);
        void hops(1_000).then(() => seen.push(name));
      });
    }
    await time.runUntil(5);
    const [first, , third, , fifth] = seen;
    expect(seen).toEqual([first, first, third, third, fifth, fifth]);
  });

  test("breaks ties by the seed: each alike every time, and not all alike", async () => {
    const orderOf = async (seed: number): Promise<string> => {
      const time = timeOf(seed);
      let order = "";
      for (const name of "abcdef") time.at(1, () => (order += name));
      await time.runUntil(1);
      return order;
    };
    const orders = await Promise.all([1, 2, 3, 4].map(orderOf));
    expect(await Promise.all([1, 2, 3, 4].map(orderOf))).toEqual(orders);
    expect(new Set(orders).size).toBeGreaterThan(1);
  });
});

describe("the clocks of a process", () => {
  test("timers wait while it is stopped, and none outlives it", async () => {
    const time = timeOf(3);
    const clock = new ProcessClock(time, () => 1_000 + time.nowMs);
    const seen: number[] = [];
    for (const atMs of [10, 20, 40]) clock.after(atMs, () => seen.push(time.nowMs));
    clock.after(15, () => seen.push(-1))();
    time.at(5, () => clock.pause());
    time.at(30, () => clock.resume());
    time.at(35, () => clock.end());
    await time.runUntil(100);
    expect(seen).toEqual([30, 30]);
    expect(clock.pending).toBe(0);
    expect([clock.wallMs(), clock.monotonicMs()]).toEqual([1_100, 100]);
  });
});

test("the generator repeats itself from its seed, and is even", () => {
  const prng = new Prng(0);
  const again = new Prng(0);
  const numbers = Array.from({ length: 1_000 }, () => prng.u32());
  expect(Array.from({ length: 1_000 }, () => again.u32())).toEqual(numbers);
  expect(new Set(numbers).size).toBe(1_000);
  const mean = numbers.reduce((sum, one) => sum + one / 2 ** 32, 0) / 1_000;
  expect(mean).toBeGreaterThan(0.45);
  expect(mean).toBeLessThan(0.55);
  expect(prng.fork("a").u32()).not.toBe(prng.fork("b").u32());
});
