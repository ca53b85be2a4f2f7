/** The judge finds what is planted: an export that breaks a promise is named for it, and one that keeps it is not. */
import { describe, expect, test } from "vitest";
import type { Content } from "../../scripts/partition/content.ts";
import { History, type Op, type OpOptions } from "../../scripts/partition/history.ts";
import { judge, subjectOf } from "../../scripts/partition/judge.ts";

const empty: Content = {
  register: new Map(),
  multi: new Map(),
  counter: new Map(),
  set: new Map(),
  log: new Map(),
  doc: new Map(),
};

type Type = keyof Content;

/** Nodes 0 and 1 on two sides of a cut; each write is acknowledged one tick after it began. */
class Story {
  readonly history: History;
  #ticks = 0;

  constructor() {
    this.history = new History(() => ++this.#ticks);
  }

  write(node: number, type: Type, id: string, options: OpOptions = {}): Op {
    const op = this.tried(node, type, id, options);
    this.history.ack(op);
    return op;
  }

  tried(node: number, type: Type, id: string, options: OpOptions = {}): Op {
    const element = type === "set" ? "e" : "";
    return this.history.begin(node, subjectOf(type, "k", element), { id, ...options });
  }

  cut(): this {
    this.history.agreed([0, 1]);
    this.history.cut((to, from) => to === from);
    return this;
  }

  found(content: Partial<Content>, groups: string[][] = []): string[] {
    return judge(this.history, { ...empty, ...content }, groups).map(({ kind }) => kind);
  }
}

const shown = {
  register: (value: string) => ({ register: new Map([["k", { value, stamp: "1" }]]) }),
  multi: (...values: string[]) => ({ multi: new Map([["k", values]]) }),
  counter: (value: bigint) => ({ counter: new Map([["k", value]]) }),
  set: (...elements: string[]) => ({ set: new Map([["k", new Set(elements)]]) }),
  log: (...items: string[]) => ({ log: new Map([["k", items]]) }),
  doc: (text: string) => ({ doc: new Map([["k", text]]) }),
};

describe("a register", () => {
  const story = new Story();
  story.write(0, "register", "before");
  story.cut();
  story.write(0, "register", "left-1");
  story.write(0, "register", "left-2");
  story.write(1, "register", "right");

  test.each([
    ["left-2", []],
    ["right", []],
    ["left-1", ["lost"]],
    ["before", ["lost"]],
    ["never", ["wrong"]],
  ])("shows the last write of either side: %s", (value, findings) => {
    expect(story.found(shown.register(value))).toEqual(findings);
  });

  test("is not absent unless a deletion was last", () => {
    expect(story.found({})).toEqual(["lost"]);
    const deleted = new Story();
    deleted.write(0, "register", "before");
    deleted.cut();
    deleted.write(1, "register", "gone", { deletes: true });
    expect(deleted.found({})).toEqual([]);
    expect(deleted.found(shown.register("before"))).toEqual(["resurrected"]);
  });

  test("may show a write that was not answered, or what that would have replaced", () => {
    const open = new Story();
    open.write(0, "register", "a");
    open.tried(0, "register", "b");
    expect(open.found(shown.register("a"))).toEqual([]);
    expect(open.found(shown.register("b"))).toEqual([]);
    open.write(0, "register", "c");
    expect(open.found(shown.register("a"))).toEqual(["lost"]);
  });

  test("has replaced what its writer was seen to show", () => {
    const read = new Story();
    const a = read.write(0, "register", "a");
    read.history.saw(1, a);
    read.write(1, "register", "b");
    expect(read.found(shown.register("b"))).toEqual([]);
    expect(read.found(shown.register("a"))).toEqual(["lost"]);
  });
});

test("a multi-value keeps what was written on both sides, and nothing that was replaced", () => {
  const story = new Story();
  story.write(0, "multi", "before");
  story.cut();
  story.write(0, "multi", "left");
  story.write(1, "multi", "right");
  expect(story.found(shown.multi("left", "right"))).toEqual([]);
  expect(story.found(shown.multi("left"))).toEqual(["lost"]);
  expect(story.found({})).toEqual(["lost", "lost"]);
  expect(story.found(shown.multi("left", "right", "before"))).toEqual(["resurrected"]);
});

test("in a set an addition wins over a removal that has not seen it, and over no other", () => {
  const story = new Story();
  story.write(0, "set", "a");
  story.cut();
  story.write(0, "set", "r", { deletes: true });
  expect(story.found({})).toEqual([]);
  expect(story.found(shown.set("e"))).toEqual(["resurrected"]);
  story.write(1, "set", "b");
  expect(story.found(shown.set("e"))).toEqual([]);
  expect(story.found({})).toEqual(["lost"]);
  expect(story.found(shown.set("e", "f"))).toEqual(["wrong"]);
});

test("a counter is the exact sum, give or take what was not answered", () => {
  const story = new Story();
  story.write(0, "counter", "a", { by: 5 });
  story.cut();
  story.write(1, "counter", "b", { by: 3 });
  expect(story.found(shown.counter(8n))).toEqual([]);
  expect(story.found(shown.counter(7n))).toEqual(["lost"]);
  expect(story.found(shown.counter(9n))).toEqual(["resurrected"]);
  story.tried(0, "counter", "c", { by: 2 });
  expect(story.found(shown.counter(10n))).toEqual([]);
  expect(story.found(shown.counter(11n))).toEqual(["resurrected"]);
});

test("a deletion of a counter takes what was counted without knowing of it, and nothing after it", () => {
  const story = new Story();
  story.write(0, "counter", "a", { by: 5 });
  story.cut();
  story.write(0, "counter", "d", { deletes: true });
  story.write(0, "counter", "b", { by: 3 });
  story.write(1, "counter", "c", { by: 7 });
  expect(story.found(shown.counter(3n))).toEqual([]);
  expect(story.found(shown.counter(10n))).toEqual(["resurrected"]);
  expect(story.found({})).toEqual(["lost"]);
});

test("a log has each item once and those of a node in order", () => {
  const story = new Story();
  story.write(0, "log", "a");
  story.cut();
  story.write(0, "log", "b");
  story.write(1, "log", "c");
  expect(story.found(shown.log("a", "c", "b"))).toEqual([]);
  expect(story.found(shown.log("a", "b"))).toEqual(["lost"]);
  expect(story.found(shown.log("a", "b", "c", "c"))).toEqual(["wrong"]);
  expect(story.found(shown.log("b", "a", "c"))).toEqual(["wrong"]);
  story.write(1, "log", "d", { deletes: true });
  expect(story.found({})).toEqual([]);
  expect(story.found(shown.log("a"))).toEqual(["resurrected"]);
});

test("a document has every word that was put into it and not taken out", () => {
  const story = new Story();
  const a = story.write(0, "doc", "a");
  story.cut();
  story.write(0, "doc", "x", { removes: a });
  story.write(1, "doc", "b");
  expect(story.found(shown.doc("b "))).toEqual([]);
  expect(story.found(shown.doc("b a "))).toEqual(["resurrected"]);
  expect(story.found({})).toEqual(["lost"]);
  expect(story.found(shown.doc("b b "))).toEqual(["wrong"]);
});

test("an atomic write is there as a whole", () => {
  const story = new Story();
  const keys = ["g/0", "g/1"];
  const both = (id: string): void => {
    for (const key of keys) {
      story.history.ack(story.history.begin(0, subjectOf("register", key), { id }));
    }
  };
  both("a");
  both("b");
  const as = (first: string, second: string): Partial<Content> => ({
    register: new Map([
      ["g/0", { value: "b", stamp: first }],
      ["g/1", { value: "b", stamp: second }],
    ]),
  });
  expect(story.found(as("2", "2"), [keys])).toEqual([]);
  expect(story.found(as("1", "2"), [keys])).toEqual(["wrong"]);
});
