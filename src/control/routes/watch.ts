import { Type } from "typebox";
import { WatchEvent } from "../schema.ts";
import type { Daemon } from "../daemon.ts";
import { changeJson } from "../kv-json.ts";
import { defineRoute, type Route } from "../route.ts";
import { eventStream } from "../sse.ts";
import { namespaceOf } from "./kv-names.ts";

const WatchQuery = Type.Object(
  {
    prefix: Type.Optional(Type.String()),
    cursor: Type.Optional(Type.String({ maxLength: 256 })),
    types: Type.Optional(
      Type.String({ maxLength: 256, description: "such as register,multi; all when absent" }),
    ),
  },
  { additionalProperties: false },
);

export function watchRoutes(daemon: Daemon): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/v1/watch/{ns}",
      summary:
        "Changes of keys of all types as they happen, from now, from a cursor, or from the start (cursor 0)",
      query: WatchQuery,
      response: { as: "events", schema: WatchEvent },
      handle: ({ params, query, headers, signal }) => {
        const cursor = resumption(headers["last-event-id"]) ?? query.cursor;
        const place = cursor === undefined ? {} : { cursor };
        const types = query.types === undefined ? {} : { types: new Set(query.types.split(",")) };
        const options = { prefix: query.prefix ?? "", ...place, ...types };
        const changes = daemon.kv.watch(namespaceOf(params), options, signal);
        return eventStream(changes, (change) => ({ data: changeJson(change), id: change.cursor }));
      },
    }),
  ];
}

/** A reconnecting `EventSource` repeats its first URL, so what it has seen since stands in the header alone. */
function resumption(header: string | string[] | undefined): string | undefined {
  return typeof header === "string" && header !== "" ? header : undefined;
}
