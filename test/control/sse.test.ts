import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SseParser } from "../../src/control/sse-parser.ts";
import { sseEvent, sseFailure } from "../../src/control/sse.ts";
import { CoterieError } from "../../src/core/errors.ts";

function parse(bytes: Uint8Array, size: number, bytesMax = 10_000): unknown[] {
  const parser = new SseParser(bytesMax);
  const messages: unknown[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    messages.push(...parser.push(bytes.subarray(at, at + size)));
  }
  return messages;
}

describe("server-sent events", () => {
  test("arrive as they were sent, however the stream is cut", () => {
    const sent = fc.array(
      fc.record({ data: fc.json(), id: fc.stringMatching(/^[0-9a-z:]{1,8}$/) }),
    );
    fc.assert(
      fc.property(sent, fc.integer({ min: 1, max: 40 }), (events, size) => {
        const bytes = Buffer.from(events.map(sseEvent).join(""));
        expect(parse(bytes, size)).toEqual(events.map((event) => ({ event: "message", ...event })));
      }),
    );
  });

  test("a failure is an event of its own name", () => {
    const error = { code: "BAD_CURSOR", message: "no" } as const;
    const [message] = parse(Buffer.from(sseFailure(error)), 7);
    expect(message).toEqual({ event: "error", data: JSON.stringify({ error }), id: "" });
  });

  test("comments, unknown fields, CRLF, several data lines and a missing space are understood", () => {
    const text =
      ": hello\r\nretry: 5\r\ndata:one\r\ndata: two\r\n\r\ndata\n\nevent: x\n\ndata: y\n\n";
    expect(parse(Buffer.from(text), 5)).toEqual([
      { event: "message", data: "one\ntwo", id: "" },
      { event: "message", data: "", id: "" },
      { event: "message", data: "y", id: "" },
    ]);
  });

  test("an event that is not complete is not given out", () => {
    expect(parse(Buffer.from("data: 1\n"), 3)).toEqual([]);
  });

  test("neither a line nor the data of an event can grow without end", () => {
    expect(() => parse(Buffer.from(`data: ${"x".repeat(200)}`), 50, 100)).not.toThrow();
    expect(() => parse(Buffer.from(`data: ${"x".repeat(200)}\n`), 50, 100)).toThrow(
      "over the limit",
    );
    expect(() => parse(Buffer.from("data: 0123456789\n".repeat(20)), 50, 100)).toThrow(
      "over the limit",
    );
  });

  test("garbage is refused with a code or ignored", () => {
    const garbage = fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 20 }),
        fc.constantFrom("data:", "id:", "\n", "event", ":").map((text) => Buffer.from(text)),
      ),
    );
    fc.assert(
      fc.property(garbage, fc.integer({ min: 1, max: 9 }), (pieces, size) => {
        try {
          parse(Buffer.concat(pieces), size, 64);
        } catch (error) {
          expect(error).toBeInstanceOf(CoterieError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
