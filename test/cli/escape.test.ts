import fc from "fast-check";
import { expect, test } from "vitest";
import { bytesAsText, escapeBlock, escapeJson, escapeText } from "../../src/cli/terminal/escape.ts";

// oxlint-disable-next-line no-control-regex
const dangerous = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]/;

const anyCharacter = fc
  .oneof(
    fc.integer({ min: 0, max: 0xa0 }),
    fc.integer({ min: 0x2000, max: 0x2070 }),
    fc.integer({ min: 0, max: 0x10ffff }),
  )
  .map((code) => String.fromCodePoint(code));

test("a name from the network cannot move the cursor, retitle the window or reorder a line", () => {
  expect(escapeText("a\u001b[2Jb\u0007\u009b1m\u007f\u202e\r\n\t")).toBe(
    "a\\x1b[2Jb\\x07\\x9b1m\\x7f\\u{202e}\\r\\n\\t",
  );
  fc.assert(
    fc.property(fc.string({ unit: anyCharacter }), (text) => {
      const characters = Array.from(escapeText(text));
      return characters.every((character) => character.length > 1 || !dangerous.test(character));
    }),
  );
});

test("ordinary text of any script stays as it is", () => {
  for (const text of ["héllo wörld", "日本語", "🦊 ok", "C:\\dir", "שלום", ""])
    expect(escapeText(text)).toBe(text);
});

test("a value shown as a block keeps its lines and tabs and nothing else", () => {
  expect(escapeBlock("a\n\tb\r\u001b")).toBe("a\n\tb\\r\\x1b");
});

test("escaped JSON means the same", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const json = JSON.stringify(value);
      expect(JSON.parse(escapeJson(json))).toEqual(JSON.parse(json));
    }),
  );
  const hostile = { "\u202ekey": "\u0085\u2028\ufeff\u007f" };
  const shown = escapeJson(JSON.stringify(hostile, null, 2));
  expect(shown.replaceAll("\n", "")).not.toMatch(dangerous);
  expect(JSON.parse(shown)).toEqual(hostile);
});

test("bytes that are no text are shown one by one", () => {
  expect(bytesAsText(Buffer.from("grün"))).toBe("grün");
  expect(bytesAsText(Uint8Array.of(0x61, 0xff, 0xc3))).toBe("a\\xff\\xc3");
});
