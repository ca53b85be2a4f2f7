import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../src/core/codec.ts";
import { limits } from "../../src/core/limits.ts";
import { counterAdd } from "../../src/protocol/state/counter.ts";
import type { Entry } from "../../src/protocol/state/entry.ts";
import { logAppend } from "../../src/protocol/state/log.ts";
import { logCompact } from "../../src/protocol/state/log-compaction.ts";
import { multiWrite } from "../../src/protocol/state/multi.ts";
import { setAdd, setRemove } from "../../src/protocol/state/set.ts";
import type { Write } from "../../src/protocol/state/intent.ts";
import { makeBatch, register, stampOf, testWriter, wallMs } from "./fixture.ts";
import { ForkingNode, ns, settle } from "./forking-node.ts";

const text = (value: string) => ({ kind: "text" as const, bytes: encodeUtf8(value) });
const add = (node: ForkingNode, element: string): Write => setAdd(node.state, ns, "s", element);
const put = (node: ForkingNode, value: string): Write =>
  multiWrite(node.state, ns, "m", text(value));
const item = (value: string): Write => logAppend("l", text(value));

describe("no nonce is minted", () => {
  test("when peers send the node's own headers again, live or long dead", () => {
    const node = new ForkingNode("a");
    for (let ms = 0; ms < 20; ms++) node.write(ms, register("k", `${ms}`), counterAdd("c", 1n));
    const { writer } = node;
    node.take(...node.wrote, ...node.wrote);
    const again = new ForkingNode("a", node.store);
    again.take(...node.wrote);
    again.write(30, register("k", "x"));
    again.take(...node.wrote, ...again.wrote);
    expect([again.writer, node.closed, again.closed]).toEqual([writer, [], []]);
    expect(again.state.dutiesDue()).toBe("never");
  });

  test("when the process dies between flush and publish, and the batch comes back from others", () => {
    const node = new ForkingNode("a");
    node.write(0, register("k", "1"));
    const again = new ForkingNode("a", node.store);
    const peer = new ForkingNode("b");
    peer.take(...again.gives());
    again.write(1, register("l", "2"));
    settle(again, peer);
    expect([again.writer, again.closed]).toEqual([node.writer, []]);
    expect(peer.registers()).toEqual({ k: "1", l: "2" });
  });

  test("when the clock stepped back", () => {
    const [node, peer] = [new ForkingNode("a"), new ForkingNode("b")];
    node.write(50_000, register("k", "1"));
    settle(node, peer);
    const again = new ForkingNode("a", node.store);
    again.write(0, register("k", "2"));
    settle(again, peer);
    expect([again.writer, again.closed]).toEqual([node.writer, []]);
    expect(peer.registers()).toEqual({ k: "2" });
  });

  test("when others claim to have seen more of the writer than it wrote", () => {
    const node = new ForkingNode("a");
    node.write(0, put(node, "mine"));
    const context = [{ writer: node.state.writer, stamp: stampOf(wallMs + 5) }];
    const entry = { class: 2, type: "multi", key: "m", body: Uint8Array.of(1, 120), context };
    const stamp = stampOf(wallMs + 10);
    node.take(makeBatch({ writer: testWriter("b"), stamp, entries: [entry as Entry] }).bundle());
    expect([node.multi(), node.closed, node.state.dutiesDue()]).toEqual([["x"], [], "never"]);
  });
});

describe("a store copied elsewhere", () => {
  test("and running twice is two writers, and no fork", () => {
    const [here, judge] = [new ForkingNode("a"), new ForkingNode("b")];
    here.write(0, register("before", "1"), counterAdd("c", 1n));
    const there = new ForkingNode("a", here.copy(), "there");
    here.write(1, register("here", "1"), counterAdd("c", 10n));
    there.write(1, register("there", "1"), counterAdd("c", 100n));
    settle(here, there, judge);
    for (const node of [here, there, judge]) {
      expect(node.registers()).toEqual({ before: "1", here: "1", there: "1" });
      expect([node.count(), node.fork("a"), node.state.forks]).toEqual([111n, undefined, 0]);
    }
    expect(here.closed).toEqual([]);
  });
});

