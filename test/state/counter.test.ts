import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toHex } from "../../src/core/codec.ts";
import {
  counterAdd,
  counterDelete,
  counterSubject,
  decodeSums,
  encodeSums,
  listCounters,
} from "../../src/protocol/state/counter.ts";
import { liveKeys, liveTypes } from "../../src/protocol/state/live-keys.ts";
import { logAppend } from "../../src/protocol/state/log.ts";
import { multiWrite } from "../../src/protocol/state/multi.ts";
import { setAdd, setKey } from "../../src/protocol/state/set.ts";
import { codedError } from "../coded-error.ts";
import { wallMs } from "./fixture.ts";
import { meet, Node, ns, text, twoNodes } from "./writing-node.ts";

describe("a counter", () => {
  test("is the sum of what all have added and taken away", () => {
    const step = fc.oneof(
      fc.tuple(fc.nat({ max: 2 }), fc.bigInt(-100n, 100n)),
      fc.tuple(fc.nat({ max: 2 }), fc.constant("meet" as const)),
    );
    const property = fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const nodes = [new Node("a"), new Node("b"), new Node("c")];
      let sum: bigint | undefined;
      for (const [index, what] of steps) {
        if (what === "meet") nodes[index]!.take(nodes[(index + 1) % 3]!);
        else {
          nodes[index]!.write(counterAdd("k", what));
          sum = (sum ?? 0n) + what;
        }
      }
      meet(...nodes);
      for (const node of nodes) expect(node.count()).toBe(sum);
    });
    fc.assert(property, { numRuns: 60 });
  });

  test("that is deleted begins again, and what was counted meanwhile is gone with it", () => {
    const [a, b] = twoNodes();
    a.write(counterAdd("k", 5n));
    meet(a, b);
    b.write(counterAdd("k", 7n));
    a.write(counterDelete("k"));
    expect(a.count()).toBeUndefined();
    a.write(counterAdd("k", 1n));
    meet(a, b);
    expect([a.count(), b.count()]).toEqual([1n, 1n]);
    b.write(counterAdd("k", 2n));
    meet(a, b);
    expect([a.count(), b.count()]).toEqual([3n, 3n]);
    a.write(counterDelete("none"), counterDelete("k"), counterDelete("k"));
    expect(a.bundles).toHaveLength(4);
    expect(listCounters(a.state, ns, { prefix: "", limit: 10 }).items).toEqual([]);
  });

  test("refuses a sum over 64 bits, and holds what it held", async () => {
    const [a, b] = twoNodes();
    a.write(counterAdd("k", 2n ** 64n - 1n));
    await codedError(() => a.write(counterAdd("k", 1n)), "OVERFLOW");
    a.write(counterAdd("k", -(2n ** 64n - 1n)));
    await codedError(() => a.write(counterAdd("k", -1n)), "OVERFLOW");
    expect(a.count()).toBe(0n);
    b.write(counterAdd("k", 2n ** 64n - 1n), counterAdd("k", 0n));
    meet(a, b);
    expect(a.count()).toBe(2n ** 64n - 1n);
  });

  test("counts each of several additions in one transaction once", () => {
    const [a] = twoNodes();
    const batches = [1n, 2n, 3n].map((by) => ({ namespace: ns, entries: [counterAdd("k", by)] }));
    a.state.write(batches, wallMs);
    expect(a.count()).toBe(6n);
    expect(a.live(counterSubject(ns, "k"))).toHaveLength(1);
  });

  test("has a body of two sums of 64 bits", () => {
    const body = encodeSums({ added: 2n ** 64n - 1n, taken: 258n });
    expect(toHex(body)).toBe("ffffffffffffffff0000000000000102");
    expect(decodeSums(body)).toEqual({ added: 2n ** 64n - 1n, taken: 258n });
    for (const wrong of [undefined, new Uint8Array(15), new Uint8Array(17)]) {
      expect(decodeSums(wrong)).toBeUndefined();
    }
  });
});

describe("a write", () => {
  test("that is refused leaves the others of its batch and of its transaction alone", () => {
    const [a] = twoNodes();
    a.write(counterAdd("full", 2n ** 64n - 1n));
    const [batch, next] = a.state.write(
      [
        {
          namespace: ns,
          entries: [counterAdd("k", 1n), counterAdd("full", 1n), counterAdd("l", 2n)],
        },
        { namespace: ns, entries: [counterAdd("k", 1n)] },
      ],
      wallMs,
    );
    expect([...batch!.refused].map(([place, { code }]) => [place, code])).toEqual([
      [1, "OVERFLOW"],
    ]);
    expect([batch!.entries, next!.entries]).toEqual([2, 1]);
    expect([a.count("k"), a.count("l"), a.count("full")]).toEqual([2n, 2n, 2n ** 64n - 1n]);
  });

  test("of any type is found by key and by type", () => {
    const [a] = twoNodes();
    a.write(
      counterAdd("c", 1n),
      setAdd(a.state, ns, "s", "x"),
      multiWrite(a.state, ns, "m", text("1")),
      logAppend("l", text("1")),
    );
    const types = [1, 2, 3, 4].map((entryClass) => [
      ...liveTypes(a.state.store, ns, entryClass as 1 | 2 | 3 | 4),
    ]);
    expect(types).toEqual([[], ["multi", "set"], ["counter"], ["log"]]);
    const keys = liveKeys(a.state.store, { namespace: ns, class: 2, type: "set" }, { prefix: "s" });
    expect([...keys]).toEqual([setKey("s", "x")]);
  });
});
