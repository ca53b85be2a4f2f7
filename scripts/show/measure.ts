/** One measured promise: what was wanted, what came out, and how it was got. */
export type Measure = {
  readonly what: string;
  /** In `unit`; the value is to be at most this. */
  readonly wanted: number;
  readonly value: number;
  readonly unit: "ms";
  /** What else was seen. */
  readonly details: Readonly<Record<string, number>>;
};

export function isMet({ value, wanted }: Measure): boolean {
  return value <= wanted;
}

/** The nearest-rank percentile of a sample that is not empty. */
export function percentile(sample: readonly number[], percent: number): number {
  const sorted = sample.toSorted((a, b) => a - b);
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
  return sorted[rank - 1] ?? Number.NaN;
}

export function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}

/** For what must hold whatever the time it took. */
export function demand(holds: boolean, what: string): void {
  if (!holds) throw new Error(`not so: ${what}`);
}