/** A node that wrote on after a copy of its store was made, a peer that has all of it, and the node as of the copy. */
function putBack(
  before: (node: ForkingNode) => readonly Write[],
  since: (node: ForkingNode) => readonly Write[],
): { node: ForkingNode; peer: ForkingNode; lost: ForkingNode } {
  const lost = new ForkingNode("a");
  const peer = new ForkingNode("b");
  for (const [at, write] of before(lost).entries()) lost.write(at, write);
  const copy = lost.copy();
  for (const [at, write] of since(lost).entries()) lost.write(100 + at, write);
  peer.take(...lost.gives());
  return { node: new ForkingNode("a", copy), peer, lost };
}

describe("a store put back in place from an older copy", () => {
  const all = (node: ForkingNode, name: string): Write[] => [
    register(name, "1"),
    add(node, name),
    item(name),
    counterAdd("c", 1n),
  ];

  test("takes a new nonce as soon as it meets what it wrote since", () => {
    const { node, peer, lost } = putBack(
      (at) => all(at, "before"),
      (at) => all(at, "since"),
    );
    expect(node.writer).toBe(lost.writer);
    settle(node, peer);
    expect(node.closed).toEqual([lost.writer]);
    expect(new ForkingNode("a", node.store).writer).toBe(node.writer);
    for (const [at, write] of all(node, "after").entries()) node.write(200 + at, write);
    settle(node, peer);
    for (const each of [node, peer]) {
      expect(each.registers()).toEqual({ before: "1", since: "1", after: "1" });
      expect([each.members(), each.log().length, each.count()]).toEqual([
        ["after", "before", "since"],
        3,
        3n,
      ]);
      expect([each.fork("a"), each.proofs()]).toEqual(["forked", []]);
    }
  });

  test("loses no acknowledged write when it writes before it meets anybody", () => {
    const { node, peer } = putBack(
      (at) => all(at, "before"),
      (at) => all(at, "since"),
    );
    for (const [at, write] of all(node, "after").entries()) node.write(200 + at, write);
    settle(node, peer);
    for (const each of [node, peer]) {
      expect(each.registers()).toEqual({ before: "1", since: "1", after: "1" });
      expect([each.members(), each.log(), each.count()]).toEqual([
        ["after", "before", "since"],
        ["before", "since", "after"],
        3n,
      ]);
      expect(each.fork("a")).toBe("forked");
      expect(each.proofs()).toHaveLength(1);
      expect(each.state.forks).toBeGreaterThan(0);
    }
    const third = new ForkingNode("c");
    settle(third, peer, node);
    expect(third.fork("a")).toBe("forked");
  });

  test("keeps a value beside its own later one that did not see it", () => {
    const { node, peer } = putBack(
      (at) => [put(at, "before")],
      (at) => [put(at, "since")],
    );
    node.write(200, put(node, "one"));
    node.write(201, put(node, "two"));
    settle(node, peer);
    for (const each of [node, peer]) expect(each.multi()).toEqual(["since", "two"]);
  });

  test("does not count twice when several peers know different sums", () => {
    const lost = new ForkingNode("a");
    lost.write(0, counterAdd("c", 1n));
    const copy = lost.copy();
    const peers = ["b", "c"].map((name) => {
      const peer = new ForkingNode(name);
      lost.write(100, counterAdd("c", 10n));
      peer.take(...lost.gives());
      return peer;
    });
    const node = new ForkingNode("a", copy);
    node.write(200, counterAdd("c", 100n));
    for (const peer of peers) node.take(...peer.gives());
    settle(node, ...peers);
    expect(node.count()).toBe(121n);
  });

  test("does again what is left to do when the process dies before it is written", () => {
    const { node, peer } = putBack(
      () => [counterAdd("c", 1n)],
      () => [counterAdd("c", 10n)],
    );
    node.write(200, counterAdd("c", 100n));
    node.take(...peer.gives());
    const again = new ForkingNode("a", node.store);
    expect([again.writer, again.state.dutiesDue()]).toEqual([node.writer, "now"]);
    settle(again, peer);
    expect([again.count(), peer.count(), peer.fork("a")]).toEqual([111n, 111n, "forked"]);
    expect(again.perform()).toBe(false);
  });
});

