import { once } from "node:events";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { Value } from "typebox/value";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ImportProgress, KvList, WatchEvent } from "../../src/control/schema.ts";
import {
  outcomeOf,
  run,
  start,
  startFake,
  temporaryFolder,
  type Fake,
  type RunOptions,
} from "./cli.ts";
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

const kv = (words: readonly string[], options: RunOptions = {}) =>
  run(["kv", ...words], { dataDir: folder.path, ...options });
const here = (words: readonly string[]) => runPiped(["kv", ...words], folder.path);
const terminal = (...words: string[]) => runOnTerminal(words, folder.path);
const file = (name: string, content: string | Uint8Array) => {
  const path = join(folder.path, name);
  writeFileSync(path, content);
  return path;
};

const everyByte = Uint8Array.from({ length: 256 }, (_, byte) => byte);

describe("put and get", () => {
  test("text comes back with one newline after it", async () => {
    expect(await kv(["put", "hello", "wörld"])).toMatchObject({ code: 0, out: "", err: "" });
    expect(await kv(["get", "hello"])).toMatchObject({ code: 0, out: "wörld\n", err: "" });
    await kv(["put", "lines", "-"], { input: "a\nb\n" });
    expect((await kv(["get", "lines"])).out).toBe("a\nb\n");
    await kv(["put", "empty", ""]);
    expect((await kv(["get", "empty"])).out).toBe("\n");
  });

  test("bytes come back exactly, piped and by --output", async () => {
    const path = file("all.bin", everyByte);
    expect((await kv(["put", "bin", "--file", path, "--bytes"])).code).toBe(0);
    expect(new Uint8Array((await kv(["get", "bin"])).stdout)).toEqual(everyByte);
    const copy = join(folder.path, "copy.bin");
    expect(await kv(["get", "bin", "-o", copy])).toMatchObject({ code: 0, out: "" });
    expect(new Uint8Array(readFileSync(copy))).toEqual(everyByte);
    await kv(["put", "hello", "x"]);
    await kv(["get", "hello", "-o", copy]);
    expect(readFileSync(copy, "utf8")).toBe("x");
  });

  test("on a terminal nothing of a value reaches the screen raw", async () => {
    await kv(["put", "evil", "a\u001b[2J\u202e\nb\tc"]);
    expect((await terminal("kv", "get", "evil")).out).toBe("a\\x1b[2J\\u{202e}\nb\tc\n");
    await kv(["put", "bytes", "-", "--bytes"], { input: Uint8Array.of(0, 0xff) });
    expect((await terminal("kv", "get", "bytes")).out).toBe("\\x00\\xff\n");
    const json = (await terminal("kv", "get", "evil", "--json")).out;
    expect(json).not.toContain("\u202e");
    expect(JSON.parse(json)).toHaveProperty("value", "a\u001b[2J\u202e\nb\tc");
    expect((await terminal("kv", "export")).out).not.toContain("\u202e");
  });

  test("JSON is kept as written", async () => {
    const text = '{ "n": 12345678901234567890 }';
    expect((await kv(["put", "doc", text, "--json-value"])).code).toBe(0);
    expect((await kv(["get", "doc"])).out).toBe(`${text}\n`);
    const { code, err } = await kv(["put", "doc", "{", "--json-value"]);
    expect({ code, err }).toEqual({
      code: 2,
      err: expect.stringMatching(/^coterie: the value is not JSON: /),
    });
  });

  test("what is not UTF-8 is refused as text, with the way out", async () => {
    const { code, err } = await kv(["put", "k", "-"], { input: Uint8Array.of(0xc3, 0x28) });
    expect({ code, err }).toEqual({
      code: 2,
      err: "coterie: the value is not UTF-8 text; use --bytes to write it as it is\n",
    });
  });

  test("a value from stdin may have NUL and be as large as a value can be, and no larger", async () => {
    const largest = Buffer.alloc(256 * 1024, "\0");
    expect((await kv(["put", "big", "-"], { input: largest })).code).toBe(0);
    expect(
      (await kv(["get", "big"])).stdout.equals(Buffer.concat([largest, Buffer.from("\n")])),
    ).toBe(true);
    const over = await kv(["put", "big", "-"], { input: Buffer.alloc(1024 * 1024) });
    expect(over).toMatchObject({ code: 2, err: "coterie: a value is at most 256.0 KiB\n" });
  });

  test("a long argument is a value like another", async () => {
    const value = "x".repeat(120_000);
    expect((await kv(["put", "long", value])).code).toBe(0);
    expect((await kv(["get", "long"])).out).toBe(`${value}\n`);
  });

  test.each(["a/b", "..", ".", "a b?c#d%2e&", "日本", "\u001b", " ", "-x"])(
    "a key can be %j",
    async (key) => {
      expect((await here(["put", "--", key, key])).code).toBe(0);
      expect((await here(["get", "--", key])).out).toBe(`${key}\n`);
    },
  );

  test("a missing key is exit code 1 and one line; so is a deleted one", async () => {
    expect(await here(["get", "nothing"])).toMatchObject({ code: 1, out: "" });
    await here(["put", "gone", "x"]);
    expect((await here(["del", "gone"])).code).toBe(0);
    const { code, err } = await here(["get", "gone"]);
    expect({ code, lines: err.trimEnd().split("\n").length }).toEqual({ code: 1, lines: 1 });
  });

  test("namespaces are apart", async () => {
    await here(["put", "where", "there", "-n", "other"]);
    expect((await here(["get", "where"])).code).toBe(1);
    expect((await here(["get", "where", "--namespace=other"])).out).toBe("there\n");
  });

  test("what cannot be meant is refused before anything is written", async () => {
    const path = file("value.txt", "x");
    for (const words of [
      ["put", "k"],
      ["put", "k", "v", "--file", path],
      ["put", "k", "v", "--bytes", "--json-value"],
      ["put", "", "v"],
      ["watch", "--cursor", "1", "--from-start"],
    ]) {
      expect({ words, code: (await here(words)).code }).toEqual({ words, code: 2 });
    }
    const { code, err } = await here(["put", "k", "--file", join(folder.path, "nowhere")]);
    expect({ code, err }).toEqual({
      code: 1,
      err: expect.stringContaining("there is no such file"),
    });
  });
});

