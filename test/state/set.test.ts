import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  getMember,
  listMembers,
  listSets,
  setAdd,
  setRemove,
} from "../../src/protocol/state/set.ts";
import { testWriter, wallMs } from "./fixture.ts";
import { meet, Node, ns, twoNodes } from "./writing-node.ts";

describe("a set", () => {
  test("has what was added, and of additions and removals apart the additions win", () => {
    const [a, b] = twoNodes();
    a.write(setAdd(a.state, ns, "s", "x"), setAdd(a.state, ns, "s", "y"));
    meet(a, b);
    a.write(setRemove(a.state, ns, "s", "x"), setRemove(a.state, ns, "s", "y"));
    b.write(setAdd(b.state, ns, "s", "x"));
    expect([a.members(), b.members()]).toEqual([[], ["x", "y"]]);
    meet(a, b);
    expect([a.members(), b.members()]).toEqual([["x"], ["x"]]);
    expect(getMember(a.state, ns, "s", "x", wallMs)?.author).toBe(testWriter("bob").identity.peer);
    expect(getMember(a.state, ns, "s", "y", wallMs)).toBeUndefined();
  });

  test("is what a set of tags per element is, whoever meets whom", () => {
    // the textbook's OR-set: an addition makes a tag, a removal kills the tags it sees
    const step = fc.record({
      node: fc.nat({ max: 2 }),
      element: fc.constantFrom("x", "y"),
      what: fc.constantFrom("add", "add", "remove", "take"),
    });
    const property = fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const nodes = [new Node("a"), new Node("b"), new Node("c")];
      const models = nodes.map(() => ({ alive: new Set<string>(), dead: new Set<string>() }));
      const take = (to: number, from: number): void => {
        nodes[to]!.take(nodes[from]!);
        for (const tag of sent[from]!.added)
          if (!models[to]!.dead.has(tag)) models[to]!.alive.add(tag);
        for (const tag of sent[from]!.killed) {
          models[to]!.alive.delete(tag);
          models[to]!.dead.add(tag);
        }
      };
      const sent = nodes.map(() => ({ added: new Set<string>(), killed: new Set<string>() }));
      for (const [index, { node, element, what }] of steps.entries()) {
        const model = models[node]!;
        const mine = sent[node]!;
        const seen = [...model.alive].filter((tag) => tag.startsWith(element));
        if (what === "take") {
          take(node, (node + 1) % 3);
          continue;
        }
        if (what === "add") {
          nodes[node]!.write(setAdd(nodes[node]!.state, ns, "s", element));
          const tag = `${element}${index}`;
          model.alive.add(tag);
          mine.added.add(tag);
        } else nodes[node]!.write(setRemove(nodes[node]!.state, ns, "s", element));
        for (const tag of seen) {
          model.alive.delete(tag);
          model.dead.add(tag);
          mine.killed.add(tag);
        }
      }
      for (const to of [0, 1, 2, 0, 1, 2])
        for (const from of [0, 1, 2]) if (to !== from) take(to, from);
      for (const [index, node] of nodes.entries()) {
        const expected = new Set([...models[index]!.alive].map((tag) => tag.slice(0, 1)));
        expect(node.members()).toEqual([...expected].toSorted());
      }
    });
    fc.assert(property, { numRuns: 150 });
  });

  test("is listed by name and in pages, apart from sets whose names begin alike", () => {
    const [a] = twoNodes();
    const names = ["s", "s ", "s\u0001", "s!", "so", "t"];
    for (const name of names) {
      for (const element of ["b", "a/x", "é"]) a.write(setAdd(a.state, ns, name, element));
    }
    a.write(setAdd(a.state, ns, "gone", "x"), setRemove(a.state, ns, "gone", "x"));
    for (const name of names) expect(a.members(name)).toEqual(["a/x", "b", "é"]);
    const page = listMembers(a.state, ns, "s", { prefix: "", limit: 2 }, wallMs);
    expect([page.items.length, page.next]).toEqual([2, "b"]);
    const rest = listMembers(a.state, ns, "s", { prefix: "", after: page.next, limit: 2 }, wallMs);
    expect(rest.items.map(({ element }) => element)).toEqual(["é"]);
    const found: string[] = [];
    let after: string | undefined;
    do {
      const sets = listSets(a.state, ns, { prefix: "s", after, limit: 2 }, wallMs);
      found.push(...sets.items);
      after = sets.next;
    } while (after !== undefined);
    expect(found.toSorted()).toEqual(names.filter((name) => name.startsWith("s")).toSorted());
    expect(new Set(found).size).toBe(found.length);
  });
});
