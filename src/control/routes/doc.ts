import { Type } from "typebox";
import { CoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { DocCalls, DocSummary, DocWrite } from "../doc-daemon.ts";
import { stampText } from "../kv-json.ts";
import { defineRoute, json, type Route } from "../route.ts";
import {
  DocEdits,
  DocList,
  DocMerge,
  DocMerged,
  DocState,
  DocText,
  DocWritten,
  WriteResult,
} from "../schema.ts";
import { keyOf, namespaceOf } from "./kv-names.ts";

const ListQuery = Type.Object(
  {
    prefix: Type.Optional(Type.String()),
    after: Type.Optional(Type.String()),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.listItemsMax })),
  },
  { additionalProperties: false },
);

export function docRoutes(doc: DocCalls): Route[] {
  return [...readRoutes(doc), ...writeRoutes(doc)];
}

function readRoutes(doc: DocCalls): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/v1/doc/{ns}",
      summary: "Documents in the order of their keys, without their texts",
      query: ListQuery,
      response: { as: "json", schema: DocList },
      handle: async ({ params, query: { prefix = "", after, limit = 1_000 }, signal }) => {
        const options = { prefix, limit, ...(after === undefined ? {} : { after }) };
        const { items, next } = await doc.list(namespaceOf(params), options, signal);
        return json({ items: items.map(summaryOf), next: next ?? null });
      },
    }),
    defineRoute({
      method: "GET",
      path: "/v1/doc/{ns}/{key}",
      summary: "The text of a document",
      response: { as: "json", schema: DocText },
      handle: async ({ params, signal }) => {
        const record = await doc.get(namespaceOf(params), keyOf(params), signal);
        if (record === undefined) throw new CoterieError("NOT_FOUND", "there is no such document");
        const { key, text, stamp, entries, refused, partly } = record;
        return json({ key, text, ...whenOf(stamp), entries, refused, partly });
      },
    }),
    defineRoute({
      method: "GET",
      path: "/v1/doc/{ns}/{key}/state",
      summary: "The document as one Yjs update, for a program that holds a Yjs document of its own",
      response: { as: "json", schema: DocState },
      handle: async ({ params, signal }) => {
        const { client, update } = await doc.state(namespaceOf(params), keyOf(params), signal);
        return json({ client, updateBase64: Buffer.from(update).toString("base64") });
      },
    }),
  ];
}

function writeRoutes(doc: DocCalls): Route[] {
  return [
    defineRoute({
      method: "POST",
      path: "/v1/doc/{ns}/{key}/edit",
      summary:
        "Edit a document: [position, units to delete, text to insert] and so on, all or none",
      body: { as: "json", schema: DocEdits },
      response: { as: "json", schema: DocWritten },
      handle: async ({ params, body, signal }) => {
        const splices = body.value.edits.map(([at, remove, insert]) => ({ at, remove, insert }));
        return json(writtenOf(await doc.edit(namespaceOf(params), keyOf(params), splices, signal)));
      },
    }),
    defineRoute({
      method: "POST",
      path: "/v1/doc/{ns}/{key}/merge",
      summary: "Do to a document what made a text of the one it was written from",
      body: { as: "json", schema: DocMerge },
      response: { as: "json", schema: DocMerged },
      handle: async ({ params, body, signal }) => {
        const key = keyOf(params);
        const { text, ...written } = await doc.merge(namespaceOf(params), key, body.value, signal);
        return json({ text, ...writtenOf(written) });
      },
    }),
    defineRoute({
      method: "POST",
      path: "/v1/doc/{ns}/{key}/update",
      summary: "Take a Yjs update of the root text, made under the client id that state names",
      body: {
        as: "bytes",
        types: ["application/octet-stream"],
        bytesMax: limits.valueBytesMax,
      },
      response: { as: "json", schema: DocWritten },
      handle: async ({ params, body, signal }) => {
        const key = keyOf(params);
        return json(writtenOf(await doc.update(namespaceOf(params), key, body.bytes, signal)));
      },
    }),
    defineRoute({
      method: "DELETE",
      path: "/v1/doc/{ns}/{key}",
      summary: "Delete a document; what others write to it at the same time is lost",
      response: { as: "json", schema: WriteResult },
      handle: async ({ params, signal }) => {
        const stamp = await doc.delete(namespaceOf(params), keyOf(params), signal);
        return json({ written: 1, stamp: stampText(stamp) });
      },
    }),
  ];
}

function summaryOf({ stamp, ...summary }: DocSummary): object {
  return { ...summary, ...whenOf(stamp) };
}

function whenOf(stamp: bigint): { stamp: string; writtenAt: number } {
  return { stamp: stampText(stamp), writtenAt: Number(stamp >> 16n) };
}

function writtenOf({ length, stamp }: DocWrite): { length: number; stamp: string | null } {
  return { length, stamp: stamp === undefined ? null : stampText(stamp) };
}