describe("ls", () => {
  test("lists keys in order, one line each, however they are spelt", async () => {
    for (const key of ["l/b", "l/a", "l/c\nd"]) await here(["put", key, `of ${key}`, "-n", "ls"]);
    expect((await here(["ls", "-n", "ls"])).out).toBe("l/a\nl/b\nl/c\\nd\n");
    expect((await here(["ls", "-n", "ls", "--prefix", "l/b"])).out).toBe("l/b\n");
    expect((await here(["ls", "-n", "ls", "--limit", "0"])).out).toBe("");
    const [row = ""] = (await here(["ls", "-n", "ls", "--long"])).out.split("\n");
    expect(row).toMatch(/^l\/a\t\d{4}-\d\d-\d\dT\S+Z\t12D3Koo\w+\tof l\/a$/);
    expect((await terminal("kv", "ls", "-n", "ls", "--long")).out).toContain("AUTHOR");
  });

  test("is one document however many pages it takes, and says where a limit cut it", async () => {
    const lines = Array.from(
      { length: 2_500 },
      (_, n) => `{"key":"${String(n).padStart(4, "0")}","value":${n}}\n`,
    );
    await kv(["import", "-", "-n", "many"], { input: lines.join("") });
    const { out } = await kv(["ls", "-n", "many", "--json"]);
    const all = JSON.parse(out) as KvList;
    expect(Value.Check(KvList, all)).toBe(true);
    expect([all.items.length, all.next]).toEqual([2_500, null]);
    const some = JSON.parse(
      (await kv(["ls", "-n", "many", "--json", "--limit", "1500"])).out,
    ) as KvList;
    expect([some.items.length, some.next]).toEqual([1_500, "1499"]);
    expect((await kv(["ls", "-n", "many"])).out.trimEnd().split("\n")).toHaveLength(2_500);
  });
});

