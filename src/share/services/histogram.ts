/**
 * Durations in a fixed number of buckets, each 25 % wider than the one before: quantiles within that of the truth, from
 * 0.1 ms to some minutes, in 64 numbers. When many were counted all are halved, so that the figures follow the present.
 */
const buckets = 64;
const firstMs = 0.1;
const growth = 1.25;
const countMax = 20_000;

export class Histogram {
  readonly #counts = new Float64Array(buckets);
  #total = 0;

  add(ms: number): void {
    const place = Math.ceil(Math.log(Math.max(ms, firstMs) / firstMs) / Math.log(growth));
    const index = Math.min(buckets - 1, Math.max(0, place));
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#total++;
    if (this.#total >= countMax) this.#halve();
  }

  /** An upper bound of the duration that a share `q` stays below; undefined when nothing was counted. */
  quantile(q: number): number | undefined {
    if (this.#total === 0) return undefined;
    let left = this.#total * q;
    for (const [index, count] of this.#counts.entries()) {
      left -= count;
      if (left <= 0) return firstMs * growth ** index;
    }
    return firstMs * growth ** (buckets - 1);
  }

  #halve(): void {
    this.#total = 0;
    for (const [index, count] of this.#counts.entries()) {
      this.#counts[index] = count / 2;
      this.#total += count / 2;
    }
  }
}
