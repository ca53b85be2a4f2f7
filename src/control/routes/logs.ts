import { Type } from "typebox";
import { limits } from "../../core/limits.ts";
import { LogLevelName, LogLevelRequest, LogRecord, Ok } from "../schema.ts";
import type { Daemon } from "../daemon.ts";
import { defineRoute, json, type Route } from "../route.ts";
import { eventStream } from "../sse.ts";

const LogQuery = Type.Object(
  {
    level: Type.Optional(LogLevelName),
    follow: Type.Optional(Type.Boolean()),
    tail: Type.Optional(Type.Integer({ minimum: 0, maximum: limits.logRecordsKept })),
  },
  { additionalProperties: false },
);

export function logRoutes(daemon: Daemon): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/v1/logs",
      summary: "The last records of the log, and with follow=true those to come",
      query: LogQuery,
      response: { as: "events", schema: LogRecord },
      handle: ({ query: { level, follow = false, tail = limits.logRecordsKept }, signal }) => {
        const wanted = level === undefined ? { follow, tail } : { level, follow, tail };
        const records = daemon.logs.read(wanted, signal);
        return eventStream(records, (record) => ({ data: JSON.stringify(record) }));
      },
    }),
    defineRoute({
      method: "GET",
      path: "/v1/logs/level",
      summary: "The level of the daemon's log",
      response: { as: "json", schema: LogLevelRequest },
      handle: () => json({ level: daemon.logs.level() }),
    }),
    defineRoute({
      method: "PUT",
      path: "/v1/logs/level",
      summary: "Change the level of the daemon's log until it stops",
      body: { as: "json", schema: LogLevelRequest },
      response: { as: "json", schema: Ok },
      handle: ({ body }) => {
        daemon.logs.setLevel(body.value.level);
        return json({ ok: true });
      },
    }),
  ];
}
