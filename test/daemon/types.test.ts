/** What the types promise, between real daemons: apart and together again, and through kill -9. */
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { expect, test, vi } from "vitest";
import type { WatchEvent } from "../../src/control/schema.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { coterie } from "./command.ts";
import { until, type DaemonProcess } from "./daemon-process.ts";
import { daemonOfTest } from "./fixture.ts";
import { connected, joining } from "./pair.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const text = (value: string) => ({ kind: "text" as const, bytes: Buffer.from(value) });

async function pair(): Promise<[DaemonProcess, DaemonProcess]> {
  const folder = temporaryFolder();
  const words = ["--enable-faults"];
  const one = await daemonOfTest({ dataDir: join(folder, "one"), words });
  const joins = [...words, ...(await joining(one))];
  const other = await daemonOfTest({ dataDir: join(folder, "other"), words: joins });
  await connected(one, other);
  return [one, other];
}

async function cut(one: DaemonProcess, other: DaemonProcess): Promise<void> {
  await one.client.setFaults({ blockedPeers: [other.info.peerId] });
  await other.client.setFaults({ blockedPeers: [one.info.peerId] });
  await until("the two are apart", async () => {
    const both = await Promise.all([one.client.peers(), other.client.peers()]);
    return both.every(({ peers }) => peers.length === 0);
  });
}

async function heal(one: DaemonProcess, other: DaemonProcess): Promise<void> {
  for (const { client } of [one, other]) await client.setFaults({ blockedPeers: [] });
  await until("the two agree", async () => {
    const both = await Promise.all([one.client.status(), other.client.status()]);
    return both[0].state.digest === both[1].state.digest;
  });
}

test("what two nodes wrote apart is all there when they meet: values, counts, additions, items", async () => {
  const [one, other] = await pair();
  const ns = "default";
  await one.client.setChange(ns, "s", { add: ["kept", "gone"] });
  await one.client.counterAdd(ns, "c", 10);
  await one.client.multiPut(ns, "m", text("first"));
  await one.client.logAppend(ns, "l", text("1"));
  await until("the other has it", async () => {
    const { items } = await other.client.logNames(ns, {});
    return items.includes("l");
  });
  await cut(one, other);
  for (const [{ client }, name] of [
    [one, "one"],
    [other, "other"],
  ] as const) {
    await client.multiPut(ns, "m", text(`by ${name}`));
    for (const item of ["a", "b"]) await client.logAppend(ns, "l", text(`${name} ${item}`));
  }
  await one.client.counterAdd(ns, "c", 5);
  await other.client.counterAdd(ns, "c", -3);
  await one.client.setChange(ns, "s", { remove: ["kept", "gone"] });
  await other.client.setChange(ns, "s", { add: ["kept"] });
  await heal(one, other);
  for (const { client } of [one, other]) {
    const { values } = await client.multiGet(ns, "m");
    expect(values.map(({ value }) => String(value)).toSorted()).toEqual(["by one", "by other"]);
    expect((await client.counterGet(ns, "c")).value).toBe("12");
    const { items } = await client.setMembers(ns, "s", {});
    expect(items.map(({ element }) => element)).toEqual(["kept"]);
    const log = await client.logTail(ns, "l", {});
    const stamps = log.items.map(({ stamp }) => stamp);
    expect(stamps).toEqual(stamps.toSorted());
    expect(log.items.map(({ value }) => String(value)).toSorted()).toEqual(
      ["1", "one a", "one b", "other a", "other b"].toSorted(),
    );
    const { types } = await client.explain(ns, "m", {});
    expect(
      types.map(({ type, count, why }) => [type, count, why.includes("2 had not seen")]),
    ).toEqual([["multi", 2, true]]);
    const authors = types[0]?.entries.map(({ author }) => author).toSorted();
    expect(authors).toEqual([one.info.peerId, other.info.peerId].toSorted());
  }
  const explained = await coterie(["explain", "c"], { dataDir: other.info.dataDir });
  expect(explained.out).toContain("+15 -0");
  expect(explained.out).toContain("+0 -3");
});

test("a log's followers and a watcher see what another node writes, and both nodes the same log", async () => {
  const [one, other] = await pair();
  const count = 300; // more than a writer keeps without a checkpoint
  const seen: string[] = [];
  const stop = new AbortController();
  const following = (async () => {
    const items = other.client.logFollow("default", "l", { tail: 0 }, { signal: stop.signal });
    for await (const { value } of items) seen.push(String(value));
  })();
  const numbers = Array.from({ length: count }, (_, index) => String(index));
  for (let at = 0; at < count; at += 50) {
    await Promise.all(
      numbers.slice(at, at + 50).map((value) => one.client.logAppend("default", "l", text(value))),
    );
  }
  await until("all are seen", () => seen.length >= count);
  stop.abort();
  await expect(following).rejects.toMatchObject({ code: "ABORTED" });
  expect(seen.toSorted()).toEqual(numbers.toSorted());
  const logOf = async ({ client }: DaemonProcess): Promise<unknown[]> =>
    (await client.logTail("default", "l", { limit: 1_000 })).items.map(({ position }) => position);
  await until("both have one log", async () => {
    const [here, there] = await Promise.all([logOf(one), logOf(other)]);
    return here.length === count && isDeepStrictEqual(here, there);
  });
  const compacted = async ({ client }: DaemonProcess): Promise<boolean> =>
    ((await client.explain("default", "l", {})).types[0]?.count ?? count) < 100;
  await until("the items are in a checkpoint at both", async () => {
    return (await compacted(one)) && (await compacted(other));
  });
  expect((await logOf(other)).length).toBe(count);
});

test("an atomic batch is seen whole or not at all, by another node and after kill -9", async () => {
  const [one, other] = await pair();
  const ops = (group: number, size: number) =>
    Array.from({ length: 100 }, (_, index) => ({
      key: `g${group}/${String(index).padStart(3, "0")}`,
      value: "x".repeat(size),
    }));
  const keysOf = async ({ client }: DaemonProcess, group: number): Promise<number> =>
    (await client.kvList("default", { prefix: `g${group}/`, limit: 1_000 })).items.length;
  const events: WatchEvent[] = [];
  const counts = new Set<number>();
  const stop = new AbortController();
  const watching = (async () => {
    const options = { signal: stop.signal };
    for await (const event of other.client.kvWatch("default", { prefix: "g" }, options)) {
      events.push(event);
      if (events.length % 20 === 1) counts.add((await keysOf(other, 0)) % 100);
    }
  })();
  await one.client.kvWrite("default", ops(0, 10), { atomic: true });
  await until("the other has all of it", () => events.length === 100);
  stop.abort();
  await expect(watching).rejects.toMatchObject({ code: "ABORTED" });
  expect([...counts]).toEqual([0]);

  const acknowledged: number[] = [];
  const writing = Array.from({ length: 8 }, async (_, index) => {
    await one.client.kvWrite("default", ops(index + 1, 2_000), { atomic: true });
    acknowledged.push(index + 1);
  });
  const settled = Promise.allSettled(writing);
  await until("some are acknowledged", () => acknowledged.length >= 2);
  await one.kill();
  await settled;
  const again = await daemonOfTest({ dataDir: one.info.dataDir, words: ["--enable-faults"] });
  const found = await Promise.all(writing.map((_, index) => keysOf(again, index + 1)));
  for (const [index, count] of found.entries()) {
    expect([0, 100]).toContain(count);
    if (acknowledged.includes(index + 1)) expect(count).toBe(100);
  }
});
