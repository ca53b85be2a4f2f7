/** Long work as a stream of how far it is, at most four times a second, the last with its result. */
import { limits } from "../../core/limits.ts";
import type { Clock } from "../../core/ports.ts";

/** `total` is null while it is not known. */
export type Progress<Result> = {
  readonly bytes: number;
  readonly total: number | null;
  readonly result?: Result;
};

export type Tally = { bytes: number; total: number | null };

/** Leaving the loop early aborts the work, and waits for its end. */
export async function* progressOf<Result>(
  clock: Clock,
  signal: AbortSignal,
  work: (tally: Tally, signal: AbortSignal) => Promise<Result>,
): AsyncGenerator<Progress<Result>, void> {
  const tally: Tally = { bytes: 0, total: null };
  const over = new AbortController();
  const running = work(tally, AbortSignal.any([signal, over.signal]));
  const settled = running.then(
    () => true,
    () => true,
  );
  try {
    const { filesProgressMs } = limits;
    while (!(await Promise.race([settled, clock.sleep(filesProgressMs)]))) yield { ...tally };
    yield { ...tally, result: await running };
  } finally {
    over.abort();
    await settled;
  }
}
