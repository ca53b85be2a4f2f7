/** The types beside `register` through the server and the client, over a real state in memory. */
import type { TSchema } from "typebox";
import { Value } from "typebox/value";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Client } from "../../src/control/client.ts";
import type { ChangeEvent } from "../../src/control/daemon.ts";
import * as schema from "../../src/control/schema.ts";
import { limits } from "../../src/core/limits.ts";
import { systemClock } from "../../src/host/clock.ts";
import { encodeValue } from "../../src/protocol/state/value.ts";
import { makeBatch, somePeer, stampOf, testWriter } from "../state/fixture.ts";
import { memoryNode, type MemoryNode } from "../types-in-memory.ts";
import { ask, errorCode, startFixture, until, type Fixture } from "./fixture.ts";

let node: MemoryNode;
let fixture: Fixture;
let client: Client;
let run = 0;
let ns = "";

beforeAll(async () => {
  node = memoryNode();
  fixture = await startFixture(systemClock, node.calls);
  client = fixture.client;
});
afterAll(() => fixture.close());
beforeEach(() => {
  ns = `n${++run}`;
});

const text = (value: string) => ({ kind: "text" as const, bytes: Buffer.from(value) });

function fits(shape: TSchema, value: unknown): void {
  expect([...Value.Errors(shape, value)]).toEqual([]);
}

/** What another member wrote `agoMs` ago. */
function ingest(
  entries: Parameters<typeof makeBatch>[0]["entries"],
  agoMs: number,
  seq = 1n,
): void {
  const stamp = stampOf(systemClock.wallMs() - agoMs);
  const prev = seq === 1n ? {} : { prev: new Uint8Array(32).fill(1) };
  const batch = makeBatch({
    writer: testWriter("bob"),
    namespace: ns,
    seq,
    stamp,
    entries,
    ...prev,
  });
  node.state.ingest(batch.bundle(), somePeer, systemClock.wallMs());
}

