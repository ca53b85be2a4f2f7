/** The smallest value that so many of the sample (a share from 0 to 1) are not above; of one that is sorted. */
export function quantile(ordered: ArrayLike<number>, share: number): number {
  return ordered[Math.max(0, Math.ceil(share * ordered.length) - 1)] ?? Number.NaN;
}

export function sorted(sample: Iterable<number>): Float64Array {
  return Float64Array.from(sample).toSorted();
}

export function median(sample: Iterable<number>): number {
  return quantile(sorted(sample), 0.5);
}

export function mean(sample: readonly number[]): number {
  return sample.reduce((sum, value) => sum + value, 0) / sample.length;
}
