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
  {
    bug: "a member that had refuted a suspicion long ago did not tell whoever missed that and went on accusing it",
    plan: {
      seed: 3578,
      nodes: 3,
      delayMs: 0.2,
      connectionsWanted: 20,
      newer: [0],
      healMs: 39586,
      returnsLate: true,
      operations: [
        { atMs: 9979, node: 1, kind: "large", key: 0, value: 14 },
        { atMs: 9981, node: 0, kind: "expire", key: 0, value: 15 },
        { atMs: 9981, node: 1, kind: "compact", key: 0, value: 17 },
      ],
      faults: [
        {
          atMs: 2848,
          forMs: 41304,
          kind: "link",
          pairs: [
            [0, 1],
            [0, 2],
            [1, 0],
            [1, 2],
            [2, 0],
            [2, 1],
          ],
          delayMs: 400,
          jitterMs: 0,
          resets: 0.0004081615898758173,
          drops: 0.1863904481753707,
          duplicates: 0,
        },
        {
          atMs: 7209,
          forMs: 2235,
          kind: "link",
          pairs: [[1, 0]],
          delayMs: 2000,
          jitterMs: 0,
          resets: 0,
          drops: 0,
          duplicates: 0,
        },
      ],
    },
  },
  {
    bug: "the simulator set the clocks back behind a write, when of two faults of one clock the one that held it ended first",
    plan: {
      seed: 5337,
      nodes: 2,
      delayMs: 10,
      connectionsWanted: 2,
      newer: [],
      healMs: 8525,
      returnsLate: false,
      operations: [{ atMs: 8378, node: 0, kind: "append", key: 3, value: 0 }],
      faults: [
        { atMs: 4940, forMs: 2716, kind: "clock", node: 0, byMs: -3600000 },
        { atMs: 6186, forMs: 2704, kind: "clock", node: 0, byMs: 3600000 },
      ],
    },
  },
  {
    bug: "a request that wrote nothing was taken for the acknowledgement of a write lost with the power, of the same stamp",
    plan: {
      seed: 3782,
      nodes: 5,
      delayMs: 0.2,
      connectionsWanted: 20,
      newer: [2],
      healMs: 20530,
      returnsLate: false,
      operations: [
        { atMs: 7431, node: 0, kind: "future", key: 0, value: 1 },
        { atMs: 9132, node: 0, kind: "large", key: 1, value: 9 },
        { atMs: 18204, node: 0, kind: "remove", key: 0, value: 7 },
      ],
      faults: [
        { atMs: 6015, forMs: 2495, kind: "attack", attack: "future", target: 4 },
        { atMs: 9136.605949386954, forMs: 1000, kind: "crash", node: 0, how: "power cut" },
      ],
    },
  },
  {
    bug: "a dial of the simulator over links that were slow thrice over outlived its process",
    plan: {
      seed: 3600,
      nodes: 3,
      delayMs: 40,
      connectionsWanted: 2,
      newer: [],
      healMs: 18588,
      returnsLate: false,
      operations: [],
      faults: [
        {
          atMs: 8094.408173432574,
          forMs: 8000,
          kind: "cut",
          shape: "alone",
          pairs: [
            [0, 1],
            [0, 2],
            [1, 0],
            [2, 0],
          ],
        },
        {
          atMs: 9868,
          forMs: 10171,
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
          jitterMs: 20,
          resets: 0.00319919821806252,
          drops: 0,
          duplicates: 0,
        },
        {
          atMs: 14320,
          forMs: 3777,
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
          jitterMs: 500,
          resets: 0.010006133960559964,
          drops: 0.2742863340303302,
          duplicates: 0,
        },
      ],
    },
  },
];

test.each(regressions)("$bug", async ({ plan }) => {
  const { violations } = await simulate(plan);
  expect(violations).toEqual([]);
});
