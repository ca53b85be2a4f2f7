import { Type } from "typebox";
import { CoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { Clock } from "../../core/ports.ts";
import { createBreather } from "../breathe.ts";
import { KvBatch, KvItem, KvList, WriteResult } from "../schema.ts";
import type { Daemon, WriteOp } from "../daemon.ts";
import { itemJson, stampText } from "../kv-json.ts";
import { kvPages, type Page } from "../kv-pages.ts";
import { defineRoute, json, type Reply, type Route } from "../route.ts";
import { valueOfBody, valueTypes } from "../value-json.ts";
import { writeOpsOfBatch } from "../write-op.ts";
import { keyOf, ListQuery, namespaceOf } from "./kv-names.ts";

const BatchQuery = Type.Object(
  {
    atomic: Type.Optional(
      Type.Boolean({ description: "all in one signed batch, or nothing: up to 128 keys, 1 MiB" }),
    ),
  },
  { additionalProperties: false },
);

export function kvRoutes(daemon: Daemon, clock: Clock): Route[] {
  return [...keyRoutes(daemon.kv), ...namespaceRoutes(daemon.kv, clock)];
}

function keyRoutes(kv: Daemon["kv"]): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/v1/kv/{ns}/{key}",
      summary: "The value of a key; with Accept: application/octet-stream its bytes alone",
      response: { as: "json", schema: KvItem, orBytes: true },
      handle: ({ params, headers }) => {
        const record = kv.get(namespaceOf(params), keyOf(params));
        if (record === undefined) throw new CoterieError("NOT_FOUND", "there is no such key");
        if (!wantsBytes(headers.accept)) return { kind: "json", text: itemJson(record) };
        const { kind, bytes } = record.value;
        return { kind: "bytes", bytes, headers: { "coterie-value-kind": kind } };
      },
    }),
    defineRoute({
      method: "PUT",
      path: "/v1/kv/{ns}/{key}",
      summary: "Write a key; the content type says whether the value is text, JSON or bytes",
      body: { as: "bytes", types: valueTypes, bytesMax: limits.valueBytesMax },
      response: { as: "json", schema: WriteResult },
      handle: ({ params, body, signal }) => {
        const op = { key: keyOf(params), value: valueOfBody(body.type, body.bytes) };
        return write(kv, namespaceOf(params), [op], signal);
      },
    }),
    defineRoute({
      method: "DELETE",
      path: "/v1/kv/{ns}/{key}",
      summary: "Delete a key",
      response: { as: "json", schema: WriteResult },
      handle: ({ params, signal }) =>
        write(kv, namespaceOf(params), [{ key: keyOf(params), value: undefined }], signal),
    }),
  ];
}

function namespaceRoutes(kv: Daemon["kv"], clock: Clock): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/v1/kv/{ns}",
      summary: "Keys in order with their values; a page ends early when it grows large",
      query: ListQuery,
      response: { as: "json", schema: KvList },
      handle: async ({ params, query: { prefix = "", after, limit = 1_000 } }) => {
        const pages = kvPages(kv, namespaceOf(params), { prefix, after, limit });
        return { kind: "json", text: await listJson(pages, createBreather(clock)) };
      },
    }),
    defineRoute({
      method: "POST",
      path: "/v1/kv/{ns}",
      summary: "Write and delete many keys at once",
      query: BatchQuery,
      body: { as: "json", schema: KvBatch },
      response: { as: "json", schema: WriteResult },
      handle: ({ params, query, body, signal }) =>
        write(kv, namespaceOf(params), writeOpsOfBatch(body.text), signal, query),
    }),
  ];
}

async function write(
  kv: Daemon["kv"],
  namespace: string,
  ops: readonly WriteOp[],
  signal: AbortSignal,
  { atomic = false }: { readonly atomic?: boolean } = {},
): Promise<Reply> {
  if (ops.length === 0) throw new CoterieError("BAD_REQUEST", "body/ops is empty");
  const stamp = await kv.write(namespace, ops, signal, { atomic });
  return json({ written: ops.length, stamp: stampText(stamp) });
}

async function listJson(pages: Iterable<Page>, breathe: () => Promise<void>): Promise<string> {
  const items: string[] = [];
  let length = 0;
  let next: string | undefined;
  for (const page of pages) {
    const texts = page.items.map(itemJson);
    items.push(...texts);
    length += texts.reduce((sum, text) => sum + text.length, 0);
    next = page.next;
    if (length >= limits.listBytesMax) break;
    await breathe();
  }
  return `{"items":[${items.join(",")}],"next":${JSON.stringify(next ?? null)}}`;
}

function wantsBytes(accept: string | undefined): boolean {
  const types = (accept ?? "").split(",").map((part) => part.split(";")[0]?.trim().toLowerCase());
  return types.includes("application/octet-stream");
}
