import { Type } from "typebox";
import { limits } from "../../core/limits.ts";
import type { Clock } from "../../core/ports.ts";
import type { Daemon, ListOptions } from "../daemon.ts";
import { logItemJson, stampText } from "../kv-json.ts";
import { listReply } from "../list-json.ts";
import { defineRoute, json, type Route } from "../route.ts";
import { LogItem, LogTail, NameList, WriteResult } from "../schema.ts";
import { eventStream } from "../sse.ts";
import { valueOfBody, valueTypes } from "../value-json.ts";
import { keyOf, listOptions, ListQuery, namespaceOf } from "./kv-names.ts";

const TailQuery = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.listItemsMax })),
    before: Type.Optional(Type.String({ description: "the position of an item" })),
  },
  { additionalProperties: false },
);
const FollowQuery = Type.Object(
  { tail: Type.Optional(Type.Integer({ minimum: 0, maximum: limits.listItemsMax })) },
  { additionalProperties: false },
);

/** Of the type `log`; the daemon's own log is in logs.ts. */
export function logTypeRoutes(log: Daemon["log"], clock: Clock): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/v1/log/{ns}",
      summary: "Names of logs that have items",
      query: ListQuery,
      response: { as: "json", schema: NameList },
      handle: ({ params, query }) => {
        const namespace = namespaceOf(params);
        const list = (options: ListOptions) => log.names(namespace, options);
        return listReply(list, listOptions(query), JSON.stringify, clock);
      },
    }),
    defineRoute({
      method: "GET",
      path: "/v1/log/{ns}/{key}",
      summary: "The last items of a log, oldest first; fewer than asked for when they are large",
      query: TailQuery,
      response: { as: "json", schema: LogTail },
      handle: async ({ params, query, signal }) => {
        const { limit = 100, before } = query;
        const options = { limit, ...(before === undefined ? {} : { before }) };
        const tail = await log.tail(namespaceOf(params), keyOf(params), options, signal);
        const older = tail.isWhole ? null : (tail.items[0]?.position ?? null);
        const items = tail.items.map(logItemJson).join(",");
        return { kind: "json", text: `{"items":[${items}],"before":${JSON.stringify(older)}}` };
      },
    }),
    defineRoute({
      method: "POST",
      path: "/v1/log/{ns}/{key}",
      summary: "Append an item; the content type says whether it is text, JSON or bytes",
      body: { as: "bytes", types: valueTypes, bytesMax: limits.valueBytesMax },
      response: { as: "json", schema: WriteResult },
      handle: async ({ params, body, signal }) => {
        const value = valueOfBody(body.type, body.bytes);
        const stamp = await log.append(namespaceOf(params), keyOf(params), value, signal);
        return json({ written: 1, stamp: stampText(stamp) });
      },
    }),
    defineRoute({
      method: "DELETE",
      path: "/v1/log/{ns}/{key}",
      summary: "Delete a log, with what others append at this moment",
      response: { as: "json", schema: WriteResult },
      handle: async ({ params, signal }) => {
        const stamp = await log.delete(namespaceOf(params), keyOf(params), signal);
        return json({ written: 1, stamp: stampText(stamp) });
      },
    }),
    defineRoute({
      method: "GET",
      path: "/v1/log/{ns}/{key}/follow",
      summary: "The last items of a log, then each new one as it comes here",
      query: FollowQuery,
      response: { as: "events", schema: LogItem },
      handle: ({ params, query: { tail = 10 }, signal }) => {
        const items = log.follow(namespaceOf(params), keyOf(params), { tail }, signal);
        return eventStream(items, (item) => ({ data: logItemJson(item), id: item.position }));
      },
    }),
  ];
}
