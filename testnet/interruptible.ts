/** Work that cleans up after itself when it is interrupted. */
import { constants } from "node:os";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * The first signal aborts the work and gives the exit code of a process that died of it; a second one ends us at
 * once, as if we had never listened.
 */
export async function interruptible(
  work: (signal: AbortSignal) => Promise<number>,
): Promise<number> {
  const interrupted = new AbortController();
  let by: (typeof signals)[number] | undefined;
  const listeners = signals.map((name) => {
    const listener = (): void => {
      by ??= name;
      interrupted.abort();
    };
    process.once(name, listener);
    return () => process.off(name, listener);
  });
  try {
    return await work(interrupted.signal);
  } catch (error) {
    if (by === undefined) throw error;
    return 128 + constants.signals[by];
  } finally {
    for (const off of listeners) off();
  }
}