describe("a multi-value key", () => {
  test("gives all values, the latest first, and one after a write", async () => {
    await client.multiPut(ns, "k", text("mine"));
    const body = encodeValue({ kind: "json", bytes: Buffer.from('{"n":1.0}') });
    ingest([{ class: 2, type: "multi", key: "k", body }], 60_000);
    const item = await client.multiGet(ns, "k");
    fits(schema.MultiItem, item);
    expect(item.values.map(({ value }) => value)).toEqual(["mine", { n: 1 }]);
    const list = await client.multiList(ns, {});
    fits(schema.MultiList, list);
    expect(list.items).toEqual([item]);
    fits(schema.WriteResult, await client.multiPut(ns, "k", text("both")));
    expect((await client.multiGet(ns, "k")).values.map(({ value }) => value)).toEqual(["both"]);
    await client.multiDelete(ns, "k");
    await expect(client.multiGet(ns, "k")).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(client.kvGet(ns, "k")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("is listed in pages", async () => {
    for (const key of ["a", "b/1", "b/2", "b/3"]) await client.multiPut(ns, key, text(key));
    const first = await client.multiList(ns, { prefix: "b/", limit: 2 });
    expect([first.items.map(({ key }) => key), first.next]).toEqual([["b/1", "b/2"], "b/2"]);
    const rest = await client.multiList(ns, { prefix: "b/", limit: 2, after: "b/2" });
    expect([rest.items.map(({ key }) => key), rest.next]).toEqual([["b/3"], null]);
  });
});

describe("a counter", () => {
  test("counts up and down, exactly, beyond what a JavaScript number holds", async () => {
    fits(schema.CounterResult, await client.counterAdd(ns, "c", 2n ** 60n + 1n));
    const result = await client.counterAdd(ns, "c", -1);
    expect(result).toMatchObject({ key: "c", value: "1152921504606846976" });
    const item = await client.counterGet(ns, "c");
    fits(schema.CounterItem, item);
    expect(item.stamp).toBe(result.stamp);
    const list = await client.counterList(ns, {});
    fits(schema.CounterList, list);
    expect(list.items).toEqual([item]);
    await client.counterDelete(ns, "c");
    await expect(client.counterGet(ns, "c")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("counts every one of many additions at the same time", async () => {
    await Promise.all(Array.from({ length: 50 }, () => client.counterAdd(ns, "c", 1)));
    expect((await client.counterGet(ns, "c")).value).toBe("50");
  });

  test("of which one addition is refused counts the others of that moment", async () => {
    await client.counterAdd(ns, "full", 2n ** 64n - 1n);
    const outcomes = await Promise.allSettled(
      ["a", "full", "b", "full"].map((key) => client.counterAdd(ns, key, 1)),
    );
    expect(outcomes.map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
      "rejected",
    ]);
    expect(outcomes[1]).toMatchObject({ reason: { code: "OVERFLOW" } });
    expect((await client.counterGet(ns, "full")).value).toBe(String(2n ** 64n - 1n));
  });

  test.each(['{"by":1.5}', '{"by":"x"}', '{"by":1e300}', '{"by":9007199254740992}', "{}"])(
    "the body %s is refused",
    async (body) => {
      const headers = { "content-type": "application/json" };
      const answer = await ask(fixture.socketPath, "POST", `/v1/counter/${ns}/c`, {
        headers,
        body,
      });
      expect([answer.status, errorCode(answer)]).toEqual([400, "BAD_REQUEST"]);
    },
  );
});

describe("a set", () => {
  test("has what was added and not removed", async () => {
    fits(schema.WriteResult, await client.setChange(ns, "s", { add: ["b", "a/ü", "c"] }));
    await client.setChange(ns, "s", { remove: ["c", "never"] });
    const members = await client.setMembers(ns, "s", {});
    fits(schema.SetMembers, members);
    expect(members.items.map(({ element }) => element)).toEqual(["a/ü", "b"]);
    fits(schema.SetMember, await client.setGet(ns, "s", "a/ü"));
    await expect(client.setGet(ns, "s", "c")).rejects.toMatchObject({ code: "NOT_FOUND" });
    const names = await client.setNames(ns, {});
    fits(schema.NameList, names);
    expect(names.items).toEqual(["s"]);
  });

  test("cannot have a name or an element that would be another key", async () => {
    for (const [name, element] of [
      ["s\u001fx", "e"],
      ["s", ""],
      ["s", "a\0b"],
      ["s", "e".repeat(1_023)],
    ] as const) {
      const change = client.setChange(ns, name, { add: [element] });
      await expect(change).rejects.toMatchObject({ code: "BAD_KEY" });
    }
    await expect(client.setChange(ns, "s", {})).rejects.toMatchObject({ code: "BAD_REQUEST" });
  });
});

describe("a log", () => {
  test("keeps items in order, gives the last ones, and goes back from there", async () => {
    for (const value of ["1", "2", "3"]) await client.logAppend(ns, "l", text(value));
    await client.logAppend(ns, "l", { kind: "json", bytes: Buffer.from("[1.0]") });
    const tail = await client.logTail(ns, "l", { limit: 2 });
    fits(schema.LogTail, tail);
    expect(tail.items.map(({ value }) => value)).toEqual(["3", [1]]);
    const older = await client.logTail(ns, "l", { limit: 2, before: tail.before ?? "" });
    expect([older.items.map(({ value }) => value), older.before]).toEqual([["1", "2"], null]);
    expect((await client.logNames(ns, {})).items).toEqual(["l"]);
    await client.logDelete(ns, "l");
    expect((await client.logTail(ns, "l", {})).items).toEqual([]);
    expect((await client.logNames(ns, {})).items).toEqual([]);
    await expect(client.logTail(ns, "l", { before: "x" })).rejects.toMatchObject({
      code: "BAD_CURSOR",
    });
  });

  test("is followed item by item, each once, though it is put into checkpoints meanwhile", async () => {
    const count = limits.logCompactionItems + 40;
    for (let index = 0; index < 5; index++) await client.logAppend(ns, "l", text(String(index)));
    const abort = new AbortController();
    const seen: unknown[] = [];
    const following = (async () => {
      for await (const item of client.logFollow(ns, "l", { tail: 3 }, { signal: abort.signal })) {
        fits(schema.LogItem, item);
        seen.push(item.value);
      }
    })();
    await until(() => seen.length === 3);
    ingest([{ class: 4, type: "log", key: "l", body: Buffer.from("\u0001late") }], 3_600_000);
    for (let index = 5; index < count; index++)
      await client.logAppend(ns, "l", text(String(index)));
    const live = () =>
      [...node.state.live({ namespace: ns, class: 4, type: "log", key: "l" })].length;
    await until(() => live() < 100);
    await client.logAppend(ns, "l", text("last"));
    await until(() => seen.at(-1) === "last");
    abort.abort();
    await expect(following).rejects.toMatchObject({ code: "ABORTED" });
    const numbers = Array.from({ length: count - 2 }, (_, index) => String(index + 2));
    expect(seen).toEqual([...numbers.slice(0, 3), "late", ...numbers.slice(3), "last"]);
    const { items } = await client.logTail(ns, "l", { limit: 1_000 });
    expect([items.length, items[0]?.value]).toEqual([count + 2, "late"]);
  });

  test("that is followed tells what came only within a checkpoint", async () => {
    await client.logAppend(ns, "l", text("here"));
    const following = client.logFollow(ns, "l", { tail: 10 })[Symbol.asyncIterator]();
    expect((await following.next()).value).toMatchObject({ value: "here" });
    const stamp = stampOf(systemClock.wallMs() - 1_000);
    const listed = Buffer.alloc(10);
    listed.writeBigUInt64BE(stamp);
    const body = Buffer.concat([listed, Buffer.of(4), Buffer.from("\u0001old")]);
    ingest([{ class: 4, type: "log", key: "l", body, range: { from: stamp, to: stamp } }], 500);
    expect((await following.next()).value).toMatchObject({ value: "old" });
    await following.return?.();
  });
});

describe("watch", () => {
  test("tells of every type what its key holds, once a change, removals and deletions too", async () => {
    const events: schema.WatchEvent[] = [];
    const abort = new AbortController();
    const watching = (async () => {
      const options = { signal: abort.signal };
      for await (const event of client.kvWatch(ns, { cursor: "0" }, options)) events.push(event);
    })();
    const told: unknown[] = [];
    const next = async (work: Promise<unknown>): Promise<void> => {
      const before = events.length;
      await work;
      await until(() => events.length > before);
      const { type, key, deleted, value, values, set, element } = events.at(-1)!;
      const held = values?.map((one) => one.value) ?? value;
      told.push(
        [type, set ?? key, element, deleted ? "deleted" : held].filter((x) => x !== undefined),
      );
    };
    await next(client.kvPut(ns, "r", text("1")));
    await next(client.multiPut(ns, "m", text("1")));
    await next(client.counterAdd(ns, "c", 5));
    await next(client.counterAdd(ns, "c", -7));
    await next(client.counterDelete(ns, "c"));
    await next(client.setChange(ns, "s", { add: ["x"] }));
    await next(client.setChange(ns, "s", { remove: ["x"] }));
    await next(client.logAppend(ns, "l", text("1")));
    await next(client.logDelete(ns, "l"));
    await next(client.multiDelete(ns, "m"));
    expect(told).toEqual([
      ["register", "r", "1"],
      ["multi", "m", ["1"]],
      ["counter", "c", "5"],
      ["counter", "c", "-2"],
      ["counter", "c", "deleted"],
      ["set", "s", "x"],
      ["set", "s", "x", "deleted"],
      ["log", "l"],
      ["log", "l", "deleted"],
      ["multi", "m", "deleted"],
    ]);
    for (const event of events) fits(schema.WatchEvent, event);
    abort.abort();
    await expect(watching).rejects.toMatchObject({ code: "ABORTED" });
    expect(events).toHaveLength(told.length);

    // from the beginning: each key once, as it is now
    const again: string[] = [];
    for await (const event of client.kvWatch(ns, { cursor: "0" })) {
      again.push(`${event.type} ${event.deleted}`);
      if (again.length === 5) break;
    }
    expect(again).toEqual(["register false", "counter true", "set true", "log true", "multi true"]);
  });

  test("tells a key with several live entries once for each that comes to it, with all of them", async () => {
    await client.multiPut(ns, "m", text("mine"));
    const [body, other] = ["theirs", "again"].map((value) => encodeValue(text(value)));
    ingest([{ class: 2, type: "multi", key: "m", body }], 60_000);
    const events: string[][] = [];
    for await (const event of client.kvWatch(ns, { cursor: "0", types: "multi" })) {
      events.push((event.values ?? []).map(({ value }) => String(value)));
      if (events.length === 1)
        ingest([{ class: 2, type: "multi", key: "m", body: other }], 50_000, 2n);
      if (events.length === 2) break;
    }
    expect(events).toEqual([
      ["mine", "theirs"],
      ["mine", "again", "theirs"],
    ]);
  });

  test("tells a slow reader a key's last state once, whatever happens while it reads", async () => {
    for (const key of ["a", "b"]) await client.counterAdd(ns, key, 1);
    const abort = new AbortController();
    const options = { prefix: "", cursor: "0" };
    const events = node.calls.kv.watch(ns, options, abort.signal)[Symbol.asyncIterator]();
    const next = async (): Promise<unknown> => {
      const { value } = (await events.next()) as { value: ChangeEvent };
      return [value.key, value.holding];
    };
    expect(await next()).toEqual(["a", { type: "counter", value: 1n }]);
    await client.counterAdd(ns, "b", 1);
    await client.counterAdd(ns, "c", 1);
    expect(await next()).toEqual(["b", { type: "counter", value: 2n }]);
    expect(await next()).toEqual(["c", { type: "counter", value: 1n }]);
    await events.return?.();
  });

  test("of some types leaves the others out", async () => {
    await client.counterAdd(ns, "c", 1);
    await client.kvPut(ns, "r", text("1"));
    for await (const event of client.kvWatch(ns, { cursor: "0", types: "multi,register" })) {
      expect(event.type).toBe("register");
      break;
    }
  });
});

describe("explain", () => {
  test("shows every live entry of every type, why, and what is held back", async () => {
    await client.kvPut(ns, "k", text("1"));
    await client.multiPut(ns, "k", text("a"));
    await client.counterAdd(ns, "k", 5);
    await client.counterAdd(ns, "k", -2);
    await client.logAppend(ns, "k", text("1"));
    const body = encodeValue(text("b"));
    const tomorrow = { class: 3 as const, type: "rating", key: "k", body };
    ingest([{ class: 2, type: "multi", key: "k", body }, tomorrow], 60_000);
    const later = ["k", "another"].map((key) => ({
      class: 1 as const,
      type: "register",
      key,
      body,
    }));
    ingest(later, -3_600_000, 2n);
    const found = await client.explain(ns, "k", {});
    fits(schema.Explanation, found);
    const brief = found.types.map(({ type, class: name, count, entries }) => [
      name,
      type,
      count,
      ...entries.map(({ says }) => says),
    ]);
    expect(brief).toEqual([
      ["last", "register", 1, "value"],
      ["context", "multi", 2, "value", "value"],
      ["slot", "counter", 1, "+5 -2"],
      ["slot", "rating", 1, "value"],
      ["append", "log", 1, "item"],
    ]);
    expect(found.types[1]?.why).toContain("2 had not seen one another");
    expect(found.types[1]?.entries[1]?.author).toBe(testWriter("bob").identity.peer);
    expect(found.types[1]?.entries[1]?.ageMs).toBeGreaterThanOrEqual(60_000);
    expect(found.quarantined).toMatchObject([
      { type: "register", author: testWriter("bob").identity.peer, from: somePeer },
    ]);
    expect(found.quarantined[0]?.dueInMs).toBeGreaterThan(3_000_000);
    expect((await client.explain(ns, "nothing", {})).types).toEqual([]);
  });

  test("shows the element of a set, and that it was removed", async () => {
    await client.setChange(ns, "s", { add: ["x"], remove: [] });
    await client.setChange(ns, "s", { remove: ["x"] });
    const found = await client.explain(ns, "s", { element: "x" });
    expect(found.types).toMatchObject([
      { type: "set", count: 1, entries: [{ deletes: true, contextWriters: 1 }] },
    ]);
    expect(found.types[0]?.why).toContain("the latest deletes it");
  });
});
