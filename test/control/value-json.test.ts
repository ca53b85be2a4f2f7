import fc from "fast-check";
import { expect, test } from "vitest";
import type { KvRecord, Value } from "../../src/control/daemon.ts";
import { changeJson, exportLine, itemJson } from "../../src/control/kv-json.ts";
import { writeOpOfLine } from "../../src/control/write-op.ts";

const anyValue: fc.Arbitrary<Value> = fc.record({
  kind: fc.constantFrom("text", "json", "bytes"),
  bytes: fc.oneof(
    fc.uint8Array({ maxLength: 32 }),
    fc.string({ unit: "grapheme" }).map((text) => new Uint8Array(Buffer.from(text))),
    fc.json({ noUnicodeString: false }).map((text) => new Uint8Array(Buffer.from(text))),
    fc.json().map((text) => new Uint8Array(Buffer.from(` \n${text}\r\n`))),
    fc.constantFrom('{\n"a": 1\r\n}', '"a","key":"b"', "1}", "").map((text) => Buffer.from(text)),
  ),
});

const anyRecord: fc.Arbitrary<KvRecord> = fc.record({
  key: fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 20 })
    .filter((key) => !key.includes("\0")),
  value: anyValue,
  author: fc.constant("12D3KooW"),
  stamp: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
});

test("whatever bytes a member stored under whatever kind, an item is one JSON object", () => {
  fc.assert(
    fc.property(anyRecord, (record) => {
      const item = JSON.parse(itemJson(record)) as Record<string, unknown>;
      expect(item).toMatchObject({ key: record.key, author: "12D3KooW" });
      const names = Object.keys(item).toSorted();
      const value = "value" in item ? "value" : "valueBase64";
      expect(names).toEqual(["author", "key", "stamp", value, "writtenAt"].toSorted());
      expect(String(item["stamp"])).toMatch(/^[0-9a-f]{16}$/);
    }),
    { numRuns: 1_000 },
  );
});

test("an export line is one line that an import takes back, and exports to the same bytes again", () => {
  fc.assert(
    fc.property(anyRecord, (record) => {
      const line = exportLine(record);
      expect(line.indexOf("\n")).toBe(line.length - 1);
      expect(line).not.toContain("\r");
      const { key, value } = writeOpOfLine(Buffer.from(line.slice(0, -1)));
      if (value === undefined) throw new Error("a write became a deletion");
      expect(exportLine({ ...record, key, value })).toBe(line);
    }),
    { numRuns: 1_000 },
  );
});

test("a change is one line of JSON", () => {
  fc.assert(
    fc.property(anyRecord, (record) => {
      const { key, author, stamp } = record;
      const head = { cursor: "7", namespace: "n", type: "register", key, author, stamp };
      const text = changeJson({ ...head, holding: { type: "register", record } });
      expect(text).not.toMatch(/[\r\n]/);
      expect(JSON.parse(text)).toMatchObject({ cursor: "7", key: record.key, deleted: false });
    }),
  );
  const gone = { cursor: "7", namespace: "n", key: "k", author: "a", stamp: 1n };
  expect(changeJson({ ...gone, type: "register", holding: undefined })).toBe(
    '{"cursor":"7","namespace":"n","type":"register","key":"k","deleted":true,"author":"a","stamp":"0000000000000001"}',
  );
});

test("JSON goes into an item byte for byte", () => {
  const raw = '{"n":12345678901234567890, "f":1.0,"e":1e400,"z":"\\u00e9", "a" :\n[ ]}';
  const value: Value = { kind: "json", bytes: Buffer.from(raw) };
  expect(itemJson({ key: "k", value, author: "a", stamp: 0n })).toContain(`"value":${raw},`);
});