/** Two that run at the same time under one nonce, as clones of a virtual machine do. */
function clones(...before: readonly Write[]): [one: ForkingNode, other: ForkingNode] {
  const one = new ForkingNode("a");
  before.forEach((write, at) => one.write(at, write));
  return [one, new ForkingNode("a", one.copy())];
}

describe("clones that run at the same time", () => {
  test("keep the value that the other's context covers unseen", () => {
    const [one, other] = clones();
    one.write(10, put(one, "unseen"));
    other.write(20, put(other, "first"));
    other.write(30, put(other, "second"));
    settle(one, other);
    for (const each of [one, other]) expect(each.multi()).toEqual(["second", "unseen"]);
    expect(one.writer).not.toBe(other.writer);
  });

  test("do so too when a third one had seen the other's value only, and says so first", () => {
    const [one, other] = clones();
    const third = new ForkingNode("b");
    one.write(10, put(one, "unseen"));
    const seen = other.write(20, put(other, "first"));
    third.take(seen);
    const theirs = third.write(30, put(third, "third"));
    one.take(theirs);
    expect([one.multi(), one.closed]).toEqual([["third"], []]);
    one.take(other.write(40, register("k", "1")));
    settle(one, other, third);
    for (const each of [one, other, third]) expect(each.multi()).toEqual(["third", "unseen"]);
  });

  test("keep the items that the other's checkpoint swallows", () => {
    const [one, other] = clones();
    const count = limits.logCheckpointItemsMin + 1;
    for (let at = 0; at < count; at++) other.write(2 * at, item(`other ${at}`));
    one.write(5, item("one"));
    other.write(1_000, logCompact("l"));
    settle(one, other);
    for (const each of [one, other]) {
      expect(each.log()).toHaveLength(count + 1);
      expect(each.log()).toContain("one");
    }
  });

  test("take new nonces when one of them hears only that theirs was closed", () => {
    const [one, other] = clones();
    const peer = new ForkingNode("b");
    one.write(1, register("k", "1"));
    other.write(2, register("k", "2"));
    one.take(...other.gives());
    one.perform();
    one.write(3, register("k", "3"));
    peer.take(...one.gives());
    other.take(...peer.gives());
    expect(other.closed).toHaveLength(1);
    expect(new Set([one.writer, other.writer, ...other.closed]).size).toBe(3);
  });

  test("never end as equivocators and lose no element or item, however they meet", () => {
    const step = fc.record({
      who: fc.nat(2),
      what: fc.constantFrom("add", "append", "compact", "meet", "remove", "perform"),
      whom: fc.nat(2),
    });
    const property = fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const nodes = [...clones(item("before")), new ForkingNode("b")];
      const said: string[] = [];
      for (const [at, { who, what, whom }] of steps.entries()) {
        const node = nodes[who]!;
        if (what === "add") node.write(at, add(node, `${at}`));
        if (what === "remove") node.write(at, setRemove(node.state, ns, "s", "absent"));
        if (what === "append") node.write(at, item(`${at}`));
        if (what === "compact") node.write(at, logCompact("l"));
        if (what === "meet" && who !== whom) node.take(...nodes[whom]!.gives());
        if (what === "perform") node.perform();
        if (what === "add" || what === "append") said.push(`${what} ${at}`);
      }
      settle(...nodes);
      for (const node of nodes) {
        const held = [
          ...node.members().map((element) => `add ${element}`),
          ...node.log().map((each) => `append ${each}`),
        ];
        expect(held).toEqual(expect.arrayContaining(said));
        expect(["forked", undefined]).toContain(node.fork("a"));
        expect(node.fork("b")).toBeUndefined();
      }
    });
    fc.assert(property, { numRuns: 60 });
  });
});
