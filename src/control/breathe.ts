/** Lets the event loop run in the midst of long work, so that no stream holds up the rest of the daemon. */
import type { Clock } from "../core/ports.ts";

/** Returns a function to await between pieces of work; it yields to the loop once a turn has lasted `turnMs`. */
export function createBreather(clock: Clock, turnMs = 8): () => Promise<void> {
  let since = clock.monotonicMs();
  return async () => {
    if (clock.monotonicMs() - since < turnMs) return;
    await clock.sleep(0);
    since = clock.monotonicMs();
  };
}
