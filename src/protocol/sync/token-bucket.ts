/** So many at once, and one more every so often. */
export class TokenBucket {
  readonly #capacity: number;
  readonly #refillMs: number;
  #tokens: number;
  #sinceMs = 0;

  constructor(capacity: number, refillMs: number) {
    this.#capacity = capacity;
    this.#refillMs = refillMs;
    this.#tokens = capacity;
  }

  has(nowMs: number): boolean {
    this.#refill(nowMs);
    return this.#tokens > 0;
  }

  take(nowMs: number): void {
    this.#refill(nowMs);
    this.#tokens--;
  }

  /** When there is one more. */
  get nextMs(): number {
    return this.#sinceMs + this.#refillMs;
  }

  #refill(nowMs: number): void {
    const come = Math.floor((nowMs - this.#sinceMs) / this.#refillMs);
    this.#tokens = Math.min(this.#capacity, this.#tokens + come);
    this.#sinceMs += come * this.#refillMs;
  }
}
