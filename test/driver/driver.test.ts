import { describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../src/core/codec.ts";
import { limits } from "../../src/core/limits.ts";
import { encodeEvent, type AppEvent } from "../../src/protocol/gossip/event.ts";
import { encodeBundleMessage } from "../../src/protocol/gossip/message.ts";
import { eventsTopic, stateTopic } from "../../src/protocol/gossip/topics.ts";
import { getRegister } from "../../src/protocol/state/register.ts";
import { codedError } from "../coded-error.ts";
import { makeBatch, register, stampOf, testWriter } from "../state/fixture.ts";
import { digestOf, network, startNode, until, type TestNode } from "./fixture.ts";

function valueAt({ state, clock }: TestNode, key: string): string | undefined {
  const record = getRegister(state, "default", key, clock.wallMs());
  return record === undefined ? undefined : Buffer.from(record.value.bytes).toString();
}

async function put({ driver }: TestNode, key: string, value: string): Promise<bigint> {
  return driver.write("default", [register(key, value)]);
}

describe("two nodes", () => {
  test("that wrote apart are equal soon after they meet, the later write of a key winning", async () => {
    const [a, b] = [startNode("a"), startNode("b")];
    const writes: Promise<bigint>[] = [];
    for (let index = 0; index < 300; index++) {
      writes.push(put(a, `a ${index}`, "from a"), put(b, `b ${index}`, "from b"));
    }
    await Promise.all(writes);
    await put(a, "both", "first");
    await put(b, "both", "second");
    expect(digestOf(a)).not.toBe(digestOf(b));
    a.net.connect(b.net);
    await until(() => digestOf(a) === digestOf(b));
    expect(a.state.summary("default").count).toBe(601);
    expect([valueAt(a, "b 299"), valueAt(b, "a 299"), valueAt(a, "both")]).toEqual([
      "from b",
      "from a",
      "second",
    ]);
    expect(a.driver.syncStatus().bytesIn).toBeGreaterThan(10_000);
  });

  test("tell each other by gossip while they are connected, and by reconciliation what gossip lost", async () => {
    const [a, b] = [startNode("a"), startNode("b")];
    a.net.connect(b.net);
    await put(a, "k", "1");
    await until(() => valueAt(b, "k") === "1");
    expect(b.net.verdicts).toContain("accept");
    a.net.gossips = false;
    await put(a, "lost", "2");
    a.net.disconnect(b.net);
    a.net.connect(b.net);
    await until(() => valueAt(b, "lost") === "2" && digestOf(a) === digestOf(b));
  });

  test("hand on what is too large for gossip", async () => {
    const [a, b] = [startNode("a"), startNode("b")];
    a.net.connect(b.net);
    await put(a, "small", "1");
    await until(() => digestOf(a) === digestOf(b));
    const large = "x".repeat(limits.valueBytesMax);
    await put(a, "large", large);
    await until(() => valueAt(b, "large") === large);
  });

  test("learn each other's namespaces", async () => {
    const [a, b] = [startNode("a"), startNode("b")];
    await a.driver.write("only-a", [register("k", "1")]);
    a.net.connect(b.net);
    await until(() => digestOf(a) === digestOf(b));
    expect(b.net.topics().map(({ topic }) => topic)).toContain(stateTopic(network, "only-a"));
    await b.driver.write("only-a", [register("k2", "2")]);
    await until(() => digestOf(a) === digestOf(b));
    expect(a.state.summary("only-a").count).toBe(2);
  });

  test("are equal again after their connection broke in the middle of it all, many times", async () => {
    const [a, b] = [startNode("a"), startNode("b")];
    for (let round = 0; round < 6; round++) {
      const writes = Array.from({ length: 200 }, (_, index) =>
        put(round % 2 === 0 ? a : b, `${round} ${index}`, "v".repeat(200)),
      );
      await Promise.all(writes);
      a.net.connect(b.net);
      for (let turn = 0; turn < round * 3; turn++) await new Promise(setImmediate);
      a.net.disconnect(b.net);
    }
    a.net.connect(b.net);
    await until(() => digestOf(a) === digestOf(b));
    expect(a.state.summary("default").count).toBe(1_200);
  });
});

describe("a write", () => {
  test("is acknowledged and published once it is on disk, not before", async () => {
    const [a, b] = [startNode("a"), startNode("b")];
    a.net.connect(b.net);
    await put(a, "first", "1");
    const published = a.net.published.length;
    const release = a.store.hold();
    let acknowledged = false;
    const written = put(a, "k", "1").then(() => (acknowledged = true));
    await until(() => valueAt(a, "k") === "1");
    await a.clock.sleep(20);
    expect([acknowledged, a.net.published.length]).toEqual([false, published]);
    release();
    await written;
    await until(() => a.net.published.length > published);
  });

  test("of many at once shares signatures with the others", async () => {
    const a = startNode("a");
    const before = a.store.writes;
    await Promise.all(Array.from({ length: 256 }, (_, index) => put(a, `k ${index}`, "v")));
    expect(a.net.published.length).toBeLessThanOrEqual(4);
    expect(a.store.writes).toBeGreaterThan(before);
    expect(a.state.summary("default").count).toBe(256);
  });

  test("given up before it is made is not made", async () => {
    const a = startNode("a");
    const controller = new AbortController();
    const written = a.driver.write("default", [register("k", "1")], controller.signal);
    controller.abort();
    await codedError(() => written, "ABORTED");
    await codedError(
      () => a.driver.write("default", [register("k")], controller.signal),
      "ABORTED",
    );
    await put(a, "other", "1");
    expect(valueAt(a, "k")).toBeUndefined();
  });

  test("that the disk refuses is told by a code, and the next one is taken when there is room", async () => {
    const [a, b] = [startNode("a"), startNode("b")];
    await put(a, "before", "1");
    for (const writes of [0, 3]) {
      a.store.failAfter(writes);
      const refused = await Promise.allSettled([put(a, "k", "1"), put(a, "l", "1")]);
      for (const one of refused) expect(one).toMatchObject({ reason: { code: "STORE_FULL" } });
      expect(a.driver.writable).toBe(false);
      expect(valueAt(a, "k")).toBeUndefined();
      expect(valueAt(a, "before")).toBe("1");
    }
    // others' entries are not taken in either, but neither is the session's end
    await put(b, "theirs", "2");
    a.net.connect(b.net);
    await until(() => (a.metrics.read()["store.store_full"] ?? 0) >= 3);
    a.store.failAfter(undefined);
    await put(a, "k", "2");
    expect(a.driver.writable).toBe(true);
    await until(() => valueAt(a, "theirs") === "2" && digestOf(a) === digestOf(b));
  });

  test("beyond what may wait is refused at once", async () => {
    const a = startNode("a");
    const release = a.store.hold();
    const first = put(a, "first", "1");
    await until(() => valueAt(a, "first") === "1");
    const value = "x".repeat(limits.valueBytesMax - 300);
    const waiting: Promise<unknown>[] = [];
    for (let index = 0; index < limits.writeQueueBytesMax / limits.valueBytesMax; index++) {
      waiting.push(put(a, `k ${index}`, value).catch((error: unknown) => error));
    }
    await codedError(() => put(a, "one more", value), "OVERLOADED");
    expect(a.metrics.read()["write.queue_full"]).toBe(1);
    a.driver.stop();
    release();
    const results = await Promise.all([first.catch((error: unknown) => error), ...waiting]);
    for (const result of results) expect(result).toMatchObject({ code: "SHUTTING_DOWN" });
  });
});

describe("gossip from others", () => {
  const alice = testWriter("alice");

  function message(
    node: TestNode,
    options: { aheadMs?: number; key?: string; wrong?: boolean } = {},
  ): Uint8Array {
    const { aheadMs = 0, key = "k", wrong = false } = options;
    const entries = [register(key, "v")];
    const stamp = stampOf(node.clock.wallMs() + aheadMs);
    const batch = makeBatch({ writer: alice, network, stamp, entries });
    const bundle = batch.bundle();
    if (wrong) bundle[bundle.length - 1]! ^= 1;
    return encodeBundleMessage(bundle)!;
  }

  const topic = stateTopic(network, "default");

  test("is rejected for what any node would see in the bytes, and ignored for the rest", async () => {
    const a = startNode("a");
    const deliver = (data: Uint8Array, on = topic) => a.net.deliver(on, data, alice.identity.peer);
    expect(deliver(message(a, { wrong: true }))).toBe("reject");
    expect(deliver(Uint8Array.of(1))).toBe("reject");
    expect(deliver(Uint8Array.of(9, 1, 2, 3))).toBe("ignore");
    expect(deliver(message(a), "/some/topic")).toBe("ignore");
    expect(deliver(message(a, { key: "elsewhere" }), stateTopic(network, "other"))).toBe("reject");
    expect(deliver(message(a))).toBe("accept");
    await until(() => valueAt(a, "k") === "v");
    const old = message(a, { aheadMs: -3_600_000 });
    expect(deliver(old)).toBe("ignore");
  });

  test("of the future is held, not relayed, and applied when its time comes", async () => {
    const a = startNode("a");
    const startMs = a.clock.wallMs();
    a.clock.stoppedAtMs = startMs;
    const deliver = (aheadMs: number, key: string) =>
      a.net.deliver(topic, message(a, { aheadMs, key }), alice.identity.peer);
    expect(deliver(90_000, "late")).toBe("ignore");
    expect(deliver(60_050, "soon")).toBe("ignore");
    expect([a.state.quarantined, a.state.namespaces()]).toEqual([2, []]);
    a.clock.stoppedAtMs = startMs + 50;
    await until(() => valueAt(a, "soon") === "v");
    expect(a.state.quarantined).toBe(1);
    a.clock.stoppedAtMs = startMs + 30_000;
    expect(deliver(60_001, "wakes")).toBe("ignore");
    await until(() => valueAt(a, "late") === "v");
    expect(a.state.quarantined).toBe(1);
  });
});

describe("events", () => {
  test("reach the listeners of all nodes, this one's included, and none that stopped listening", async () => {
    const [a, b] = [startNode("a"), startNode("b")];
    const heard: string[] = [];
    const listen = (name: string) => (event: AppEvent) => {
      heard.push(
        `${name} ${event.topic} ${event.author === a.identity.peer} ${Buffer.from(event.data).toString()}`,
      );
    };
    a.driver.onEvent(listen("a"));
    b.driver.onEvent(listen("b"));
    b.driver.onEvent(listen("gone"))();
    expect(await a.driver.publishEvent("t", encodeUtf8("alone"))).toBe(0);
    a.net.connect(b.net);
    expect(await a.driver.publishEvent("t", encodeUtf8("hello"))).toBe(1);
    await until(() => heard.length === 3);
    expect(heard.toSorted()).toEqual(["a t true alone", "a t true hello", "b t true hello"]);
  });

  test("that are broken or late are dropped with a verdict and a count", () => {
    const a = startNode("a");
    let heard = 0;
    a.driver.onEvent(() => heard++);
    const { identity } = testWriter("alice");
    const event = (sentAtMs: number): Uint8Array =>
      encodeEvent(
        { topic: "t", data: new Uint8Array(3), sentAtMs },
        network,
        identity,
        new Uint8Array(8),
      );
    const nowMs = a.clock.wallMs();
    const deliver = (data: Uint8Array) => a.net.deliver(eventsTopic(network), data, identity.peer);
    expect(deliver(event(nowMs).subarray(1))).toBe("reject");
    expect(deliver(event(nowMs - 61_000))).toBe("ignore");
    expect(deliver(event(nowMs))).toBe("accept");
    expect(heard).toBe(1);
    expect(a.metrics.read()).toMatchObject({ "events.reject": 1, "events.ignore": 1 });
  });
});

describe("a driver that is stopped", () => {
  test("leaves no timer and no stream, refuses what waits and what comes, and does nothing more", async () => {
    const [a, b] = [startNode("a"), startNode("b")];
    await Promise.all(
      Array.from({ length: 2_000 }, (_, index) => put(a, `k ${index}`, "v".repeat(100))),
    );
    void a.net.deliver(
      stateTopic(network, "default"),
      encodeBundleMessage(
        makeBatch({
          writer: testWriter("alice"),
          network,
          stamp: stampOf(a.clock.wallMs() + 90_000),
          entries: [register("future")],
        }).bundle(),
      )!,
      "somebody",
    );
    a.net.connect(b.net);
    await until(() => a.net.channels.length > 0);
    const waiting = put(a, "waiting", "v");
    expect(a.clock.timers.size).toBeGreaterThan(0);
    a.driver.stop();
    expect(a.clock.timers.size).toBe(0);
    await codedError(() => waiting, "SHUTTING_DOWN");
    await codedError(() => put(a, "late", "v"), "SHUTTING_DOWN");
    const writes = a.store.writes;
    void a.net.deliver(
      stateTopic(network, "default"),
      encodeBundleMessage(new Uint8Array(9))!,
      "b",
    );
    a.net.disconnect(b.net);
    a.net.connect(b.net);
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
    expect(a.clock.timers.size).toBe(0);
    expect(a.store.writes).toBe(writes);
    expect(a.net.channels.every((channel) => channel.dead)).toBe(true);
  });
});
