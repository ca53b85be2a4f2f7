import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import { parseTag, soundTags, tagsFault, tagTexts } from "../../src/core/tags.ts";

const many = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`tag-${index}`, "x"]));

describe("tags of one's own", () => {
  test.each([
    ["Role", "worker"],
    ["-a", "x"],
    ["a-", "x"],
    ["a.b", "x"],
    ["__proto__", "x"],
    ["a".repeat(limits.tagNameBytesMax + 1), "x"],
    ["role", ""],
    ["role", "a\nb"],
    ["role", "\u202ereversed"],
    ["role", " x"],
    ["role", "ü".repeat(limits.tagValueBytesMax / 2 + 1)],
  ])("cannot be %s=%s", (name, value) => {
    expect(tagsFault(Object.fromEntries([[name, value]]))).toBeDefined();
  });

  test("can be as many, and as long, as their limits say", () => {
    const longest = {
      ["a".repeat(limits.tagNameBytesMax)]: "ü".repeat(limits.tagValueBytesMax / 2),
    };
    expect(tagsFault(longest)).toBeUndefined();
    expect(tagsFault(many(limits.tagsMax))).toBeUndefined();
    expect(tagsFault(many(limits.tagsMax + 1))).toContain(`${limits.tagsMax} tags at most`);
  });
});

describe("tags that others wrote", () => {
  test("are taken where they are sound, and the others are left out", () => {
    const given = JSON.parse(
      '{"zone":"home","role":"\\u001b[2J","__proto__":"x","Bad":"x","n":1,"e":"","o":{},"lone":"\\ud800"}',
    );
    const sound = soundTags(given);
    expect(sound).toEqual({ role: "\u001b[2J", zone: "home" });
    expect(Object.keys(sound)).toEqual(["role", "zone"]);
    expect(soundTags({ role: "x".repeat(limits.tagValueBytesMax + 1) })).toEqual({});
  });

  test("are so many at most, the same on every node", () => {
    const given = many(limits.tagsMax + 4);
    const backwards = Object.fromEntries(Object.entries(given).toReversed());
    expect(Object.keys(soundTags(given))).toHaveLength(limits.tagsMax);
    expect(soundTags(backwards)).toEqual(soundTags(given));
  });

  test("are none in anything else", () => {
    for (const given of [undefined, null, "role=worker", 1, ["x"]]) {
      expect(soundTags(given)).toEqual({});
    }
    fc.assert(fc.property(fc.jsonValue(), (given) => void soundTags(given)));
  });
});

test("a tag is written NAME=VALUE, and the value may hold the sign", () => {
  expect(parseTag("role=worker")).toEqual({ name: "role", value: "worker" });
  expect(parseTag("sum=1+1=2")).toEqual({ name: "sum", value: "1+1=2" });
  for (const text of ["", "role", "=x", "role=", "Role=x", "__proto__=x"]) {
    expect(parseTag(text)).toBeUndefined();
  }
  expect(tagTexts({ zone: "home", role: "worker" })).toEqual(["role=worker", "zone=home"]);
});
