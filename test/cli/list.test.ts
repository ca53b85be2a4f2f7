import { expect, test } from "vitest";
import { listLines, type Column } from "../../src/cli/terminal/list.ts";
import { noPaint, paintFor } from "../../src/cli/terminal/paint.ts";

type Row = { name: string; size: number };
const columns: readonly Column<Row>[] = [
  { title: "NAME", plain: (row) => row.name, widthMax: 8, style: () => "green" },
  { title: "SIZE", plain: (row) => String(row.size), human: (row) => `${row.size} B`, right: true },
];
const rows = [
  { name: "a\tb\nc", size: 5 },
  { name: "日本", size: 1_000 },
  { name: "a very long name", size: 1 },
];

test("piped lists are one row per line with tabs, unrounded and without a heading", () => {
  expect(listLines(columns, rows, { tty: false, paint: noPaint })).toEqual([
    "a\\tb\\nc\t5",
    "日本\t1000",
    "a very long name\t1",
  ]);
});

test("lists on a terminal are aligned under a heading", () => {
  expect(listLines(columns, rows, { tty: true, paint: noPaint })).toEqual([
    "NAME        SIZE",
    "a\\tb\\nc      5 B",
    "日本      1000 B",
    "a very …     1 B",
  ]);
});

test("an empty list prints nothing when piped", () => {
  expect(listLines(columns, [], { tty: false, paint: noPaint })).toEqual([]);
});

test("colours need a terminal, and NO_COLOR and TERM=dumb turn them off", () => {
  expect(paintFor({ isTTY: true }, {})("red", "x")).toBe("\u001b[31mx\u001b[0m");
  expect(paintFor({ isTTY: true }, { NO_COLOR: "" })("red", "x")).toBe("\u001b[31mx\u001b[0m");
  expect(paintFor({ isTTY: true }, { NO_COLOR: "1" })("red", "x")).toBe("x");
  expect(paintFor({ isTTY: true }, { TERM: "dumb" })("red", "x")).toBe("x");
  expect(paintFor({ isTTY: false }, {})("red", "x")).toBe("x");
});
