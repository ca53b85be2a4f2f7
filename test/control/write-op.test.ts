import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { writeOpOfLine, writeOpsOfBatch } from "../../src/control/write-op.ts";
import { CoterieError } from "../../src/core/errors.ts";
import { limits } from "../../src/core/limits.ts";

function valueOf(line: string): [kind: string | undefined, text: string] {
  const { value } = writeOpOfLine(Buffer.from(line));
  return [value?.kind, Buffer.from(value?.bytes ?? []).toString()];
}

function refusal(line: string | Uint8Array): string {
  try {
    writeOpOfLine(Buffer.from(line));
  } catch (error) {
    return error instanceof CoterieError ? `${error.code}: ${error.message}` : String(error);
  }
  return "taken";
}

describe("an import line", () => {
  test("stores a plainly written string as text", () => {
    expect(valueOf('{"key":"k","value":"h\u00e9 \\n \\u0001 \\"q\\""}')).toEqual([
      "text",
      'h\u00e9 \n \u0001 "q"',
    ]);
  });

  test.each([
    "12345678901234567890",
    "1.0",
    "1e400",
    "-0",
    "null",
    '{"b":1,  "a":[1.50, {"b":2,"a":1}]}',
    '"caf\\u00e9"',
    '"a\\/b"',
    '"\\ud800"',
    '{"a":1,"a":2}',
  ])("stores %s as it is written", (raw) => {
    expect(valueOf(`{"key":"k","value":${raw}}`)).toEqual(["json", raw]);
  });

  test("takes the members in any order and any spacing, and a carriage return at the end", () => {
    expect(valueOf(' {  "value" :\t[ 1 ] , "key" : "k" } \r')).toEqual(["json", "[ 1 ]"]);
  });

  test("takes bytes as base64", () => {
    const { value } = writeOpOfLine(Buffer.from('{"key":"k","valueBase64":"AP8="}'));
    expect(value).toEqual({ kind: "bytes", bytes: Buffer.from([0, 255]) });
  });

  test.each([
    ['{"key":"k","value":1', "BAD_FORMAT: not JSON"],
    ["[1]", "BAD_FORMAT: not an object"],
    ['{"value":1}', 'BAD_FORMAT: the member "key" is missing'],
    ['{"key":"k"}', 'BAD_FORMAT: besides "key", one of value, valueBase64 is needed'],
    ['{"key":"k","value":1,"valueBase64":""}', 'BAD_FORMAT: besides "key", one of'],
    ['{"key":"k","value":1,"value":2}', 'BAD_FORMAT: the member "value" appears twice'],
    ['{"key":"k","value":1,"ttl":2}', 'BAD_FORMAT: unknown member "ttl"'],
    ['{"key":"k","delete":true}', 'BAD_FORMAT: unknown member "delete"'],
    ['{"key":"k","value":1,"__proto__":2}', 'BAD_FORMAT: unknown member "__proto__"'],
    ['{"key":1,"value":1}', "BAD_FORMAT: the key is not a string"],
    ['{"key":"","value":1}', "BAD_KEY: a key cannot be empty"],
    ['{"key":"\\u0000","value":1}', "BAD_KEY: a key cannot contain U+0000"],
    ['{"key":"\\udc00","value":1}', "BAD_KEY: a key must be well-formed Unicode"],
    [`{"key":"${"k".repeat(1_025)}","value":1}`, "BAD_KEY: a key is at most 1024 bytes"],
    ['{"key":"k","valueBase64":"AP8"}', "BAD_VALUE: valueBase64 is not base64"],
    ['{"key":"k","valueBase64":"A P8="}', "BAD_VALUE: valueBase64 is not base64"],
    ['{"key":"k","valueBase64":7}', "BAD_VALUE: valueBase64 is not a string"],
    ['\ufeff{"key":"k","value":1}', "BAD_FORMAT: not JSON"],
  ])("refuses %j", (line, reason) => {
    expect(refusal(line)).toContain(reason);
  });

  test("refuses bytes that are not UTF-8", () => {
    const bytes = Buffer.concat([
      Buffer.from('{"key":"'),
      Buffer.of(0xff),
      Buffer.from('","value":1}'),
    ]);
    expect(refusal(bytes)).toBe("BAD_FORMAT: not well-formed UTF-8");
  });

  test("refuses a value over the limit, and takes one at it", () => {
    const line = (length: number): string => `{"key":"k","value":"${"x".repeat(length)}"}`;
    expect(refusal(line(limits.valueBytesMax + 1))).toContain("TOO_LARGE");
    expect(refusal(line(limits.valueBytesMax))).toBe("taken");
  });

  test("is refused with a code, whatever its bytes are", () => {
    const piece = fc.constantFrom(
      '{"key":',
      '"value":',
      '"k"',
      ",",
      "}",
      "1",
      '"\\ud800"',
      "[",
      "]",
      " ",
    );
    const line = fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      fc.array(piece, { maxLength: 12 }).map((pieces) => Buffer.from(pieces.join(""))),
    );
    fc.assert(
      fc.property(line, (bytes) => {
        expect(refusal(bytes)).toMatch(/^(?:taken|BAD_FORMAT: .+|BAD_KEY: .+|BAD_VALUE: .+)$/);
      }),
      { numRuns: 3_000 },
    );
  });
});

describe("a batch", () => {
  test("keeps values as they are written and deletes", () => {
    const text =
      '{ "ops" : [ {"key":"a","value": 12345678901234567890 }, {"key":"b","delete":true} ] }';
    const [first, second] = writeOpsOfBatch(text);
    expect(first?.key).toBe("a");
    expect(Buffer.from(first?.value?.bytes ?? []).toString()).toBe("12345678901234567890");
    expect(second).toEqual({ key: "b", value: undefined });
  });

  test.each(['{"ops":[{"key":"a"}]}', '{"ops":[{"key":"a","value":1,"delete":true}]}'])(
    "refuses %s",
    (text) => {
      expect(() => writeOpsOfBatch(text)).toThrow("one of value, valueBase64, delete is needed");
    },
  );
});
