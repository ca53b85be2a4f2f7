/**
 * Values between bytes and JSON. A `json` value goes out as the very text that is stored, a `text` value as a JSON
 * string, anything else as base64. What members of the network stored is not trusted to be what its kind says: text
 * that is not UTF-8, or json that is not JSON, goes out as base64 too.
 */
import { decodeUtf8 } from "../core/codec.ts";
import { CoterieError, toCoterieError } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import type { Value } from "./daemon.ts";
import { parseJson } from "./json-slice.ts";

/** `"value":...` or `"valueBase64":"..."`, with the stored JSON text as it is. */
export function valueMember(value: Value): string {
  return memberOf(value, jsonText(value));
}

/**
 * The same in one line, for NDJSON and server-sent events. Between the tokens of JSON, line breaks mean what spaces
 * mean (inside of strings there are none), and white space around the whole means nothing.
 */
export function valueMemberInLine(value: Value): string {
  return memberOf(
    value,
    jsonText(value)
      ?.trim()
      .replaceAll(/[\r\n]/g, " "),
  );
}

function memberOf(value: Value, json: string | undefined): string {
  return json === undefined
    ? `"valueBase64":"${Buffer.from(value.bytes).toString("base64")}"`
    : `"value":${json}`;
}

function jsonText(value: Value): string | undefined {
  if (value.kind === "bytes") return undefined;
  try {
    const text = decodeUtf8(value.bytes);
    if (value.kind === "text") return JSON.stringify(text);
    parseJson(text);
    return text;
  } catch {
    return undefined; // its kind claims more than its bytes hold
  }
}

/**
 * The value of a JSON text as written: a string in the form of `JSON.stringify` is text, everything else stays JSON
 * byte for byte (so do strings with other escapes, or with lone surrogates, which UTF-8 cannot carry).
 */
export function valueOfJson(raw: string): Value {
  if (raw.startsWith('"')) {
    const text = JSON.parse(raw) as string;
    if (JSON.stringify(text) === raw && text.isWellFormed()) {
      return fitting({ kind: "text", bytes: Buffer.from(text) });
    }
  }
  return fitting({ kind: "json", bytes: Buffer.from(raw) });
}

/** Throws `BAD_VALUE` for anything but padded standard base64. */
export function valueOfBase64(base64: unknown): Value {
  if (typeof base64 !== "string")
    throw new CoterieError("BAD_VALUE", "valueBase64 is not a string");
  const bytes = Buffer.from(base64, "base64");
  if (bytes.toString("base64") !== base64) {
    throw new CoterieError("BAD_VALUE", "valueBase64 is not base64");
  }
  return fitting({ kind: "bytes", bytes });
}

/** Content types of a body that is a value. */
export const valueTypes = ["text/plain", "application/json", "application/octet-stream"] as const;

/**
 * The value of a body by its content type: `text/plain`, `application/json` or else bytes. JSON is checked and kept
 * as it came. Throws `BAD_VALUE`.
 */
export function valueOfBody(type: string, bytes: Uint8Array): Value {
  if (type === "text/plain") {
    checked(() => decodeUtf8(bytes));
    return { kind: "text", bytes };
  }
  if (type === "application/json") {
    checked(() => parseJson(decodeUtf8(bytes)));
    return { kind: "json", bytes };
  }
  return { kind: "bytes", bytes };
}

function checked(parse: () => unknown): void {
  try {
    parse();
  } catch (error) {
    throw new CoterieError("BAD_VALUE", `the value is ${toCoterieError(error).message}`);
  }
}

function fitting(value: Value): Value {
  const length = value.bytes.length;
  if (length <= limits.valueBytesMax) return value;
  throw new CoterieError(
    "TOO_LARGE",
    `a value is at most ${limits.valueBytesMax} bytes; this one has ${length}`,
  );
}
