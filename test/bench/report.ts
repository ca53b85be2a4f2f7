/** Figures of one benchmark: medians of runs, with what was wanted and what a plain program reached beside it. */
export type Figure = {
  readonly what: string;
  readonly unit: string;
  /** One for each run. */
  readonly values: readonly number[];
  /** At most, or at least, this. */
  readonly wanted?: { readonly atMost: number } | { readonly atLeast: number };
};

export type Benchmark = {
  readonly name: string;
  readonly about: string;
  /** Runs it so many times; `say` tells what it is at. */
  run(runs: number, say: (what: string) => void): Promise<readonly Figure[]>;
};

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

export function verdict({ wanted, values }: Figure): "met" | "MISSED" | "" {
  if (wanted === undefined) return "";
  const value = median(values);
  const isMet = "atMost" in wanted ? value <= wanted.atMost : value >= wanted.atLeast;
  return isMet ? "met" : "MISSED";
}

export function number(value: number): string {
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(3)));
}

export function lineOf(figure: Figure): string {
  const { what, unit, values, wanted } = figure;
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const spread =
    values.length > 1 ? ` [${number(low)} to ${number(high)}, n=${values.length}]` : "";
  const asked =
    wanted === undefined
      ? ""
      : "atMost" in wanted
        ? `at most ${number(wanted.atMost)}`
        : `at least ${number(wanted.atLeast)}`;
  const value = `${number(median(values))} ${unit}`.padStart(20);
  return `  ${verdict(figure).padEnd(6)} ${value}  ${what}${spread}${asked === "" ? "" : `, wanted ${asked}`}`;
}
