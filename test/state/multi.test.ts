import { describe, expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import { classes, type Entry } from "../../src/protocol/state/entry.ts";
import { getMulti, listMulti, multiSubject, multiWrite } from "../../src/protocol/state/multi.ts";
import { makeBatch, somePeer, stampOf, testWriter, wallMs } from "./fixture.ts";
import { meet, Node, ns, text, twoNodes } from "./writing-node.ts";

describe("a multi-value key", () => {
  test("keeps what was written apart, until somebody who has seen it all writes", () => {
    const [a, b] = twoNodes();
    a.write(multiWrite(a.state, ns, "k", text("a")));
    b.write(multiWrite(b.state, ns, "k", text("b")));
    meet(a, b);
    expect(a.multi().toSorted()).toEqual(["a", "b"]);
    expect(b.multi()).toEqual(a.multi());
    b.write(multiWrite(b.state, ns, "k", text("both")));
    meet(a, b);
    expect([a.multi(), b.multi()]).toEqual([["both"], ["both"]]);
    expect(a.live(multiSubject(ns, "k"))).toHaveLength(1);
  });

  test.each([
    ["b", "c"],
    ["c", "b"],
  ])(
    "is one value again after a write that saw %s and %s, which had seen different things",
    (early, late) => {
      const [a, first, second, last] = ["a", early, late, "d"].map((name) => new Node(name));
      const write = (node: Node | undefined, value: string): void =>
        node!.write(multiWrite(node!.state, ns, "k", text(value)));
      write(a, "1");
      first!.take(a!);
      write(first, "after 1");
      write(a, "2");
      second!.take(a!);
      write(second, "after 2");
      last!.take(first!);
      last!.take(second!);
      expect(last!.multi()).toHaveLength(2);
      write(last, "one");
      expect(last!.multi()).toEqual(["one"]);
      last!.take(a!);
      expect(last!.multi()).toEqual(["one"]);
    },
  );

  test("that is deleted keeps what the one who deletes had not seen", () => {
    const [a, b] = twoNodes();
    a.write(multiWrite(a.state, ns, "k", text("seen")));
    meet(a, b);
    a.write(multiWrite(a.state, ns, "k", undefined));
    b.write(multiWrite(b.state, ns, "k", text("unseen")));
    expect(a.multi()).toEqual([]);
    meet(a, b);
    expect([a.multi(), b.multi()]).toEqual([["unseen"], ["unseen"]]);
    expect(listMulti(a.state, ns, { prefix: "", limit: 10 }, wallMs).items).toHaveLength(1);
  });

  test("writes nothing to delete what is not there", () => {
    const [a] = twoNodes();
    a.write(multiWrite(a.state, ns, "k", undefined));
    expect(a.bundles).toEqual([]);
    a.write(multiWrite(a.state, ns, "k", text("1")));
    a.write(multiWrite(a.state, ns, "k", undefined));
    a.write(multiWrite(a.state, ns, "k", undefined));
    expect(a.bundles).toHaveLength(2);
  });

  test("opens an epoch when more writers than a context holds have written it", () => {
    const here = new Node("here");
    const ingest = (index: number): void => {
      const entry = { class: classes.context, type: "multi", key: "k", body: Uint8Array.of(1, 65) };
      const writer = testWriter(`writer ${index}`);
      const stamp = stampOf(wallMs - 1_000, index);
      here.state.ingest(makeBatch({ writer, stamp, entries: [entry] }).bundle(), somePeer, wallMs);
    };
    const write = (value: string): Entry => {
      here.write(multiWrite(here.state, ns, "k", text(value)));
      expect(here.multi()).toEqual([value]);
      const [entry] = here.live(multiSubject(ns, "k"));
      return entry!;
    };
    for (let index = 0; index < limits.contextWritersMax; index++) ingest(index);
    expect(getMulti(here.state, ns, "k", wallMs)?.count).toBe(limits.contextWritersMax);
    const one = write("one");
    expect([one.context?.length, one.epoch]).toEqual([limits.contextWritersMax, undefined]);
    ingest(limits.contextWritersMax);
    expect(here.multi()).toHaveLength(2);
    const two = write("two");
    expect([two.context, (two.epoch ?? 0n) > 0n]).toEqual([undefined, true]);
    const three = write("three");
    expect([three.context?.length, three.epoch]).toEqual([1, two.epoch]);
  });

  test("of very many values gives the latest, and counts all", () => {
    const here = new Node("here");
    const count = 3 * limits.multiValuesMax;
    for (let at = 0; at < count; at += 128) {
      // no honest writer puts a key twice into a batch
      const entries = Array.from({ length: 128 }, (_, index) => {
        const body = Uint8Array.of(0, (at + index) >> 8, (at + index) & 255);
        return { class: classes.context, type: "multi", key: "k", body };
      });
      const batch = makeBatch({ writer: testWriter("eve"), stamp: stampOf(wallMs, at), entries });
      here.state.ingest(batch.bundle(), somePeer, wallMs);
    }
    const found = getMulti(here.state, ns, "k", wallMs);
    expect([found?.count, found?.values.length]).toEqual([count, limits.multiValuesMax]);
    expect(Math.min(...found!.values.map(({ stamp }) => Number(stamp & 0xffffn)))).toBe(
      count - 256,
    );
  });
});
