/** One measured promise: what was wanted, what came out, and how it was got. */
export type Measure = {
  readonly what: string;
  /** In `unit`; the value is to be at most this. */
  readonly wanted: number;
  readonly value: number;
  readonly unit: "ms" | "MiB" | "times" | "files" | "faults";
  /** What else was seen. */
  readonly details: Readonly<Record<string, number>>;
};

export function isMet({ value, wanted }: Measure): boolean {
  return value <= wanted;
}

/** Two lines: the verdict with the figure, and what else was seen. */
export function textOf(measure: Measure): string {
  const { what, wanted, value, unit, details } = measure;
  const facts = Object.entries(details).map(([name, number]) => `${name} ${number}`);
  const verdict = isMet(measure) ? "met   " : "MISSED";
  return `${verdict}  ${`${value} ${unit}`.padStart(11)}  (at most ${wanted})  ${what}\n${" ".repeat(21)}${facts.join(", ")}`;
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
