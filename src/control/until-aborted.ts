/** Waiting that ends with a signal, whatever the awaited thing makes of it. */

/** The promise's outcome, or the signal's reason if that comes first. The work itself is not stopped by this. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    const settled = (): void => signal.removeEventListener("abort", onAbort);
    work.then(resolve, reject).finally(settled);
  });
}

/** The same items; throws the signal's reason as soon as it aborts. */
export async function* abortable<T>(
  items: AsyncIterable<T>,
  signal: AbortSignal,
): AsyncGenerator<T, void> {
  const iterator = items[Symbol.asyncIterator]();
  let done = false;
  try {
    for (;;) {
      const result = await untilAborted(iterator.next(), signal);
      done = result.done === true;
      if (result.done === true) return;
      yield result.value;
    }
  } finally {
    // Not awaited: an iterator that ignores the signal would hold us here. What it says now concerns nobody.
    if (!done) iterator.return?.().then(undefined, () => undefined);
  }
}
