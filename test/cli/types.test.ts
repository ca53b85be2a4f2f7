/** The verbs of the types beside `register`, over a real state in memory. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TSchema } from "typebox";
import { Value } from "typebox/value";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as schema from "../../src/control/schema.ts";
import { start, startFake, temporaryFolder, type Fake } from "./cli.ts";
import { runOnTerminal, runPiped } from "./terminal.ts";

const folder = temporaryFolder();
let fake: Fake;

beforeAll(async () => {
  fake = await startFake(folder.path);
});
afterAll(async () => {
  await fake.stop();
  folder[Symbol.dispose]();
});

const here = (...words: string[]) => runPiped(words, folder.path);
const terminal = (...words: string[]) => runOnTerminal(words, folder.path);
const outOf = async (...words: string[]): Promise<string> => {
  const { code, out, err } = await here(...words);
  expect({ words, code, err }).toEqual({ words, code: 0, err: "" });
  return out;
};

describe("--json prints one document of the API's shape", () => {
  test.each<[string, TSchema]>([
    ["kv put j v --multi", schema.WriteResult],
    ["kv get j --all", schema.MultiItem],
    ["kv ls --multi", schema.MultiList],
    ["kv del j --multi", schema.WriteResult],
    ["counter add j 7", schema.CounterResult],
    ["counter get j", schema.CounterItem],
    ["counter ls", schema.CounterList],
    ["counter del j", schema.WriteResult],
    ["set add j x y", schema.WriteResult],
    ["set has j x", schema.SetMember],
    ["set ls j", schema.SetMembers],
    ["set ls", schema.NameList],
    ["set rm j x", schema.WriteResult],
    ["log append j item", schema.WriteResult],
    ["log tail j", schema.LogTail],
    ["log ls", schema.NameList],
    ["explain j", schema.Explanation],
    ["log del j", schema.WriteResult],
  ])("%s", async (command, shape) => {
    const out = await outOf(...command.split(" "), "--json");
    expect(out.trimEnd().split("\n")).toHaveLength(1);
    expect([...Value.Errors(shape, JSON.parse(out))]).toEqual([]);
  });
});

describe("kv", () => {
  test("--multi writes, shows, lists and deletes keys that keep all values", async () => {
    await outOf("kv", "put", "owner", "alice", "--multi");
    expect(await outOf("kv", "get", "owner", "--all")).toMatch(/^alice\t\d{4}-\S+Z\t12D3Koo\w+\n$/);
    expect((await here("kv", "get", "owner")).code).toBe(1);
    expect((await terminal("kv", "get", "owner", "--all")).out).toContain("AUTHOR");
    expect(await outOf("kv", "ls", "--multi", "--long")).toContain("owner\t1\talice\n");
    await outOf("kv", "del", "owner", "--multi");
    expect((await here("kv", "get", "owner", "--all")).code).toBe(1);
    expect((await here("kv", "get", "owner", "--all", "-o", "x")).code).toBe(2);
  });

  test("import --atomic says why nothing was written, with that code", async () => {
    const path = join(folder.path, "lines.jsonl");
    writeFileSync(path, '{"key":"a1","value":1}\n{"key":"a2","value":2}\n');
    expect(await outOf("kv", "import", path, "--atomic")).toContain("2 keys written");
    writeFileSync(path, '{"key":"b1","value":1}\nnonsense\n');
    const refused = await here("kv", "import", path, "--atomic");
    expect(refused.code).toBe(1);
    expect(refused.err).toContain("coterie: nothing was written: line 2: ");
    const many = Array.from({ length: 129 }, (_, n) => `{"key":"b${n}","value":1}`);
    writeFileSync(path, many.join("\n"));
    const tooMany = await here("kv", "import", path, "--atomic", "--json");
    expect(tooMany.code).toBe(2);
    expect(JSON.parse(tooMany.err.trim())).toMatchObject({ error: { code: "TOO_LARGE" } });
    expect((await here("kv", "get", "b1")).code).toBe(1);
  });
});

test("counter adds one, or N, or less than nothing, and prints what it is", async () => {
  expect(await outOf("counter", "add", "c")).toBe("1\n");
  expect(await outOf("counter", "add", "c", "18446744073709551614")).toBe("18446744073709551615\n");
  expect(await outOf("counter", "add", "c", "--", "-5")).toBe("18446744073709551610\n");
  expect(await outOf("counter", "get", "c")).toBe("18446744073709551610\n");
  expect(await outOf("counter", "ls", "--prefix", "c", "--long")).toMatch(
    /^c\t18446744073709551610\t/,
  );
  const over = await here("counter", "add", "c", "9");
  expect(over).toMatchObject({ code: 1, out: "" });
  expect(over.err).toMatch(/^coterie: .*2\^64.*; delete the counter/);
  expect((await here("counter", "add", "c", "1.5")).code).toBe(2);
  await outOf("counter", "del", "c");
  expect((await here("counter", "get", "c")).code).toBe(1);
});

test("set says by its exit code whether it has an element, and lists what it has", async () => {
  await outOf("set", "add", "fruits", "pear", "apple", "evil\u001b[2J");
  expect(await outOf("set", "ls", "fruits")).toBe("apple\nevil\\x1b[2J\npear\n");
  expect(await outOf("set", "has", "fruits", "apple")).toBe("");
  await outOf("set", "rm", "fruits", "apple");
  expect(await here("set", "has", "fruits", "apple")).toMatchObject({ code: 1, out: "", err: "" });
  expect(await outOf("set", "ls", "--prefix", "fr")).toBe("fruits\n");
  expect(await outOf("set", "ls", "fruits", "--long", "--limit", "1")).toMatch(/^evil\S+\t\d{4}-/);
});

describe("log", () => {
  test("is appended to by value and by line, and its last items are printed in order", async () => {
    await outOf("log", "append", "diary", "one");
    await outOf("log", "append", "diary", '{"n": 1.0}', "--json-value");
    const child = start(["log", "append", "diary", "-", "--lines"], { dataDir: folder.path });
    child.stdin.end("three\nfour\n");
    await new Promise((resolve) => child.once("close", resolve));
    const lines = (await outOf("log", "tail", "diary", "--tail", "3")).trimEnd().split("\n");
    expect(lines.map((line) => line.split("\t")[2])).toEqual(['{"n":1}', "three", "four"]);
    expect((await terminal("log", "tail", "diary")).out).toContain("four");
    const { before } = JSON.parse(
      await outOf("log", "tail", "diary", "--tail", "2", "--json"),
    ) as schema.LogTail;
    const older = await outOf("log", "tail", "diary", "--before", before ?? "");
    expect(older.trimEnd().split("\n")).toHaveLength(2);
    expect((await here("log", "append", "diary", "x", "--lines")).code).toBe(2);
  });

  test("is followed as it grows", async () => {
    await outOf("log", "append", "grows", "one");
    const child = start(["log", "tail", "grows", "-f", "--json"], { dataDir: folder.path });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async () => JSON.parse((await lines.next()).value ?? "") as schema.LogItem;
    const items = [await next()];
    await outOf("log", "append", "grows", "two");
    items.push(await next());
    child.kill();
    expect(items.map(({ value }) => value)).toEqual(["one", "two"]);
    for (const item of items) expect([...Value.Errors(schema.LogItem, item)]).toEqual([]);
  });
});

test("explain lists each live entry with its type when piped, and why on a terminal", async () => {
  await outOf("counter", "add", "e", "3");
  await outOf("kv", "put", "e", "x", "--multi");
  const out = await outOf("explain", "e");
  const rows = out.split("\n").map((row) => row.split("\t"));
  expect(rows.pop()).toEqual([""]);
  expect(rows.map(([type]) => type)).toEqual(["multi", "counter"]);
  expect(rows[1]).toHaveLength(7);
  expect(rows[1]?.[2]).toMatch(/^\d{4}-\d\d-\d\dT\S+Z\+\d+$/);
  expect(rows[1]?.[5]).toBe("+3 -0");
  const shown = (await terminal("explain", "e")).out;
  expect(shown).toContain("counter (class slot): each writer's latest sums count");
  const nothing = await here("explain", "no such key");
  expect(nothing).toMatchObject({ code: 0, out: "", err: "nothing is known of this key\n" });
});
