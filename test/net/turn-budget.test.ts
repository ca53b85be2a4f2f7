import { expect, test } from "vitest";
import { TurnBudget } from "../../src/host/net/turn-budget.ts";
import { manualClock } from "./fixture.ts";

test("work beyond the budget of a turn waits for the next ones, in order and all of it", async () => {
  const turns: (() => void)[] = [];
  const clock = { ...manualClock(), sleep: () => new Promise<void>((turn) => turns.push(turn)) };
  let nowMs = 0;
  clock.monotonicMs = () => nowMs;
  const budget = new TurnBudget(clock, 10);
  const done: number[] = [];
  const piece = (index: number): void =>
    budget.run(() => {
      nowMs += 4;
      done.push(index);
    });
  const indexes = Array.from({ length: 8 }, (_, index) => index);
  const all = Promise.all(indexes.map((index) => budget.whenFree(() => piece(index))));
  const perTurn: number[] = [];
  while (perTurn.length < 10 && done.length < 8) {
    perTurn.push(done.length);
    turns.shift()?.();
    for (let tick = 0; tick < 20; tick++) await Promise.resolve();
  }
  await all;
  expect(perTurn).toEqual([3, 6]);
  expect(done).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});
