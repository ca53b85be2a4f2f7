/** A bounded queue between a callback and an asynchronous reader. */
export class Mailbox<T> {
  readonly #items: T[] = [];
  readonly #max: number;
  #wake: (() => void) | undefined;

  constructor(max: number) {
    this.#max = max;
  }

  /** False when the box is full and the item was dropped. */
  put(item: T): boolean {
    const fits = this.#items.length < this.#max;
    if (fits) this.#items.push(item);
    this.#wake?.();
    return fits;
  }

  /** The next item, as soon as there is one; rejects with the signal's reason. One reader at a time. */
  async take(signal: AbortSignal): Promise<T> {
    for (;;) {
      signal.throwIfAborted();
      const item = this.#items.shift();
      if (item !== undefined) return item;
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = (): void => resolve();
      this.#wake = wake;
      signal.addEventListener("abort", wake, { once: true });
      await promise;
      signal.removeEventListener("abort", wake);
    }
  }
}
