import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Compile } from "typebox/schema";
import { KvItem, KvList, WriteResult } from "../../src/control/schema.ts";
import { limits } from "../../src/core/limits.ts";
import { ask, errorCode, startFixture, type Fixture } from "./fixture.ts";

let fixture: Fixture;
let namespace = 0;
let ns = "";

beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.close());
beforeEach(() => {
  ns = `ns-${++namespace}`;
});

const text = (value: string): { kind: "text"; bytes: Uint8Array } => ({
  kind: "text",
  bytes: Buffer.from(value),
});

describe("keys", () => {
  test.each([
    "a",
    "a/b/c",
    ".",
    "..",
    "../../etc",
    "%2F",
    "?x=1#y",
    "+ &=",
    "é\u{1f600}\u2028",
    "\u0001\u007f\r\n",
  ])("%j is written, read, listed and deleted", async (key) => {
    await fixture.client.kvPut(ns, key, text(`value of ${key}`));
    expect(await fixture.client.kvGet(ns, key)).toMatchObject({ key, value: `value of ${key}` });
    const list = await fixture.client.kvList(ns, { prefix: key });
    expect(list.items.map((item) => item.key)).toEqual([key]);
    await fixture.client.kvDelete(ns, key);
    await expect(fixture.client.kvGet(ns, key)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test.each([
    ["", "BAD_KEY"],
    ["a\0b", "BAD_KEY"],
    ["\ud800", "BAD_KEY"],
    ["k".repeat(1_025), "BAD_KEY"],
  ])("%j is refused", async (key, code) => {
    await expect(fixture.client.kvPut(ns, key, text("x"))).rejects.toMatchObject({ code });
  });

  test("a slash that is not encoded is no route, and the hint says why", async () => {
    const answer = await ask(fixture.socketPath, "GET", `/v1/kv/${ns}/a/b`);
    expect(answer.status).toBe(404);
    expect(answer.text).toContain("write slashes inside a key as %2F");
  });

  test.each(["%", "%zz", "%ff", "%C3", "\u00e9"])("the path %j is refused", async (path) => {
    const answer = await ask(fixture.socketPath, "GET", `/v1/kv/${ns}/${path}`);
    expect([answer.status, errorCode(answer)]).toEqual([400, "BAD_REQUEST"]);
  });

  test.each(["Upper", "-a", "a_b", "%00", "a".repeat(64)])(
    "the namespace %j is refused",
    async (name) => {
      const answer = await ask(fixture.socketPath, "GET", `/v1/kv/${name}/k`);
      expect([answer.status, errorCode(answer)]).toEqual([400, "BAD_NAMESPACE"]);
    },
  );
});

describe("values", () => {
  test("JSON comes back byte for byte, in the item and alone", async () => {
    const raw = ' {"n":12345678901234567890, "f":1.0,"e":1e400,\n"z":"\\u00e9","a":1,"a":2}\r\n';
    await fixture.client.kvPut(ns, "k", { kind: "json", bytes: Buffer.from(raw) });
    const item = await ask(fixture.socketPath, "GET", `/v1/kv/${ns}/k`);
    expect(item.text).toContain(`"value":${raw},"author"`);
    const { kind, bytes } = await fixture.client.kvGetRaw(ns, "k");
    expect([kind, Buffer.from(bytes).toString()]).toEqual(["json", raw]);
  });

  test("bytes come back as base64 in the item, and alone", async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    await fixture.client.kvPut(ns, "k", { kind: "bytes", bytes });
    const item = await fixture.client.kvGet(ns, "k");
    expect(item.valueBase64).toBe(Buffer.from(bytes).toString("base64"));
    expect(item.value).toBeUndefined();
    const raw = await fixture.client.kvGetRaw(ns, "k");
    expect([raw.kind, Buffer.from(raw.bytes)]).toEqual(["bytes", Buffer.from(bytes)]);
  });

  test("an empty text is a value", async () => {
    await fixture.client.kvPut(ns, "k", text(""));
    expect((await fixture.client.kvGet(ns, "k")).value).toBe("");
  });

  test.each([
    ["application/json", "{", 400, "BAD_VALUE"],
    ["application/json", "", 400, "BAD_VALUE"],
    ["text/plain", Buffer.of(0xff), 400, "BAD_VALUE"],
    ["text/plain; charset=latin1", "x", 415, "UNSUPPORTED_TYPE"],
    ["application/x-www-form-urlencoded", "x", 415, "UNSUPPORTED_TYPE"],
    [undefined, "x", 415, "UNSUPPORTED_TYPE"],
    ["application/octet-stream", "x".repeat(limits.valueBytesMax + 1), 413, "TOO_LARGE"],
  ])("a body of type %s is refused when it is wrong", async (type, body, status, code) => {
    const headers = type === undefined ? {} : { "content-type": type };
    const answer = await ask(fixture.socketPath, "PUT", `/v1/kv/${ns}/k`, { headers, body });
    expect([answer.status, errorCode(answer)]).toEqual([status, code]);
    expect(fixture.daemon.records(ns)).toEqual([]);
  });

  test("a compressed body is refused", async () => {
    const headers = { "content-type": "text/plain", "content-encoding": "gzip" };
    const answer = await ask(fixture.socketPath, "PUT", `/v1/kv/${ns}/k`, { headers, body: "x" });
    expect(errorCode(answer)).toBe("UNSUPPORTED_TYPE");
  });

  test("answers fit their schemas", async () => {
    const written: unknown = await fixture.client.kvPut(ns, "k", text("x"));
    expect(Compile(WriteResult).Check(written)).toBe(true);
    expect(Compile(KvItem).Check(await fixture.client.kvGet(ns, "k"))).toBe(true);
    expect(Compile(KvList).Check(await fixture.client.kvList(ns, {}))).toBe(true);
  });
});

describe("lists", () => {
  beforeEach(async () => {
    const keys = ["a", "b/1", "b/2", "b/3", "c"];
    await fixture.client.kvWrite(
      ns,
      keys.map((key) => ({ key, value: key })),
    );
  });

  test("page through a prefix by the key after which to go on", async () => {
    const first = await fixture.client.kvList(ns, { prefix: "b/", limit: 2 });
    expect([first.items.map((item) => item.key), first.next]).toEqual([["b/1", "b/2"], "b/2"]);
    const second = await fixture.client.kvList(ns, { prefix: "b/", limit: 2, after: "b/2" });
    expect([second.items.map((item) => item.key), second.next]).toEqual([["b/3"], null]);
  });

  test("a page ends early when it grows large", async () => {
    const value = Buffer.alloc(limits.valueBytesMax, 0x78);
    for (let index = 0; index < 200; index++) {
      const op = {
        key: `d/${String(index).padStart(3, "0")}`,
        value: { kind: "bytes", bytes: value },
      } as const;
      await fixture.daemon.kv.write(ns, [op]);
    }
    const page = await fixture.client.kvList(ns, { prefix: "d/" });
    expect(page.items.length).toBeLessThan(200);
    expect(page.next).toBe(page.items.at(-1)?.key);
  });

  test.each([
    ["limit=0", '"query/limit must be >= 1"'],
    ["limit=1.5", '"query/limit must be integer"'],
    ["limit=10001", '"query/limit must be <= 10000"'],
    ["limit=", '"query/limit must be integer"'],
    ["limits=1", '"unknown query parameter \\"limits\\""'],
    ["__proto__=1", '"unknown query parameter \\"__proto__\\""'],
    ["prefix=a&prefix=b", '"the query parameter \\"prefix\\" is given twice"'],
    ["prefix=%ff", '"the query is not percent-encoded UTF-8"'],
  ])("the query %s is refused", async (query, message) => {
    const answer = await ask(fixture.socketPath, "GET", `/v1/kv/${ns}?${query}`);
    expect([answer.status, errorCode(answer)]).toEqual([400, "BAD_REQUEST"]);
    expect(answer.text).toContain(`"message":${message}`);
  });

  test("a plus sign in a query is a space", async () => {
    await fixture.client.kvPut(ns, "x y", text("1"));
    const answer = await ask(fixture.socketPath, "GET", `/v1/kv/${ns}?prefix=x+y`);
    expect(answer.text).toContain('"key":"x y"');
  });
});

describe("batches", () => {
  const post = (body: string): ReturnType<typeof ask> =>
    ask(fixture.socketPath, "POST", `/v1/kv/${ns}`, {
      headers: { "content-type": "application/json" },
      body,
    });

  test("write and delete together, numbers as they are written", async () => {
    await fixture.client.kvPut(ns, "old", text("x"));
    const answer = await post(
      '{"ops":[{"key":"n","value":12345678901234567890},{"key":"old","delete":true},{"key":"b","valueBase64":"AA=="}]}',
    );
    expect(JSON.parse(answer.text)).toMatchObject({ written: 3 });
    const kept = fixture.daemon
      .records(ns)
      .map(({ key, value }) => [key, value.kind, Buffer.from(value.bytes).toString()]);
    expect(kept).toEqual([
      ["b", "bytes", "\0"],
      ["n", "json", "12345678901234567890"],
    ]);
  });

  test.each([
    ["{", "the body is not JSON"],
    ['{"ops":[]}', "body/ops is empty"],
    ["{}", "body must have required properties ops"],
    ['{"ops":[{"key":7}]}', "body/ops/0/key must be string"],
    ['{"ops":[{"key":"a","value":1}],"more":1}', 'body: unknown field \\"more\\"'],
    ['{"ops":[{"key":"a","value":1,"ttl":1}]}', 'body/ops/0: unknown field \\"ttl\\"'],
    ['{"ops":[{"key":"a","delete":false}]}', "body/ops/0/delete must be one of true"],
    [
      `{"ops":[${'{"key":"a","value":1},'.repeat(10_000)}{"key":"a","value":1}]}`,
      "body/ops must not have more than 10000 items",
    ],
  ])("the body %.40s is refused naming the field", async (body, message) => {
    const answer = await post(body);
    expect([answer.status, errorCode(answer)]).toEqual([400, "BAD_REQUEST"]);
    expect(answer.text).toContain(message);
    expect(fixture.daemon.records(ns)).toEqual([]);
  });
});
