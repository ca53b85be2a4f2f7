/** Counters in memory, a bounded number of them. */
import { limits } from "../core/limits.ts";
import type { Metrics } from "../core/ports.ts";

/** What is counted under names beyond the limit; above zero it means that names are made from data. */
const overflow = "metrics.names_over_limit";

export function createMetrics(namesMax: number = limits.metricNamesMax): Metrics {
  const counters = new Map<string, number>();
  return {
    count(name, by = 1) {
      const known = counters.has(name) || counters.size < namesMax;
      const counter = known ? name : overflow;
      counters.set(counter, (counters.get(counter) ?? 0) + by);
    },
    read: () => Object.fromEntries([...counters].toSorted(([a], [b]) => (a < b ? -1 : 1))),
  };
}
