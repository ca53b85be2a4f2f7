import { CoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { Clock } from "../../core/ports.ts";
import type { Daemon, ListOptions } from "../daemon.ts";
import { multiJson, stampText } from "../kv-json.ts";
import { listReply } from "../list-json.ts";
import { defineRoute, json, type Route } from "../route.ts";
import { MultiItem, MultiList, WriteResult } from "../schema.ts";
import { valueOfBody, valueTypes } from "../value-json.ts";
import { keyOf, listOptions, ListQuery, namespaceOf } from "./kv-names.ts";

export function multiRoutes(multi: Daemon["multi"], clock: Clock): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/v1/multi/{ns}/{key}",
      summary: "All concurrent values of a multi-value key, the latest first",
      response: { as: "json", schema: MultiItem },
      handle: ({ params }) => {
        const record = multi.get(namespaceOf(params), keyOf(params));
        if (record === undefined) throw new CoterieError("NOT_FOUND", "there is no such key");
        return { kind: "json", text: multiJson(record) };
      },
    }),
    defineRoute({
      method: "PUT",
      path: "/v1/multi/{ns}/{key}",
      summary: "Write a multi-value key: replaces the values that this node has seen, and no other",
      body: { as: "bytes", types: valueTypes, bytesMax: limits.valueBytesMax },
      response: { as: "json", schema: WriteResult },
      handle: async ({ params, body, signal }) => {
        const op = { key: keyOf(params), value: valueOfBody(body.type, body.bytes) };
        const stamp = await multi.write(namespaceOf(params), op, signal);
        return json({ written: 1, stamp: stampText(stamp) });
      },
    }),
    defineRoute({
      method: "DELETE",
      path: "/v1/multi/{ns}/{key}",
      summary: "Delete the values of a multi-value key that this node has seen",
      response: { as: "json", schema: WriteResult },
      handle: async ({ params, signal }) => {
        const op = { key: keyOf(params), value: undefined };
        const stamp = await multi.write(namespaceOf(params), op, signal);
        return json({ written: 1, stamp: stampText(stamp) });
      },
    }),
    defineRoute({
      method: "GET",
      path: "/v1/multi/{ns}",
      summary: "Multi-value keys in order with their values; a page ends early when it grows large",
      query: ListQuery,
      response: { as: "json", schema: MultiList },
      handle: ({ params, query }) => {
        const namespace = namespaceOf(params);
        const list = (options: ListOptions) => multi.list(namespace, options);
        return listReply(list, listOptions(query), multiJson, clock);
      },
    }),
  ];
}
