/** Atomic batches through the server and the client, over a real state in memory. */
import { Value } from "typebox/value";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Client } from "../../src/control/client.ts";
import * as schema from "../../src/control/schema.ts";
import { systemClock } from "../../src/host/clock.ts";
import { memoryNode, type MemoryNode } from "../types-in-memory.ts";
import { chunked, collect, startFixture, type Fixture } from "./fixture.ts";

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

describe("an atomic batch", () => {
  const post = (ops: readonly unknown[]) =>
    client.kvWrite(ns, ops as schema.KvOp[], { atomic: true });
  const keys = (count: number, value: string) =>
    Array.from({ length: count }, (_, index) => ({ key: `k${index}`, value }));

  test("is one signed batch, whatever its size and whatever else is written", async () => {
    const before = node.written.length;
    const others = Array.from({ length: 20 }, (_, index) =>
      client.kvPut(ns, `o${index}`, text("x")),
    );
    const large = "x".repeat(7_000);
    await Promise.all([post(keys(128, large)), ...others]);
    const batches = node.written.slice(before).filter((batch) => batch.namespace === ns);
    const whole = batches.filter(({ entries }) => entries === 128);
    expect(whole).toHaveLength(1);
    expect(whole[0]!.bundle.length).toBeGreaterThan(128 * 7_000);
    expect(batches.reduce((sum, { entries }) => sum + entries, 0)).toBe(148);
  });

  test.each<[string, readonly unknown[], string]>([
    ["too many keys", keys(129, "x"), "TOO_LARGE"],
    ["too many bytes", keys(5, "x".repeat(250_000)), "TOO_LARGE"],
    ["a key twice", [...keys(2, "x"), { key: "k1", delete: true }], "BAD_REQUEST"],
    ["a key that is none", [...keys(2, "x"), { key: "", value: 1 }], "BAD_KEY"],
  ])("of %s is refused whole", async (_name, ops, code) => {
    await expect(post(ops)).rejects.toMatchObject({ code });
    expect((await client.kvList(ns, {})).items).toEqual([]);
  });

  const lines = (count: number, last = ""): AsyncIterable<Uint8Array> =>
    chunked(
      `${keys(count, "x")
        .map((op) => JSON.stringify(op))
        .join("\n")}\n${last}`,
      50,
    );

  test("can be imported", async () => {
    const [last] = (await collect(client.kvImport(ns, lines(128), { atomic: true }))).slice(-1);
    expect([...Value.Errors(schema.ImportProgress, last)]).toEqual([]);
    expect(last).toMatchObject({ lines: 128, written: 128, failed: 0, done: true, errors: [] });
    expect(node.written.at(-1)?.entries).toBe(128);
  });

  test.each([
    [129, "", "TOO_LARGE", 129, 129],
    [3, '{"key":"k1","value":2}', "BAD_REQUEST", 1, 4],
    [3, "nonsense", "BAD_FORMAT", 4, 4],
    [3, 'nonsense\n{"key":"later","value":1}', "BAD_FORMAT", 4, 5],
  ])(
    "that is imported with a wrong line is refused whole",
    async (count, last, code, line, all) => {
      const options = { atomic: true };
      const [end] = (await collect(client.kvImport(ns, lines(count, last), options))).slice(-1);
      expect([...Value.Errors(schema.ImportProgress, end)]).toEqual([]);
      expect(end).toMatchObject({ lines: all, written: 0, failed: all, done: true });
      expect(end?.errors[0]).toMatchObject({ line, code });
      expect((await client.kvList(ns, {})).items).toEqual([]);
    },
  );
});
