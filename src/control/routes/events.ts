import { CoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import { EventMessage, PublishResult } from "../schema.ts";
import type { Daemon } from "../daemon.ts";
import { defineRoute, json, type Route } from "../route.ts";
import { eventStream } from "../sse.ts";

export function eventRoutes(daemon: Daemon): Route[] {
  return [
    defineRoute({
      method: "POST",
      path: "/v1/events/{topic}",
      summary: "Publish a message to the members that listen now (at most once)",
      body: {
        as: "bytes",
        types: ["application/octet-stream", "text/plain", "application/json"],
        bytesMax: limits.eventBytesMax,
      },
      response: { as: "json", schema: PublishResult },
      handle: async ({ params, body }) =>
        json({ peers: await daemon.events.publish(topicOf(params), body.bytes) }),
    }),
    defineRoute({
      method: "GET",
      path: "/v1/events/{topic}",
      summary: "Messages of a topic as they arrive",
      response: { as: "events", schema: EventMessage },
      handle: ({ params, signal }) => {
        const messages = daemon.events.subscribe(topicOf(params), signal);
        return eventStream(messages, (message) => ({ data: JSON.stringify(message) }));
      },
    }),
  ];
}

function topicOf({ topic = "" }: Readonly<Record<string, string>>): string {
  const bytes = Buffer.byteLength(topic);
  if (bytes > 0 && bytes <= limits.eventTopicBytesMax && !topic.includes("\0")) return topic;
  throw new CoterieError(
    "BAD_REQUEST",
    `a topic has 1 to ${limits.eventTopicBytesMax} bytes and no U+0000`,
  );
}
