import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseJson, sliceElements, sliceMembers } from "../../src/control/json-slice.ts";

const space = fc.stringMatching(/^[ \t\r\n]{0,3}$/);

/** JSON text as people and programs write it: odd spacing, escapes, big and odd numbers. */
const jsonText = fc.letrec<{ any: string }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom("null", "true", "-0", "1.0", "1e400", "12345678901234567890", '"\\u00e9\\/"'),
    fc.string({ unit: "grapheme" }).map((text) => JSON.stringify(text)),
    fc.string({ unit: "binary" }).map((text) => JSON.stringify(text)),
    fc.constantFrom('"\\\\"', '"\\""', '"]}{[,:"', '"\\\\\\""'),
    fc
      .array(fc.tuple(space, tie("any"), space), { maxLength: 4 })
      .map((items) => `[${items.map((item) => item.join("")).join(",") || " "}]`),
    fc
      .uniqueArray(fc.tuple(fc.string(), space, tie("any"), space), {
        maxLength: 4,
        selector: ([name]) => name,
      })
      .map((members) => objectText(members)),
  ),
})).any;

function objectText(members: readonly [string, string, string, string][]): string {
  return `{${members.map(([name, a, value, b]) => `${a}${JSON.stringify(name)}${b}:${a}${value}${b}`).join(",")}}`;
}

const members = fc.uniqueArray(fc.tuple(fc.string({ unit: "binary" }), space, jsonText, space), {
  maxLength: 6,
  selector: ([name]) => name,
});

describe("sliceMembers", () => {
  test("finds every member's text exactly as written", () => {
    fc.assert(
      fc.property(members, space, (given, around) => {
        const text = `${around}${objectText(given)}${around}`;
        parseJson(text);
        const found = sliceMembers(text).map(({ name, from, to }) => [name, text.slice(from, to)]);
        expect(found).toEqual(given.map(([name, , value]) => [name, value]));
      }),
      { numRuns: 500 },
    );
  });

  test("agrees with JSON.parse on whatever that accepts", () => {
    const alphabet = fc.constantFrom(...'{}[]",:\\ \n019.-eE+truefalsn/ué'.split(""));
    fc.assert(
      fc.property(fc.string({ unit: alphabet, maxLength: 24 }), (inner) => {
        const text = `{"a":${inner}}`;
        let value: Record<string, unknown>;
        try {
          value = JSON.parse(text) as Record<string, unknown>;
        } catch {
          expect(() => parseJson(text)).toThrow("not JSON");
          return;
        }
        const names = new Set<string>();
        try {
          for (const { name, from, to } of sliceMembers(text)) {
            names.add(name);
            expect(JSON.parse(text.slice(from, to))).toEqual(value[name]);
          }
        } catch (error) {
          expect(String(error)).toContain("appears twice");
          return;
        }
        expect([...names].toSorted()).toEqual(Object.keys(value).toSorted());
      }),
      { numRuns: 5_000 },
    );
  });

  test("refuses a name that appears twice, however it is escaped", () => {
    expect(() => sliceMembers('{"key":1,"\\u006bey":2}')).toThrow('"key" appears twice');
  });

  test("refuses what is no object", () => {
    for (const text of ["[]", '"{}"', "1", "null"]) {
      expect(() => sliceMembers(text)).toThrow("not an object");
    }
  });

  test("takes a quarter of a million members without slowing down", () => {
    const text = `{${Array.from({ length: 250_000 }, (_, index) => `"${index}":1`).join(",")}}`;
    const startedMs = performance.now();
    expect(sliceMembers(text)).toHaveLength(250_000);
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  });

  test("takes values nested a hundred thousand deep", () => {
    const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    const text = `{"a":${deep}}`;
    parseJson(text);
    const [member] = sliceMembers(text);
    expect(text.slice(member?.from, member?.to)).toBe(deep);
  });
});

test("sliceElements finds every element's text exactly as written", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(space, jsonText, space), { maxLength: 6 }), (items) => {
      const text = `[${items.map((item) => item.join("")).join(",")}]`;
      const found = sliceElements(text).map(({ from, to }) => text.slice(from, to));
      expect(found).toEqual(items.map(([, value]) => value));
    }),
  );
});
