/** The body of a request: its type, its limits, and its JSON. */
import type { IncomingMessage } from "node:http";
import type { TSchema } from "typebox";
import { decodeUtf8 } from "../core/codec.ts";
import { CoterieError, toCoterieError } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import type { BodyLease } from "./body-budget.ts";
import { parseJson } from "./json-slice.ts";
import type { BodySpec } from "./route.ts";
import { abortable } from "./until-aborted.ts";
import { check } from "./validate.ts";

/** Whatever the row's `BodyOf` says; throws `UNSUPPORTED_TYPE`, `TOO_LARGE`, `OVERLOADED` or `BAD_REQUEST`. */
export async function readBody(
  request: IncomingMessage,
  spec: BodySpec | undefined,
  lease: BodyLease,
  signal: AbortSignal,
): Promise<unknown> {
  if (spec === undefined) return refuseBody(request);
  const type = checkType(request, spec.as === "json" ? ["application/json"] : spec.types);
  if (spec.as === "stream") return chunksOf(request, signal);
  const bytesMax = spec.as === "json" ? limits.requestBodyBytesMax : spec.bytesMax;
  const bytes = await collect(request, bytesMax, lease, signal);
  return spec.as === "json" ? parseBody(bytes, spec.schema) : { type, bytes };
}

function refuseBody(request: IncomingMessage): undefined {
  const { "content-length": length, "transfer-encoding": encoding } = request.headers;
  if (encoding === undefined && (length === undefined || length === "0")) return undefined;
  throw new CoterieError("BAD_REQUEST", "this request takes no body");
}

function checkType(request: IncomingMessage, allowed: readonly string[]): string {
  const { "content-type": given = "", "content-encoding": encoding = "identity" } = request.headers;
  const [type = "", ...parameters] = given
    .toLowerCase()
    .split(";")
    .map((part) => part.trim());
  const charset = parameters.find((parameter) => parameter.startsWith("charset="));
  const isUtf8 = charset === undefined || /^charset="?utf-?8"?$/.test(charset);
  if (allowed.includes(type) && isUtf8 && encoding === "identity") return type;
  const what =
    encoding === "identity" ? `content-type "${given}"` : `content-encoding "${encoding}"`;
  throw new CoterieError("UNSUPPORTED_TYPE", `${what} is not taken here`, {
    hint: `possible: ${allowed.join(", ")} (UTF-8, not compressed)`,
  });
}

/** Leaving the loop early does not cut the connection, so that an answer can still be sent. */
function chunksOf(request: IncomingMessage, signal: AbortSignal): AsyncIterable<Uint8Array> {
  const chunks = { [Symbol.asyncIterator]: () => request.iterator({ destroyOnReturn: false }) };
  return abortable(chunks, signal);
}

async function collect(
  request: IncomingMessage,
  bytesMax: number,
  lease: BodyLease,
  signal: AbortSignal,
): Promise<Uint8Array> {
  if (Number(request.headers["content-length"] ?? 0) > bytesMax) throw tooLarge(bytesMax);
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of chunksOf(request, signal)) {
    length += piece.length;
    if (length > bytesMax) throw tooLarge(bytesMax);
    lease.take(piece.length);
    pieces.push(piece);
  }
  return Buffer.concat(pieces, length);
}

function tooLarge(bytesMax: number): CoterieError {
  return new CoterieError("TOO_LARGE", `a body is at most ${bytesMax} bytes here`);
}

function parseBody(bytes: Uint8Array, schema: TSchema): { value: unknown; text: string } {
  const [text, value] = parseUtf8(bytes);
  check(schema, value, "body");
  return { value, text };
}

function parseUtf8(bytes: Uint8Array): [text: string, value: unknown] {
  try {
    const text = decodeUtf8(bytes);
    return [text, parseJson(text)];
  } catch (error) {
    throw new CoterieError("BAD_REQUEST", `the body is ${toCoterieError(error).message}`);
  }
}
