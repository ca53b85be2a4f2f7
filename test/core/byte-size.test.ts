import { expect, test } from "vitest";
import { parseByteSize } from "../../src/core/byte-size.ts";

test.each([
  ["0", 0],
  ["4096", 4_096],
  ["500MB", 500_000_000],
  ["10GiB", 10 * 2 ** 30],
  ["1.5 TiB", 1.5 * 2 ** 40],
  ["", undefined],
  ["-1", undefined],
  ["10 parsec", undefined],
  ["GiB", undefined],
  ["9999999TiB", undefined],
])("%j is %s bytes", (text, bytes) => {
  expect(parseByteSize(text)).toBe(bytes);
});
