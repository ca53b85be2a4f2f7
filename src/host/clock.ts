/** The machine's clock behind the `Clock` port. Its timers are unref'd: waiting never keeps the process alive. */
import type { Clock } from "../core/ports.ts";

/** setTimeout fires at once for anything longer than this (about 24.8 days). */
const timerMsMax = 2 ** 31 - 1;

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after,
  sleep,
};

/**
 * Never early: Node cuts fractions off a delay, and its timers count in whole milliseconds, one at least. So what is due
 * at once comes with the loop's next turn, after what has arrived from the network.
 */
function after(delayMs: number, run: () => void): () => void {
  if (delayMs <= 0) {
    const next = setImmediate(run); // unref'd, it would let the loop sleep before it
    return () => clearImmediate(next);
  }
  const dueMs = performance.now() + delayMs;
  let timer: NodeJS.Timeout;
  const arm = (remainingMs: number): void => {
    timer = setTimeout(fire, Math.min(Math.ceil(remainingMs), timerMsMax)).unref();
  };
  const fire = (): void => {
    const remainingMs = dueMs - performance.now();
    if (remainingMs > 0) arm(remainingMs);
    else run();
  };
  arm(delayMs);
  return () => clearTimeout(timer);
}

function sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = after(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
