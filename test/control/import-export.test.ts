import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Compile } from "typebox/schema";
import type { ImportProgress } from "../../src/control/schema.ts";
import * as schema from "../../src/control/schema.ts";
import { CoterieError } from "../../src/core/errors.ts";
import { limits } from "../../src/core/limits.ts";
import {
  ask,
  chunked,
  collect,
  errorCode,
  startFixture,
  textOf,
  until,
  type Fixture,
} from "./fixture.ts";

let fixture: Fixture;
beforeEach(async () => {
  fixture = await startFixture();
});
afterEach(() => fixture.close());

async function load(input: string | Uint8Array, namespace = "n"): Promise<ImportProgress> {
  const progress = await collect(fixture.client.kvImport(namespace, chunked(input)));
  const last = progress.at(-1);
  if (last?.done !== true) throw new Error("the import did not say that it is done");
  return last;
}

const dump = (namespace = "n"): Promise<string> => textOf(fixture.client.kvExport(namespace, {}));

describe("round trip", () => {
  test("lines of JSON.stringify({key, value}) come back byte for byte, in key order", async () => {
    const key = fc
      .string({ unit: "binary", minLength: 1, maxLength: 20 })
      .filter((text) => text.isWellFormed() && !text.includes("\0"));
    const pairs = fc.uniqueArray(fc.tuple(key, fc.jsonValue({ noUnicodeString: false })), {
      selector: ([name]) => name,
      maxLength: 12,
    });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(pairs, async (given) => {
        const ns = `n-${++run}`;
        const sorted = given.toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
        const lines = sorted
          .map(([name, value]) => `${JSON.stringify({ key: name, value })}\n`)
          .join("");
        expect(await load(lines, ns)).toMatchObject({ written: given.length, failed: 0 });
        expect(await dump(ns)).toBe(lines);
      }),
      { numRuns: 100 },
    );
  });

  test("what JSON.parse would alter comes back as it was written", async () => {
    const lines = [
      '{"key":"a","value":12345678901234567890}',
      '{"key":"b","value":{"b":1.0,  "a":[1e400,-0]}}',
      '{"key":"c","value":"caf\\u00e9 \\/"}',
      '{"key":"d","value":"\\ud800"}',
      '{"key":"e","valueBase64":"AP8="}',
      "",
    ].join("\n");
    await load(lines);
    expect(await dump()).toBe(lines);
  });

  test("JSON that was put with line breaks is exported on one line that means the same", async () => {
    await fixture.client.kvPut("n", "k", {
      kind: "json",
      bytes: Buffer.from('{\r\n "a": "x\\n"\n}\n'),
    });
    const first = await dump();
    expect(first).toBe('{"key":"k","value":{   "a": "x\\n" }}\n');
    await load(first, "m");
    expect(await dump("m")).toBe(first);
  });

  test("an export covers many pages, and the prefix is kept to", async () => {
    const lines = Array.from({ length: 1_000 }, (_, index) => {
      const key = `${index % 2 === 0 ? "even" : "odd"}/${String(index).padStart(4, "0")}`;
      return `${JSON.stringify({ key, value: index })}\n`;
    }).toSorted();
    await load(lines.join(""));
    expect(await dump()).toBe(lines.join(""));
    const odd = await textOf(fixture.client.kvExport("n", { prefix: "odd/" }));
    expect(odd).toBe(lines.slice(500).join(""));
  });
});

