/** Waiting for a condition, with a deadline. */
import { setTimeout as sleep } from "node:timers/promises";

export type WaitOptions = {
  readonly timeoutMs: number;
  readonly everyMs?: number;
  readonly signal?: AbortSignal | undefined;
};

/** True as soon as `holds` says so, false when it does not by the deadline; rejects with the signal's reason. */
export async function waitUntil(
  holds: () => boolean | Promise<boolean>,
  { timeoutMs, everyMs = 25, signal }: WaitOptions,
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    if (await holds()) return true;
    if (performance.now() >= deadline) return false;
    await sleep(everyMs);
  }
}
