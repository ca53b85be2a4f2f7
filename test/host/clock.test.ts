import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { systemClock } from "../../src/host/clock.ts";
import { systemRandom } from "../../src/host/random.ts";
import { startChild } from "../start-child.ts";

describe("waiting", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("runs once after the delay, and not when it was cancelled", () => {
    const run = vi.fn<() => void>();
    const cancelled = vi.fn<() => void>();
    systemClock.after(100, run);
    systemClock.after(100, cancelled)();
    vi.advanceTimersByTime(99);
    expect(run).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1_000);
    expect(run).toHaveBeenCalledTimes(1);
    expect(cancelled).not.toHaveBeenCalled();
  });

  test("is never early, whatever the fraction of the delay", () => {
    const run = vi.fn<() => void>();
    systemClock.after(10.7, run);
    vi.advanceTimersByTime(10);
    expect(run).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(run).toHaveBeenCalledTimes(1);
  });

  test("can be longer than a timer of the runtime, and is cancelled in its second part too", () => {
    const run = vi.fn<() => void>();
    const cancelled = vi.fn<() => void>();
    const delayMs = 2 ** 31 + 5_000;
    systemClock.after(delayMs, run);
    const cancel = systemClock.after(delayMs, cancelled);
    vi.advanceTimersByTime(delayMs - 1);
    expect(run).not.toHaveBeenCalled();
    cancel();
    vi.advanceTimersByTime(1);
    expect(run).toHaveBeenCalledTimes(1);
    expect(cancelled).not.toHaveBeenCalled();
  });

  test("ends with the signal's reason, before or during the sleep, and leaves no timer", async () => {
    const reason = new Error("enough");
    await expect(systemClock.sleep(100, AbortSignal.abort(reason))).rejects.toBe(reason);
    const controller = new AbortController();
    const sleeping = systemClock.sleep(100, controller.signal);
    controller.abort(reason);
    await expect(sleeping).rejects.toBe(reason);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("leaves no listener on a signal that outlives it", async () => {
    const { signal } = new AbortController();
    const remove = vi.spyOn(signal, "removeEventListener");
    const sleeping = systemClock.sleep(100, signal);
    vi.advanceTimersByTime(100);
    await sleeping;
    expect(remove).toHaveBeenCalledTimes(1);
  });
});

test("a pending timer does not keep the process alive", async () => {
  const child = startChild("host/clock-child.ts", []);
  expect(await child.exited).toBe(0);
});

test("monotonic time is not wall time", () => {
  expect(Math.abs(systemClock.wallMs() - Date.now())).toBeLessThan(1_000);
  const first = systemClock.monotonicMs();
  expect(systemClock.monotonicMs()).toBeGreaterThanOrEqual(first);
});

test("random bytes have the length asked for and differ; floats are in [0, 1)", () => {
  expect(systemRandom.bytes(32)).toHaveLength(32);
  expect(systemRandom.bytes(32)).not.toEqual(systemRandom.bytes(32));
  for (let draw = 0; draw < 100; draw++) {
    const float = systemRandom.float();
    expect(float >= 0 && float < 1).toBe(true);
  }
});
