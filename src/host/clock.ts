/** The machine's clock behind the `Clock` port. All its timers are unref'd: waiting never keeps the process alive. */
import type { Clock } from "../core/ports.ts";

/** setTimeout fires at once for anything longer than this (about 24.8 days). */
const timerMsMax = 2 ** 31 - 1;

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after,
  sleep,
};

function after(delayMs: number, run: () => void): () => void {
  let timer: NodeJS.Timeout;
  const arm = (remainingMs: number): void => {
    const stepMs = Math.min(Math.max(0, remainingMs), timerMsMax);
    const fire = (): void => (remainingMs > stepMs ? arm(remainingMs - stepMs) : run());
    timer = setTimeout(fire, stepMs).unref();
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
