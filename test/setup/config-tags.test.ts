import { describe, expect, test } from "vitest";
import {
  diffConfig,
  loadConfig,
  setConfigValue,
  unsetConfigValue,
  type LoadedConfig,
} from "../../src/config.ts";
import { codedError } from "../coded-error.ts";

const path = "/node/config.toml";
const load = (text: string): LoadedConfig => loadConfig({ file: { path, text }, env: {} });
const set = (text: string, key: string, value: string): string =>
  setConfigValue({ path, text }, key, value);
const refusal = async (run: () => unknown): Promise<string> =>
  (await codedError(run, "BAD_CONFIG")).message;

describe("tags", () => {
  const tagsOf = (text: string): unknown => load(text).config.tags;

  test("are set one by one, and taken out again, with the rest of the file as it was", () => {
    const one = set("# mine\n[log]\nlevel = 'info'\n", "tags.role", "worker, too");
    const two = set(one, "tags.zone", "home");
    expect(tagsOf(two)).toEqual({ role: "worker, too", zone: "home" });
    expect(tagsOf(set(two, "tags.zone", "away"))).toEqual({ role: "worker, too", zone: "away" });
    const unset = (text: string, key: string): string => unsetConfigValue({ path, text }, key);
    expect(unset(two, "tags.zone")).toBe(one);
    const none = unset(one, "tags.role");
    expect(tagsOf(none)).toEqual({});
    expect(unset(none, "tags.role")).toBe(none);
    expect(set(none, "tags.role", "worker, too")).toBe(one);
    expect(unset("tags.role = 'x'\nprofile = 'server'\n", "tags.role")).toBe(
      "profile = 'server'\n",
    );
  });

  test("come from a variable too, and a change of them takes effect at once", () => {
    const env = { COTERIE_TAGS: "role=worker, zone=home" };
    const from = loadConfig({ env: {} });
    const to = loadConfig({ env });
    expect(to.config.tags).toEqual({ role: "worker", zone: "home" });
    expect(diffConfig(from, to)).toEqual({
      changed: [{ key: "tags", from: {}, to: to.config.tags }],
      needRestart: [],
    });
  });

  test("of wrong names or values, too many, or no table are refused", async () => {
    expect(await refusal(() => set("", "tags.Role", "x"))).toMatch(/no name of a tag/);
    expect(await refusal(() => set("", "tags.a.b", "x"))).toMatch(/no name of a tag/);
    expect(await refusal(() => set("", "tags.role", "a\nb"))).toMatch(/control characters/);
    expect(await refusal(() => set("", "tags", "role=worker"))).toMatch(/tags.NAME/);
    expect(await refusal(() => unsetConfigValue({ path, text: "" }, "tgas.role"))).toMatch(
      /unknown key/,
    );
    expect(await refusal(() => load("[tags]\nrole = 1\n"))).toMatch(/:1: tags must be a table/);
    expect(await refusal(() => load("tags = 'role=worker'\n"))).toMatch(/:1: tags must be a table/);
    const many = Array.from({ length: 17 }, (_, index) => `t${index} = 'x'`).join("\n");
    expect(await refusal(() => load(`[tags]\n${many}\n`))).toMatch(/16 tags at most/);
    expect(await refusal(() => loadConfig({ env: { COTERIE_TAGS: "role" } }))).toMatch(
      /TAGS: tags/,
    );
  });
});
