import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hunksBetween, mergeTexts } from "../../src/protocol/state/text-merge.ts";
import type { Splice } from "../../src/protocol/state/doc-splice.ts";

function done(text: string, splices: readonly Splice[]): string {
  return splices.reduce((before, { at, remove, insert }) => {
    expect(at + remove).toBeLessThanOrEqual(before.length);
    return before.slice(0, at) + insert + before.slice(at + remove);
  }, text);
}

const merged = (base: string, mine: string, current: string): string =>
  done(current, mergeTexts(base, mine, current));

const words = fc
  .array(fc.constantFrom("one", "two", "\u{1f600}", "\u{1f680}", " ", "\n", ",", "é", "line\n"), {
    maxLength: 25,
  })
  .map((parts) => parts.join(""));

describe("merged", () => {
  test("with nothing changed since, it is mine; with nothing changed by me, it is theirs", () => {
    fc.assert(
      fc.property(words, words, (base, other) => {
        expect(merged(base, other, base)).toBe(other);
        expect(merged(base, base, other)).toBe(other);
      }),
      { numRuns: 1_000 },
    );
  });

  test("a change that both made is taken once", () => {
    fc.assert(
      fc.property(words, words, (base, other) => {
        expect(merged(base, other, other)).toBe(other);
      }),
      { numRuns: 1_000 },
    );
  });

  test("no character is cut, whatever both did, and no insertion of either is lost", () => {
    fc.assert(
      fc.property(words, words, words, (base, mine, current) => {
        const text = merged(base, mine, current);
        expect(text.isWellFormed()).toBe(true);
        const left = (letter: string, of: string): number => of.split(letter).length - 1;
        for (const letter of ["\u{1f600}", "é", ","]) {
          const added = left(letter, mine) - left(letter, base);
          const theirs = left(letter, current) - left(letter, base);
          if (added > 0 && theirs <= 0) expect(left(letter, text)).toBeGreaterThan(0);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test("a change that both made is taken once, though they changed the text around it too", () => {
    const base = "one\ntwo\n";
    const text = merged(base, "one\nmine\ntwo\n", "theirs\none\nmine\ntwo\n");
    expect(text).toBe("theirs\none\nmine\ntwo\n");
  });

  test.each([
    ["edits of different lines", "a\nb\nc\n", "a1\nb\nc\n", "a\nb\nc2\n", "a1\nb\nc2\n"],
    [
      "edits of different words of a line",
      "the quick fox",
      "the slow fox",
      "the quick dog",
      "the slow dog",
    ],
    ["insertions at one place", "ab", "a1b", "a2b", "a21b"],
    [
      "a deletion around their insertion",
      "one two three four",
      "one four",
      "one two 2 three four",
      "one 2 four",
    ],
    ["an insertion where they deleted", "a\nb\nc\n", "a\nb\nnew\nc\n", "a\n", "a\nnew\n"],
    [
      "a replacement of what they replaced",
      "colour: red",
      "colour: blue",
      "colour: green",
      "colour: greenblue",
    ],
    ["both at the end of the file", "a\n", "a\nmine\n", "a\ntheirs\n", "a\ntheirs\nmine\n"],
    ["a change of theirs before and after mine", "1 2 3", "1 two 3", "0 1 2 3 4", "0 1 two 3 4"],
  ])("%s", (_what, base, mine, current, expected) => {
    expect(merged(base, mine, current)).toBe(expected);
  });
});

test("a changed word in a long text is a hunk of its changed letters", () => {
  const base = Array.from({ length: 1_000 }, (_, line) => `line ${line} of the text\n`).join("");
  const other = base
    .replace("line 500 of", "line 500 in front of")
    .replace("line 7 of", "line 7f of");
  expect(hunksBetween(base, other).map(({ insert }) => insert)).toEqual(["f", "in front "]);
});

test("two texts that have nothing in common are one hunk, found in no time", () => {
  const of = (salt: number): string =>
    Array.from({ length: 20_000 }, (_, line) => `${(line * salt) % 7_919} ${salt}\n`).join("");
  const startMs = performance.now();
  expect(merged(of(31), of(57), of(31))).toBe(of(57));
  expect(performance.now() - startMs).toBeLessThan(5_000);
});
