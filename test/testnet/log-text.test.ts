import { expect, test } from "vitest";
import { logText } from "../../testnet/log-text.ts";

test("a log record becomes a line for people", () => {
  const fields = { peer: "12D3Koo", reason: "no answer", count: 3 };
  const record = { time: 1_800_000_000_123, level: "warn", room: "net", message: "lost", fields };
  expect(logText(JSON.stringify(record))).toBe(
    '08:00:00.123 WARN  net      lost peer=12D3Koo reason="no answer" count=3',
  );
});

test("nothing in a record steers the terminal", () => {
  const record = {
    time: 0,
    level: "info",
    room: "net",
    message: "\u001b[2J",
    fields: { a: "\u202e" },
  };
  expect(logText(JSON.stringify(record))).toBe("00:00:00.000 INFO  net      \\u001b[2J a=\\u202e");
});

test.each(['{"time":1,"lev', "{}", "Segmentation fault", '{"error":{"code":"BAD_CONFIG"}}'])(
  "a line that is no record stays as it is: %s",
  (line) => {
    expect(logText(line)).toBe(line);
  },
);
