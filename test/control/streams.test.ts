import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Compile } from "typebox/schema";
import { EventMessage, LogRecord, WatchEvent } from "../../src/control/schema.ts";
import type { ChangeEvent, Value } from "../../src/control/daemon.ts";
import { limits } from "../../src/core/limits.ts";
import { ask, collect, errorCode, startFixture, until, type Fixture } from "./fixture.ts";

let fixture: Fixture;
beforeEach(async () => {
  fixture = await startFixture();
});
afterEach(() => fixture.close());

async function take<T>(items: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  for await (const item of items) if (taken.push(item) === count) break;
  return taken;
}

const put = (key: string, value: unknown): Promise<unknown> =>
  fixture.client.kvWrite("n", [{ key, value }]);

function change(cursor: string, key: string, value: Value | undefined): ChangeEvent {
  const written = { author: "a", stamp: 1n };
  const holding = value && ({ type: "register", record: { key, value, ...written } } as const);
  return { cursor, namespace: "n", type: "register", key, holding, ...written };
}

describe("watch", () => {
  test("tells of changes from now on, of a prefix, with deletions", async () => {
    await put("a/0", "before");
    const watching = take(fixture.client.kvWatch("n", { prefix: "a/" }), 2);
    await until(() => fixture.daemon.openStreams === 1);
    await put("b", "other");
    await put("a/1", { n: 1 });
    await fixture.client.kvDelete("n", "a/1");
    const events = await watching;
    expect(events).toMatchObject([
      { namespace: "n", key: "a/1", deleted: false, value: { n: 1 } },
      { namespace: "n", key: "a/1", deleted: true },
    ]);
    for (const event of events) expect(Compile(WatchEvent).Check(event)).toBe(true);
    await until(() => fixture.daemon.openStreams === 0);
  });

  test("goes on after a cursor, and from the start with cursor 0", async () => {
    for (const key of ["a", "b", "c"]) await put(key, key);
    const all = await take(fixture.client.kvWatch("n", { cursor: "0" }), 3);
    expect(all.map((event) => event.key)).toEqual(["a", "b", "c"]);
    const rest = await take(fixture.client.kvWatch("n", { cursor: all[0]?.cursor ?? "" }), 2);
    expect(rest.map((event) => event.key)).toEqual(["b", "c"]);
  });

  test("a reconnecting EventSource goes on after the last id it saw, not at its first URL", async () => {
    for (const key of ["a", "b", "c"]) await put(key, key);
    const stopped = ask(fixture.socketPath, "GET", "/v1/watch/n?cursor=0", {
      headers: { "last-event-id": "2" },
    });
    await until(() => fixture.daemon.openStreams === 1);
    await fixture.control.stop();
    const answer = await stopped;
    expect(answer.headers["content-type"]).toBe("text/event-stream");
    expect(answer.text).toMatch(
      /^id: 3\ndata: \{"cursor":"3","namespace":"n","type":"register","key":"c".*\}\n\n/,
    );
    expect(answer.text).not.toContain('"key":"b"');
  });

  test("a wrong cursor is a plain HTTP error", async () => {
    const answer = await ask(fixture.socketPath, "GET", "/v1/watch/n?cursor=zzz");
    expect([answer.status, errorCode(answer)]).toEqual([410, "BAD_CURSOR"]);
    await expect(collect(fixture.client.kvWatch("n", { cursor: "zzz" }))).rejects.toMatchObject({
      code: "BAD_CURSOR",
    });
  });

  test("a failure in the middle is told in the stream, without a stack", async () => {
    fixture.daemon.kv.watch = async function* failing() {
      yield change("1", "k", undefined);
      await new Promise((resolve) => setTimeout(resolve, 20));
      throw new Error("store is gone");
    };
    const seen: string[] = [];
    const watching = (async () => {
      for await (const event of fixture.client.kvWatch("n", {})) seen.push(event.key);
    })();
    await expect(watching).rejects.toMatchObject({ code: "INTERNAL", message: "store is gone" });
    expect(seen).toEqual(["k"]);
    const [record] = await collect(fixture.client.logs({ level: "error", tail: 1 }));
    expect(record?.fields).toMatchObject({ code: "INTERNAL", reason: "store is gone" });
    expect(String(record?.fields["stack"])).toContain("streams.test.ts");
  });

  test("aborting closes the request and ends the daemon's stream", async () => {
    const abort = new AbortController();
    const watching = collect(fixture.client.kvWatch("n", {}, { signal: abort.signal }));
    await until(() => fixture.daemon.openStreams === 1);
    abort.abort();
    await expect(watching).rejects.toMatchObject({ code: "ABORTED" });
    await until(() => fixture.daemon.openStreams === 0);
  });

  test("a client that is cut off ends the daemon's stream", async () => {
    const iterator = fixture.client.kvWatch("n", { cursor: "0" })[Symbol.asyncIterator]();
    await put("a", 1);
    await iterator.next();
    expect(fixture.daemon.openStreams).toBe(1);
    await iterator.return?.();
    await until(() => fixture.daemon.openStreams === 0);
  });

  test("a reader that stops reading stops the daemon's iteration", async () => {
    let made = 0;
    fixture.daemon.kv.watch = async function* endless() {
      const value = { kind: "bytes", bytes: Buffer.alloc(100_000) } as const;
      for (;;) {
        const key = String(++made);
        yield change(key, key, value);
      }
    };
    const iterator = fixture.client.kvWatch("n", {})[Symbol.asyncIterator]();
    await iterator.next();
    let before = -1;
    await until(() => {
      const still = made === before;
      before = made;
      return still;
    });
    expect(made).toBeLessThan(100);
    expect(await fixture.client.status()).toBeDefined();
    await iterator.return?.();
  });
});