describe("an import", () => {
  test("writes the good lines and reports the first of the wrong ones by number and code", async () => {
    const good = (index: number): string => JSON.stringify({ key: `k${index}`, value: index });
    const lines = [
      "\ufeff" + good(1),
      "",
      "nonsense",
      "  \t\r",
      `${good(2)}\r`,
      '{"key":"","value":1}',
      good(3),
    ];
    const last = await load(lines.join("\n"));
    expect(last).toMatchObject({ lines: 5, written: 3, failed: 2, done: true });
    expect(last.errors.map(({ line, code }) => [line, code])).toEqual([
      [3, "BAD_FORMAT"],
      [6, "BAD_KEY"],
    ]);
    expect(fixture.daemon.records("n").map((record) => record.key)).toEqual(["k1", "k2", "k3"]);
  });

  test("counts all wrong lines and names twenty", async () => {
    const last = await load("x\n".repeat(50));
    expect(last).toMatchObject({ lines: 50, failed: 50, written: 0 });
    expect(last.errors.map((error) => error.line)).toEqual(
      Array.from({ length: 20 }, (_, index) => index + 1),
    );
  });

  test("a line over the limit is refused and the next is written", async () => {
    const long = `{"key":"a","value":"${"x".repeat(limits.importLineBytesMax)}"}`;
    const last = await load(`${long}\n{"key":"b","value":1}\n`);
    expect(last).toMatchObject({ lines: 2, written: 1, failed: 1 });
    expect(last.errors).toMatchObject([{ line: 1, code: "TOO_LARGE" }]);
  });

  test("of two lines with one key the later wins", async () => {
    const lines = Array.from({ length: 3_000 }, (_, index) =>
      JSON.stringify({ key: `k${index % 7}`, value: index }),
    );
    fixture.daemon.beforeWrite = () => new Promise((resolve) => setImmediate(resolve));
    await load(lines.join("\n"));
    const values = fixture.daemon
      .records("n")
      .map(({ value }) => Number(Buffer.from(value.bytes).toString()));
    expect(values.toSorted((a, b) => a - b)).toEqual([2993, 2994, 2995, 2996, 2997, 2998, 2999]);
  });

  test("a write the daemon refuses does not take its neighbours along", async () => {
    fixture.daemon.beforeWrite = async (ops) => {
      if (ops.some((op) => op.key === "k5")) throw new CoterieError("BAD_VALUE", "five is out");
    };
    const lines = Array.from({ length: 10 }, (_, index) =>
      JSON.stringify({ key: `k${index}`, value: index }),
    );
    const last = await load(lines.join("\n"));
    expect(last).toMatchObject({ written: 9, failed: 1, errors: [{ line: 6, code: "BAD_VALUE" }] });
  });

  test("a full disk fails the lines and says so", async () => {
    fixture.daemon.beforeWrite = () =>
      Promise.reject(new CoterieError("STORE_FULL", "no space left"));
    const last = await load('{"key":"a","value":1}\n{"key":"b","value":2}\n');
    expect(last).toMatchObject({ written: 0, failed: 2 });
    expect(last.errors).toMatchObject([
      { line: 1, code: "STORE_FULL" },
      { line: 2, code: "STORE_FULL" },
    ]);
  });

  test("waits while the daemon is overloaded", async () => {
    let refusals = 3;
    fixture.daemon.beforeWrite = async () => {
      if (refusals-- > 0) throw new CoterieError("OVERLOADED", "later");
    };
    expect(await load('{"key":"a","value":1}')).toMatchObject({ written: 1, failed: 0 });
  });

  test("a trickle is written as it comes, and progress is told while the upload goes on", async () => {
    let go = (): void => undefined;
    async function* trickle(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('{"key":"a","value":1}\n{"key":"b"');
      await new Promise<void>((resolve) => (go = resolve));
      yield Buffer.from(',"value":2}\n');
    }
    const progress: ImportProgress[] = [];
    for await (const state of fixture.client.kvImport("n", trickle())) {
      progress.push(state);
      if (state.written === 1) go();
    }
    expect(progress[0]).toMatchObject({ lines: 1, written: 1, done: false });
    expect(progress.at(-1)).toMatchObject({ lines: 2, written: 2, done: true });
    for (const state of progress) expect(Compile(schema.ImportProgress).Check(state)).toBe(true);
  });

  test("a daemon that cannot keep up holds the upload back", async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    let most = 0;
    let now = 0;
    fixture.daemon.beforeWrite = async () => {
      most = Math.max(most, ++now);
      await held;
      now--;
    };
    let taken = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (let index = 0; index < 400; index++) {
        const value = "x".repeat(100_000);
        taken++;
        yield Buffer.from(`${JSON.stringify({ key: `k${index}`, value })}\n`);
      }
    }
    const done = collect(fixture.client.kvImport("n", endless()));
    await until(() => now === limits.importGroupsInFlight);
    let before = -1;
    await until(() => {
      const still = taken === before;
      before = taken;
      return still;
    });
    expect(taken).toBeLessThan(100);
    release();
    expect((await done).at(-1)).toMatchObject({ written: 400, done: true });
    expect(most).toBe(limits.importGroupsInFlight);
  });

  test("an error of the source is the caller's error", async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('{"key":"a","value":1}\n');
      throw new CoterieError("BAD_FORMAT", "the file is broken");
    }
    await expect(collect(fixture.client.kvImport("n", broken()))).rejects.toMatchObject({
      code: "BAD_FORMAT",
      message: "the file is broken",
    });
  });

  test("leaving the loop stops the upload and ends the source", async () => {
    let ended = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (let index = 0; ; index++) yield Buffer.from(`{"key":"k${index % 100}","value":1}\n`);
      } finally {
        ended = true;
      }
    }
    for await (const state of fixture.client.kvImport("n", endless())) if (state.lines > 0) break;
    await until(() => ended);
    expect(await fixture.client.status()).toBeDefined();
  });

  test("leaving the loop lets go of a source that has nothing to give", async () => {
    let released = false;
    const silent: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => undefined),
        return: async () => {
          released = true;
          return { done: true, value: undefined };
        },
      }),
    };
    const importing = fixture.client.kvImport("n", silent)[Symbol.asyncIterator]();
    expect((await importing.next()).value).toMatchObject({ lines: 0, done: false });
    await importing.return?.();
    await until(() => released);
  });

  test("a wrong content type and a wrong namespace are refused before anything is read", async () => {
    const body = '{"key":"a","value":1}\n';
    const wrongType = await ask(fixture.socketPath, "POST", "/v1/import/n", {
      headers: { "content-type": "application/json" },
      body,
    });
    expect([wrongType.status, errorCode(wrongType)]).toEqual([415, "UNSUPPORTED_TYPE"]);
    await expect(load(body, "BAD")).rejects.toMatchObject({ code: "BAD_NAMESPACE" });
    expect(fixture.daemon.records("n")).toEqual([]);
  });

  test("a client that vanishes in the middle leaves what was acknowledged and hurts nobody", async () => {
    const abort = new AbortController();
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (let index = 0; ; index++)
        yield Buffer.from(`{"key":"k${index % 1_000}","value":${index}}\n`);
    }
    const importing = collect(fixture.client.kvImport("n", endless(), { signal: abort.signal }));
    await until(() => fixture.daemon.records("n").length > 100);
    abort.abort();
    await expect(importing).rejects.toMatchObject({ code: "ABORTED" });
    await until(() => (fixture.metrics.read()["control.refused.ABORTED"] ?? 0) > 0);
    expect(await fixture.client.status()).toBeDefined();
  });
});

