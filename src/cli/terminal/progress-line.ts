/** One line on stderr that rewrites itself, on terminals only and at most ten times a second. */
const intervalMs = 100;

export class ProgressLine {
  readonly #stream: NodeJS.WriteStream;
  #shownAt = -Infinity;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  show(text: () => string): void {
    if (this.#stream.isTTY !== true) return;
    const now = performance.now();
    if (now - this.#shownAt < intervalMs) return;
    this.#shownAt = now;
    this.#stream.write(`\r${text()}\u001b[K`);
  }

  clear(): void {
    if (this.#shownAt > -Infinity) this.#stream.write("\r\u001b[K");
  }
}
