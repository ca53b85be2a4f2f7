/** So many tasks at once, shared by all who give it tasks. */
export class TaskPool {
  readonly #max: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  /** Resolves with the promise of the task once it has begun. */
  async start<T>(task: () => Promise<T>): Promise<{ readonly done: Promise<T> }> {
    if (this.#running >= this.#max) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
    this.#running++;
    const done = task().finally(() => {
      this.#running--;
      this.#waiting.shift()?.();
    });
    done.catch(() => undefined); // whoever awaits it hears of it
    return { done };
  }
}