describe("import and export", () => {
  const records = [
    '{"key":"bin","valueBase64":"AP8="}',
    '{"key":"num","value":12345678901234567890.50}',
    '{"key":"text","value":"\\n\u202e"}',
  ].map((line) => `${line}\n`);

  test("an export is what was imported, byte for byte", async () => {
    const path = file("data.jsonl", records.join(""));
    const { code, out, err } = await kv(["import", path, "-n", "io"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/^3 keys written in .*, [\d,]+ lines\/s\n$/);
    expect((await kv(["export", "-n", "io"])).out).toBe(records.join(""));
    expect((await kv(["export", "-", "-n", "io", "--prefix", "te"])).out).toBe(records[2]);
    const copy = join(folder.path, "copy.jsonl");
    expect(await kv(["export", copy, "-n", "io"])).toMatchObject({ code: 0, out: "" });
    expect(readFileSync(copy, "utf8")).toBe(records.join(""));
    expect(readdirSync(folder.path).filter((name) => name.includes("partial"))).toEqual([]);
  });

  test("some refused lines are exit code 5, each named; all refused are 1", async () => {
    const some = await kv(["import", "-", "-n", "io"], {
      input: `${records[0]}nonsense\n{"key":"","value":1}\n`,
    });
    expect(some.code).toBe(5);
    expect(some.out).toMatch(/^1 key written/);
    expect(some.err).toMatch(
      /^line 2: .*\nline 3: .*\ncoterie: 2 of 3 lines refused, first at line 2: /,
    );
    const all = await kv(["import", "-", "-n", "io", "--json"], { input: "nonsense\n" });
    expect(all.code).toBe(1);
    expect(Value.Check(ImportProgress, JSON.parse(all.out))).toBe(true);
    expect(JSON.parse(all.err)).toHaveProperty(
      "error.message",
      expect.stringContaining("all of 1 line refused"),
    );
  });

  test("nothing to import is no failure; no such file is", async () => {
    expect((await kv(["import", "-"], { input: "" })).code).toBe(0);
    const { code, err } = await kv(["import", join(folder.path, "nowhere.jsonl")]);
    expect({ code, err }).toEqual({
      code: 1,
      err: expect.stringContaining("there is no such file"),
    });
  });

  test("a file that cannot be written is named, and nothing is left of it", async () => {
    const { code, err } = await kv(["export", join(folder.path, "no", "where"), "-n", "io"]);
    expect({ code, err }).toEqual({
      code: 1,
      err: expect.stringContaining("there is no such folder"),
    });
    const taken = await kv(["export", folder.path, "-n", "io"]);
    expect([taken.code, taken.err]).toEqual([1, expect.stringContaining("it is a folder")]);
    expect(
      readdirSync(dirname(folder.path)).filter((name) =>
        name.startsWith(`${basename(folder.path)}.`),
      ),
    ).toEqual([]);
  });

  test("a reader that has seen enough ends it quietly", async () => {
    const big = Array.from(
      { length: 300 },
      (_, n) => `{"key":"${n}","value":"${"x".repeat(4_000)}"}\n`,
    );
    await kv(["import", "-", "-n", "epipe"], { input: big.join("") });
    const child = start(["kv", "export", "-n", "epipe"], { dataDir: folder.path });
    const outcome = outcomeOf(child);
    await once(child.stdout, "data");
    child.stdout.destroy();
    expect(await outcome).toMatchObject({ code: 0, signal: null, err: "" });
  });
});

describe("watch", () => {
  test("prints each change with its cursor, from which another goes on", async () => {
    await kv(["put", "w/1", "one", "-n", "w"]);
    await kv(["del", "w/1", "-n", "w"]);
    const child = start(["kv", "watch", "-n", "w", "--from-start", "--json"], {
      dataDir: folder.path,
    });
    const outcome = outcomeOf(child);
    const events: WatchEvent[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      const event: unknown = JSON.parse(line);
      expect(Value.Check(WatchEvent, event)).toBe(true);
      events.push(event as WatchEvent);
      if (events.length === 2) await kv(["put", "w/2", "two", "-n", "w"]);
      if (events.length === 3) break;
    }
    child.kill("SIGINT");
    expect(await outcome).toMatchObject({ code: null, signal: "SIGINT", err: "" });
    expect(events.map(({ key, deleted, value }) => [key, deleted, value])).toEqual([
      ["w/1", false, "one"],
      ["w/1", true, undefined],
      ["w/2", false, "two"],
    ]);
    const cursor = events[1]?.cursor ?? "";
    const later = await kv(["watch", "-n", "w", "--cursor", cursor, "--timeout", "300ms"]);
    expect(later.out).toBe(`${events[2]?.cursor}\tput\tw/2\ttwo\n`);
    expect(later).toMatchObject({ code: 4, err: "coterie: not over within 300 ms\n" });
  });
});

test("messages are published from an argument or stdin and printed as they arrive", async () => {
  const options = { dataDir: folder.path };
  const child = start(["event", "subscribe", "door", "--json"], options);
  const outcome = outcomeOf(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const first = lines.next();
  // nobody can say when the subscription stands: publish until it has heard one
  const published = async () => {
    await run(["event", "publish", "door", "open"], options);
    return undefined;
  };
  let heard: IteratorResult<string> | undefined;
  do heard = await Promise.race([first, published()]);
  while (heard === undefined);
  expect(JSON.parse(String(heard.value))).toMatchObject({ topic: "door", data: "open" });
  child.kill("SIGTERM");
  await outcome;
  expect((await run(["event", "publish", "door", "-"], { ...options, input: "x" })).code).toBe(0);
  const over = await run(["event", "publish", "door", "-"], {
    ...options,
    input: "x".repeat(40_000),
  });
  expect(over).toMatchObject({ code: 2, err: "coterie: a message is at most 32.0 KiB\n" });
  expect((await run(["event", "publish", "door"], options)).code).toBe(2);
});
