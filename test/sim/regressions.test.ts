/**
 * Plans that found a bug once, cut down by the simulator, with the bug they found. To add one: paste the line that
 * `npm run sim` prints for a seed that breaks.
 */
import { expect, test } from "vitest";
import type { Plan } from "./plan.ts";
import { simulate } from "./simulation.ts";

type Regression = { readonly bug: string; readonly plan: Plan };

const regressions: readonly Regression[] = [
  {
    bug: "a member whose first table was lost with an old connection stayed failed while it answered every probe",
    plan: {
      seed: 47,
      nodes: 3,
      delayMs: 10,
      connectionsWanted: 2,
      newer: [],
      healMs: 14256,
      operations: [],
      faults: [
        { atMs: 6317, forMs: 3887, kind: "pause", node: 1 },
        {
          atMs: 6620,
          forMs: 8081,
          kind: "link",
          pairs: [
            [0, 1],
            [0, 2],
            [1, 0],
            [1, 2],
            [2, 0],
            [2, 1],
          ],
          delayMs: 2000,
          jitterMs: 0,
          resets: 0,
          drops: 0,
          duplicates: 0,
        },
        { atMs: 13930, forMs: 551, kind: "crash", node: 2, how: "power cut" },
      ],
    },
  },
];

test.each(regressions)("$bug", async ({ plan }) => {
  const { violations } = await simulate(plan);
  expect(violations).toEqual([]);
});
