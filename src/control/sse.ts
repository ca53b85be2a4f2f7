/** Server-sent events (WHATWG HTML, section 9.2), as the server writes them. */
import type { ErrorBody } from "../core/errors.ts";
import type { Reply } from "./route.ts";

export type SseEvent = {
  /** In one line, as JSON is. */
  readonly data: string;
  /** What a client sends back as `Last-Event-ID` to go on after this event. */
  readonly id?: string;
};

/** A reply of one event per item. A stream that fails ends with an event named `error`. */
export function eventStream<T>(items: AsyncIterable<T>, toEvent: (item: T) => SseEvent): Reply {
  return {
    kind: "stream",
    type: "text/event-stream",
    chunks: written(items, toEvent),
    failure: sseFailure,
  };
}

async function* written<T>(
  items: AsyncIterable<T>,
  toEvent: (item: T) => SseEvent,
): AsyncGenerator<string, void> {
  for await (const item of items) yield sseEvent(toEvent(item));
}

export function sseEvent({ data, id }: SseEvent): string {
  return id === undefined ? `data: ${data}\n\n` : `id: ${id}\ndata: ${data}\n\n`;
}

export function sseFailure(error: ErrorBody): string {
  return `event: error\ndata: ${JSON.stringify({ error })}\n\n`;
}
