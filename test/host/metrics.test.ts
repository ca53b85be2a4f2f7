import { expect, test } from "vitest";
import { createMetrics } from "../../src/host/metrics.ts";

test("counters add up and are read in the order of their names", () => {
  const metrics = createMetrics();
  metrics.count("b");
  metrics.count("a.x", 5);
  metrics.count("b", 2);
  expect(Object.entries(metrics.read())).toEqual([
    ["a.x", 5],
    ["b", 3],
  ]);
});

test("what was read does not change, and names of objects are names like others", () => {
  const metrics = createMetrics();
  metrics.count("__proto__");
  metrics.count("constructor");
  const before = metrics.read();
  metrics.count("constructor");
  expect(before).toEqual(
    Object.fromEntries([
      ["__proto__", 1],
      ["constructor", 1],
    ]),
  );
});

test("names beyond the limit are counted together", () => {
  const metrics = createMetrics(3);
  for (const name of ["a", "b", "c", "d", "e", "a"]) metrics.count(name);
  expect(metrics.read()).toEqual({ a: 2, b: 1, c: 1, "metrics.names_over_limit": 2 });
});
