import fc from "fast-check";
import { expect, test } from "vitest";
import { parseCut } from "../../testnet/cut.ts";
import { commandText, drawFaults } from "../../testnet/draw.ts";
import { parseDirections, shapeOf } from "../../testnet/link.ts";
import type { Call } from "../../testnet/verb.ts";

const options = { seed: 7, nodes: 6, forMs: 600_000, perMinute: 30 };

test("the same seed draws the same faults, another seed others", () => {
  const lines = (seed: number): string[] =>
    drawFaults({ ...options, seed }).map(({ atMs, command }) => `${atMs} ${commandText(command)}`);
  expect(lines(7)).toEqual(lines(7));
  expect(lines(7)).not.toEqual(lines(8));
});

test("there are as many faults as the rate says, of every kind", () => {
  const drawn = drawFaults({ ...options, forMs: 60 * 60_000 });
  expect(drawn.length).toBeGreaterThan(1_650);
  expect(drawn.length).toBeLessThan(1_950);
  const verbs = new Set(drawn.map(({ command }) => command.verb));
  expect(verbs.size).toBe(7);
  expect(drawn.some(({ command: { args } }) => args[0]?.includes(">"))).toBe(true);
});

test("every fault can be done: only what is there is killed or paused, only what is not is brought back", () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 2, max: 12 }), (seed, nodes) => {
      const state = new Map<string, string>();
      for (const { command } of drawFaults({ ...options, seed, nodes })) {
        const { verb, args, options: values } = command;
        const [node = ""] = args;
        const before = state.get(node);
        if (verb === "kill" || verb === "pause") expect(before).toBeUndefined();
        if (verb === "start") expect(before).toBe("kill");
        if (verb === "resume") expect(before).toBe("pause");
        if (verb === "kill" || verb === "pause") state.set(node, verb);
        if (verb === "start" || verb === "resume") state.delete(node);
        expect(state.size).toBeLessThanOrEqual(Math.max(1, nodes / 3));
        if (verb === "partition") parseCut(args, nodes);
        if (verb === "link") {
          parseDirections(args, nodes);
          if (values["clear"] !== true) shapeOf({ values } as unknown as Call);
        }
      }
    }),
    { numRuns: 30 },
  );
});

test("a fault is printed as a shell takes it", () => {
  const text = commandText({
    verb: "link",
    args: ["0>1"],
    options: { latency: "5ms", stall: true },
  });
  expect(text).toBe("link '0>1' --latency 5ms --stall");
});