describe("events", () => {
  test("reach who subscribes, byte for byte", async () => {
    const listening = take(fixture.client.subscribe("room/1 \u00e9"), 1);
    await until(() => fixture.daemon.openStreams === 1);
    const data = Uint8Array.of(0, 255, 10);
    expect(await fixture.client.publish("room/1 \u00e9", data)).toEqual({ peers: 1 });
    const [message] = await listening;
    expect(message).toMatchObject({ topic: "room/1 \u00e9", dataBase64: "AP8K" });
    expect(Compile(EventMessage).Check(message)).toBe(true);
  });

  test("over the limit, or with a topic over it, are refused", async () => {
    const large = fixture.client.publish("t", new Uint8Array(limits.eventBytesMax + 1));
    await expect(large).rejects.toMatchObject({ code: "TOO_LARGE" });
    const long = fixture.client.publish(
      "t".repeat(limits.eventTopicBytesMax + 1),
      new Uint8Array(),
    );
    await expect(long).rejects.toMatchObject({ code: "BAD_REQUEST" });
  });
});

describe("logs", () => {
  test("the last records, at a level or graver", async () => {
    const { log } = fixture.daemon.logs;
    log.info("one");
    log.warn("two");
    log.info("three");
    const all = await collect(fixture.client.logs({}));
    expect(all.map((record) => record.message)).toEqual(["one", "two", "three"]);
    for (const record of all) expect(Compile(LogRecord).Check(record)).toBe(true);
    expect(await collect(fixture.client.logs({ level: "warn" }))).toHaveLength(1);
    expect((await collect(fixture.client.logs({ tail: 1 })))[0]?.message).toBe("three");
    expect(await collect(fixture.client.logs({ tail: 0 }))).toEqual([]);
  });

  test("are followed at a finer level than the daemon's", async () => {
    const { log } = fixture.daemon.logs;
    const following = fixture.client.logs({ follow: true, level: "debug", tail: 0 });
    const iterator = following[Symbol.asyncIterator]();
    const next = iterator.next();
    const alive = setInterval(() => log.debug("beat"), 2);
    expect((await next).value).toMatchObject({ level: "debug" });
    clearInterval(alive);
    await iterator.return?.();
  });

  test("have a level that can be read and changed", async () => {
    await fixture.client.setLogLevel("debug");
    expect(fixture.daemon.logs.level()).toBe("debug");
    const answer = await ask(fixture.socketPath, "GET", "/v1/logs/level");
    expect(JSON.parse(answer.text)).toEqual({ level: "debug" });
    const wrong = await ask(fixture.socketPath, "PUT", "/v1/logs/level", {
      headers: { "content-type": "application/json" },
      body: '{"level":"loud"}',
    });
    expect(wrong.text).toContain(
      'body/level must be one of \\"error\\", \\"warn\\", \\"info\\", \\"debug\\", \\"trace\\"',
    );
  });
});

test("streams over the limit are refused, and a place is free again when one ends", async () => {
  const abort = new AbortController();
  const options = { signal: abort.signal };
  const streams = Array.from({ length: limits.streamsMax }, () =>
    collect(fixture.client.subscribe("t", options)).catch(() => undefined),
  );
  await until(() => fixture.daemon.openStreams === limits.streamsMax);
  const oneMore = collect(fixture.client.subscribe("t"));
  await expect(oneMore).rejects.toMatchObject({ code: "OVERLOADED" });
  expect(await fixture.client.status()).toBeDefined();
  abort.abort();
  await Promise.all(streams);
  await until(() => fixture.daemon.openStreams === 0);
  await collect(fixture.client.logs({}));
});

test("stopping tells followers why and does not wait for them", async () => {
  const watching = collect(fixture.client.kvWatch("n", {}));
  watching.catch(() => undefined);
  await until(() => fixture.daemon.openStreams === 1);
  await fixture.control.stop();
  await expect(watching).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
});
