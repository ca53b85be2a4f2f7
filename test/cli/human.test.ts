import { describe, expect, test } from "vitest";
import { displayWidth, truncate } from "../../src/cli/terminal/display-width.ts";
import { parseDuration } from "../../src/cli/duration.ts";
import {
  humanAgo,
  humanBytes,
  humanCount,
  humanDuration,
  isoTime,
  plural,
  shortPeer,
} from "../../src/cli/terminal/human.ts";

test.each([
  [0, "0 ms"],
  [999.4, "999 ms"],
  [1_250, "1.3 s"],
  [59_999, "59 s"],
  [60_000, "1 min"],
  [185_000, "3 min 5 s"],
  [11_520_000, "3 h 12 min"],
  [26 * 3_600_000, "1 d 2 h"],
  [-5, "0 ms"],
])("a span of %d ms reads %s", (ms, text) => {
  expect(humanDuration(ms)).toBe(text);
});

test("figures for people are grouped and have units", () => {
  expect(humanCount(1_234_567)).toBe("1,234,567");
  expect(plural(1, "entry", "entries")).toBe("1 entry");
  expect(plural(2_000, "entry", "entries")).toBe("2,000 entries");
  expect([0, 1023, 1024, 97_000_000, 2 ** 50].map(humanBytes)).toEqual([
    "0 B",
    "1023 B",
    "1.0 KiB",
    "92.5 MiB",
    "1024.0 TiB",
  ]);
  expect(humanAgo(null, 5)).toBe("never");
  expect(humanAgo(1_000, 6_500)).toBe("5.5 s ago");
  expect(shortPeer("12D3KooWGRUaeTLvNtLh5bYk")).toBe("…NtLh5bYk");
});

test("a time that no Date can hold is printed as the number it is", () => {
  expect(isoTime(0)).toBe("1970-01-01T00:00:00.000Z");
  expect(isoTime(1e300)).toBe("1e+300");
});

describe("durations on the command line", () => {
  test.each([
    ["500ms", 500],
    ["30s", 30_000],
    ["30", 30_000],
    ["1.5m", 90_000],
    ["2h", 7_200_000],
    ["9999h", 2 ** 31 - 1],
  ])("%s is %d ms", (text, ms) => {
    expect(parseDuration(text, "--timeout")).toBe(ms);
  });

  test.each(["", "0", "0s", "-1s", "abc", "1d", "1 s", "1e9s", "Infinity"])(
    "%j is refused",
    (text) => {
      expect(() => parseDuration(text, "--timeout")).toThrow(/--timeout wants a time such as/);
    },
  );
});

test("widths count columns, not characters", () => {
  expect(displayWidth("abc")).toBe(3);
  expect(displayWidth("日本")).toBe(4);
  expect(displayWidth("e\u0301")).toBe(1);
  expect(truncate("abcdef", 4)).toBe("abc…");
  expect(truncate("日本語", 4)).toBe("日…");
  expect(truncate("abc", 3)).toBe("abc");
});
