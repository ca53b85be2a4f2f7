/**
 * One row of the API's table. The router, the validation of requests and the OpenAPI document are all made from
 * these rows, so that none of them can say something else than the others.
 */
import type { IncomingHttpHeaders } from "node:http";
import type { Static, TObject, TSchema } from "typebox";
import type { ErrorBody } from "../core/errors.ts";

export type Method = "GET" | "PUT" | "POST" | "DELETE";

/** What a request may carry. A `stream` has no size limit and no deadline; its handler bounds what it keeps. */
export type BodySpec =
  | { readonly as: "json"; readonly schema: TSchema }
  | { readonly as: "bytes"; readonly types: readonly string[]; readonly bytesMax: number }
  | { readonly as: "stream"; readonly types: readonly string[] };

/** `events` (server-sent events), `lines` (NDJSON) and `bytes` are streams; the schema is that of one event or line. */
export type ResponseSpec =
  | {
      readonly as: "json" | "events" | "lines";
      readonly schema: TSchema;
      /** `application/octet-stream` can be had too, by `Accept`. */
      readonly orBytes?: true;
    }
  | { readonly as: "bytes" };

export type BodyOf<Spec> = Spec extends { as: "json"; schema: infer Schema extends TSchema }
  ? { readonly value: Static<Schema>; readonly text: string }
  : Spec extends { as: "bytes" }
    ? { readonly type: string; readonly bytes: Uint8Array }
    : Spec extends { as: "stream" }
      ? AsyncIterable<Uint8Array>
      : undefined;

export type Call<Query, Body> = {
  /** The pattern's parts, percent-decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
  readonly headers: IncomingHttpHeaders;
  /** Aborts when the client goes away, at the deadline, and for streams when the daemon stops. */
  readonly signal: AbortSignal;
};

export type Reply =
  | { readonly kind: "json"; readonly text: string }
  | {
      readonly kind: "bytes";
      readonly bytes: Uint8Array;
      readonly headers: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: "stream";
      readonly type: string;
      readonly chunks: AsyncIterable<string | Uint8Array>;
      /** How a failure is told when the stream has begun; without it the connection is cut. */
      readonly failure?: (error: ErrorBody) => string;
    };

export type Route = {
  readonly method: Method;
  /** Such as `/v1/kv/{ns}/{key}`. */
  readonly path: string;
  readonly summary: string;
  readonly query: TObject | undefined;
  readonly body: BodySpec | undefined;
  readonly response: ResponseSpec;
  readonly handle: (call: Call<unknown, unknown>) => Reply | Promise<Reply>;
};

/** A row whose handler sees query and body with the types of their schemas. */
export function defineRoute<
  const Query extends TObject | undefined = undefined,
  const Body extends BodySpec | undefined = undefined,
>(row: {
  method: Method;
  path: string;
  summary: string;
  query?: Query;
  body?: Body;
  response: ResponseSpec;
  handle: (
    call: Call<Query extends TObject ? Static<Query> : undefined, BodyOf<Body>>,
  ) => Reply | Promise<Reply>;
}): Route {
  return {
    ...row,
    query: row.query,
    body: row.body,
    handle: row.handle as Route["handle"], // the server has validated both before it calls
  };
}

export function isStream(route: Route): boolean {
  return route.response.as !== "json";
}

export function json(value: unknown): Reply {
  return { kind: "json", text: JSON.stringify(value) };
}
