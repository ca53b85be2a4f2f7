/** The picture is read by machines too: what it says in numbers and texts is looked at here, its looks by people. */
import { expect, test } from "vitest";
import type { FaultSpan, Lane } from "../../testnet/scenario/history.ts";
import { coloursOf } from "../../testnet/scenario/picture/colours.ts";
import { statesOver } from "../../testnet/scenario/picture/lanes.ts";
import { packed } from "../../testnet/scenario/picture/rows.ts";
import { textWidth } from "../../testnet/scenario/picture/svg.ts";
import { timelineSvg, type Pictured } from "../../testnet/scenario/timeline.ts";

function lane(node: number, ...digests: readonly (string | null)[]): Lane {
  const stretches = digests.map((digest, at) => ({
    fromMs: at * 1_000,
    toMs: (at + 1) * 1_000,
    state: digest === null ? ("silent" as const) : ("answers" as const),
    digest,
    entries: digest === null ? null : at,
  }));
  return { node, stretches };
}

function cut(label: string, fromMs: number, toMs: number): FaultSpan {
  return { kind: "cut", label, fromMs, toMs };
}

const report: Pictured = {
  title: `A <title> & "more"\u0007`,
  file: "a.toml",
  ok: false,
  nodes: 3,
  net: "loopback",
  tookMs: 3_000,
  lanes: [lane(0, "a", "b", "d"), lane(1, "a", "c", "d"), lane(2, "a", null, "d")],
  faults: [cut("cut 0 | <1>", 900, 2_100), cut("a cut late in the picture", 2_900, 3_000)],
  steps: [
    { line: 7, kind: "expect", text: "expect x", fromMs: 0, toMs: 500, ok: true, seen: "x > 1" },
    { line: 9, kind: "exec", text: "kv get y", fromMs: 500, toMs: 600, ok: false, seen: "no y" },
  ],
};

const svg = timelineSvg(report);

function allOf(pattern: RegExp): string[] {
  return [...svg.matchAll(pattern)].map(([, found = ""]) => found);
}

test("every tag is closed, and what others named is escaped", () => {
  const open: string[] = [];
  for (const [, slash, name = "", self] of svg.matchAll(/<(\/?)([a-z]+)[^<>]*?(\/?)>/g)) {
    if (slash === "/") expect(open.pop()).toBe(name);
    else if (self !== "/") open.push(name);
  }
  expect(open).toEqual([]);
  expect(svg.replace(/<[^<>]*>/g, "")).not.toMatch(/[<>]/);
  expect(svg).toContain("A &lt;title&gt; &amp; &quot;more&quot;\ufffd");
});

test("it says in words what it shows", () => {
  const [words = ""] = allOf(/<desc[^>]*>([^<]*)/g);
  expect(words).toContain("cut 0 | &lt;1&gt;, 0.9 s to 2.1 s");
  expect(words).toContain("kv get y: failed at 0.6 s");
});

test("nodes with equal digests share a colour, and a node that does not answer is grey", () => {
  const fills = allOf(/<rect[^>]*fill="([^"]*)"[^>]*><title>node/g);
  expect(fills).toHaveLength(9);
  const [a, b, d, a1, c, d1, a2, silent, d2] = fills;
  expect([a1, a2]).toEqual([a, a]);
  expect([d1, d2]).toEqual([d, d]);
  expect(new Set([a, b, c, d, silent]).size).toBe(5);
  expect(silent).toBe("#d0d3d8");
});

test("no text runs out of the picture", () => {
  const texts = [...svg.matchAll(/<text x="([\d.]+)"([^>]*)>([^<]*)/g)];
  expect(texts.length).toBeGreaterThan(20);
  for (const [, x, attributes = "", content = ""] of texts) {
    const size = Number(/font-size="(\d+)"/.exec(attributes)?.[1]);
    const width = textWidth(content, size);
    const share = attributes.includes('"end"') ? 1 : attributes.includes('"middle"') ? 0.5 : 0;
    const left = Number(x) - share * width;
    expect(left, content).toBeGreaterThanOrEqual(0);
    expect(left + width, content).toBeLessThanOrEqual(1_200);
  }
});

test("what overlaps gets rows of its own", () => {
  const extents = [
    { fromPx: 0, toPx: 100 },
    { fromPx: 50, toPx: 80 },
    { fromPx: 120, toPx: 130 },
    { fromPx: 90, toPx: 95 },
  ];
  expect(packed(extents)).toEqual([0, 1, 0, 1]);
});

test("different digests at one time have different colours, as long as there are any", () => {
  const lanes = Array.from({ length: 12 }, (_, node) => lane(node, `a${node}`, `b${node}`));
  const colours = coloursOf(lanes);
  for (const letter of ["a", "b"]) {
    expect(new Set(lanes.map(({ node }) => colours.get(`${letter}${node}`))).size).toBe(12);
  }
});

test("the curve counts digests", () => {
  expect(statesOver(report.lanes)).toEqual([
    { atMs: 0, count: 1 },
    { atMs: 1_000, count: 2 },
    { atMs: 2_000, count: 1 },
    { atMs: 3_000, count: 0 },
  ]);
});
