import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import type { LogLevel } from "../../src/core/ports.ts";
import { createLog, type LogOptions, type Logs } from "../../src/host/log.ts";
import { formatRecord } from "../../src/host/log-format.ts";
import type { LogRecord } from "../../src/host/log-record.ts";

let lines: string[];
let nowMs: number;
beforeEach(() => {
  lines = [];
  nowMs = Date.UTC(2026, 0, 31, 12);
});

function create(options: Partial<LogOptions> = {}): Logs {
  const write = (line: string): void => void lines.push(line);
  return createLog({
    clock: { wallMs: () => nowMs },
    level: "info",
    format: "text",
    write,
    ...options,
  });
}

async function read(
  logs: Logs,
  { level, tail = 1_000 }: { level?: LogLevel; tail?: number } = {},
): Promise<string[]> {
  const wanted = level === undefined ? { follow: false, tail } : { level, follow: false, tail };
  const messages: string[] = [];
  for await (const record of logs.read(wanted, new AbortController().signal)) {
    messages.push(record.message);
  }
  return messages;
}

/** A follower that has begun to read, and the records it has so far. */
function follow(logs: Logs, level?: LogLevel) {
  const abort = new AbortController();
  const wanted = level === undefined ? { follow: true, tail: 0 } : { level, follow: true, tail: 0 };
  const records: LogRecord[] = [];
  const ended = (async () => {
    for await (const record of logs.read(wanted, abort.signal)) records.push(record);
  })();
  return { records, ended, abort };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("levels", () => {
  test("records finer than the level are neither written nor kept", async () => {
    const logs = create({ level: "warn" });
    for (const level of ["error", "warn", "info", "debug", "trace"] as const)
      logs.log[level](level);
    expect(await read(logs, { level: "trace" })).toEqual(["error", "warn"]);
    expect(lines).toHaveLength(2);
  });

  test("the level changes at once, for all rooms", async () => {
    const logs = create();
    const room = logs.log.child("sync");
    room.debug("before");
    logs.setLevel("debug");
    room.debug("after");
    expect([await read(logs), logs.level()]).toEqual([["after"], "debug"]);
    logs.setLevel("error");
    room.warn("no more");
    expect(lines).toHaveLength(1);
  });

  test("a disabled level costs next to nothing", () => {
    const { log } = create();
    const startedMs = performance.now();
    for (let index = 0; index < 1_000_000; index++) log.debug("no");
    expect(performance.now() - startedMs).toBeLessThan(3_000);
  });
});

describe("what is kept", () => {
  test("is the last records, oldest first, of the level asked for", async () => {
    const logs = create({ keep: 5 });
    for (let index = 0; index < 23; index++) logs.log.info(`i${index}`);
    logs.log.error("e");
    expect(await read(logs)).toEqual(["i19", "i20", "i21", "i22", "e"]);
    expect(await read(logs, { tail: 2 })).toEqual(["i22", "e"]);
    expect(await read(logs, { level: "error" })).toEqual(["e"]);
    expect(await read(logs, { tail: 0 })).toEqual([]);
  });

  test("has room, time and facts, without those that are undefined", async () => {
    const logs = create();
    logs.log
      .child("net")
      .info("dialled", { peer: "p", ms: 3, ok: true, none: null, missing: undefined });
    const records: LogRecord[] = [];
    for await (const record of logs.read({ follow: false, tail: 9 }, AbortSignal.abort()))
      records.push(record);
    expect(records).toEqual([
      {
        time: nowMs,
        level: "info",
        room: "net",
        message: "dialled",
        fields: { peer: "p", ms: 3, ok: true, none: null },
      },
    ]);
  });

  test("has no text without end", async () => {
    const logs = create();
    logs.log.info("m".repeat(10_000_000), { text: "f".repeat(10_000_000) });
    expect(lines[0]?.length).toBeLessThan(3 * limits.logTextCharsMax);
  });
});

describe("followers", () => {
  test("get what is kept and then what comes, until they stop", async () => {
    const logs = create();
    logs.log.info("before");
    const abort = new AbortController();
    const messages: string[] = [];
    for await (const record of logs.read({ follow: true, tail: 10 }, abort.signal)) {
      messages.push(record.message);
      if (messages.length === 1) logs.log.info("after");
      else abort.abort();
    }
    expect(messages).toEqual(["before", "after"]);
  });

  test("that look closer than the daemon get more, while nothing more is written or kept", async () => {
    const logs = create();
    const close = follow(logs, "debug");
    const plain = follow(logs);
    logs.log.debug("detail");
    logs.log.info("fact");
    await settle();
    expect(close.records.map((record) => record.message)).toEqual(["detail", "fact"]);
    expect(plain.records.map((record) => record.message)).toEqual(["fact"]);
    expect(lines).toHaveLength(1);
    expect(await read(logs, { level: "trace" })).toEqual(["fact"]);
    close.abort.abort();
    await close.ended;
    logs.log.debug("nobody wants this");
    plain.abort.abort();
    await plain.ended;
    expect(close.records).toHaveLength(2);
  });

  test("records of a fine level are no longer made when nobody wants them", async () => {
    const logs = create();
    const close = follow(logs, "trace");
    await settle();
    close.abort.abort();
    await close.ended;
    let made = 0;
    const clock = { wallMs: () => ++made };
    const counted = create({ clock });
    const follower = follow(counted, "trace");
    counted.log.trace("one");
    expect(made).toBe(1);
    follower.abort.abort();
    await follower.ended;
    counted.log.trace("two");
    expect(made).toBe(1);
  });

  test("that are too slow lose records and are told how many", async () => {
    const logs = create();
    const abort = new AbortController();
    const iterator = logs.read({ follow: true, tail: 0 }, abort.signal)[Symbol.asyncIterator]();
    const first = iterator.next();
    logs.log.info("first");
    await first;
    for (let index = 0; index < limits.logFollowerRecordsMax + 7; index++)
      logs.log.info(`${index}`);
    const records: LogRecord[] = [];
    while (records.at(-1)?.level !== "warn")
      records.push((await iterator.next()).value as LogRecord);
    expect(records).toHaveLength(limits.logFollowerRecordsMax + 1);
    expect(records.at(-1)).toMatchObject({ room: "log", fields: { dropped: 7 } });
    logs.log.info("again");
    expect((await iterator.next()).value).toMatchObject({ message: "again" });
    abort.abort();
    expect((await iterator.next()).done).toBe(true);
  });
});

describe("lines", () => {
  test("for people have time, level, room, message and facts", () => {
    create()
      .log.child("sync")
      .warn("session failed", { peer: "12D3", why: "no answer", tries: 2, empty: "" });
    expect(lines).toEqual([
      '2026-01-31T12:00:00.000Z WARN  sync     session failed peer=12D3 why="no answer" tries=2 empty=""',
    ]);
  });

  test("for programs are the record as JSON", () => {
    create({ format: "json" }).log.info("up", { port: 1 });
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { time: nowMs, level: "info", room: "daemon", message: "up", fields: { port: 1 } },
    ]);
  });

  test("can neither be broken nor steer a terminal, whatever they carry", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        "\u001b[2J",
        "a\nb",
        "\r",
        "\u009b1m",
        "\u202egnp",
        "\u2028",
        "\ud800",
        "\u007f",
      ),
    );
    fc.assert(
      fc.property(
        text,
        text,
        text,
        fc.constantFrom("text", "json"),
        (message, name, value, format) => {
          const fields = { [name]: value };
          const record: LogRecord = { time: nowMs, level: "info", room: "r", message, fields };
          const line = formatRecord(record, format);
          expect(line).not.toMatch(
            /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u,
          );
          if (format === "json") expect(JSON.parse(line)).toEqual(record);
        },
      ),
      { numRuns: 300 },
    );
  });
});