test("an export whose store fails midway breaks off instead of looking complete", async () => {
  await load(
    Array.from({ length: 1_000 }, (_, index) => `{"key":"k${index}","value":1}`).join("\n"),
  );
  const list = fixture.daemon.kv.list.bind(fixture.daemon.kv);
  let pages = 0;
  fixture.daemon.kv.list = (namespace, options) => {
    if (++pages > 3) throw new Error("disk gone");
    return list(namespace, options);
  };
  await expect(dump()).rejects.toMatchObject({ code: "UNREACHABLE" });
});

test("an export that nobody reads holds a few pages, not the whole", async () => {
  const value = Buffer.alloc(1_000, 0x78);
  const ops = Array.from({ length: 20_000 }, (_, index) => ({
    key: `k${index}`,
    value: { kind: "bytes", bytes: value } as const,
  }));
  await fixture.daemon.kv.write("n", ops);
  let pages = 0;
  fixture.daemon.kv.list = (_namespace, { after, limit }) => {
    pages++;
    const from = after === undefined ? 0 : Number(after.slice(1)) + 1;
    const items = ops
      .slice(from, from + limit)
      .map(({ key, value: stored }) => ({ key, value: stored, author: "a", stamp: 1n }));
    return { items, next: from + limit < ops.length ? items.at(-1)?.key : undefined };
  };
  const reading = fixture.client.kvExport("n", {})[Symbol.asyncIterator]();
  await reading.next();
  let before = -1;
  await until(() => {
    const still = pages === before;
    before = pages;
    return still;
  });
  expect(pages).toBeLessThan(80);
  let bytes = 0;
  for (let next = await reading.next(); next.done !== true; next = await reading.next())
    bytes += next.value.length;
  expect(bytes).toBeGreaterThan(20_000_000);
  expect(pages).toBe(Math.ceil(20_000 / limits.exportPageItems));
});
