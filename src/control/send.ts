/** Writes replies and refusals to a response, streams under its back-pressure. */
import type { ServerResponse } from "node:http";
import { errorCodes, toCoterieError, type CoterieError } from "../core/errors.ts";
import type { Clock } from "../core/ports.ts";
import { createBreather } from "./breathe.ts";
import type { Reply } from "./route.ts";
import { WrongMethod } from "./router.ts";
import { abortable, untilAborted } from "./until-aborted.ts";

const commonHeaders = { "cache-control": "no-store", "x-content-type-options": "nosniff" };

/** Writes the reply. Rethrows what a stream throws, after the client has been told if the stream had begun. */
export async function send(
  response: ServerResponse,
  reply: Reply,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  if (reply.kind === "stream") {
    await sendStream(response, reply, clock, signal);
  } else if (reply.kind === "json") {
    sendWhole(response, 200, "application/json", Buffer.from(reply.text), {});
  } else {
    sendWhole(response, 200, "application/octet-stream", reply.bytes, reply.headers);
  }
}

/** The error as `{"error":{...}}` with the status of its code. */
export function sendError(response: ServerResponse, error: CoterieError): void {
  const wrongMethod = error instanceof WrongMethod;
  const status = wrongMethod ? 405 : errorCodes[error.code].http;
  const body = Buffer.from(JSON.stringify({ error: error.toBody() }));
  const headers = wrongMethod ? { allow: error.allow } : {};
  sendWhole(response, status, "application/json", body, headers);
}

function sendWhole(
  response: ServerResponse,
  status: number,
  type: string,
  body: Uint8Array,
  headers: Readonly<Record<string, string>>,
): void {
  response.writeHead(status, {
    ...commonHeaders,
    ...headers,
    "content-type": type,
    "content-length": body.length,
  });
  response.end(body);
}

async function sendStream(
  response: ServerResponse,
  reply: Reply & { kind: "stream" },
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const chunks = abortable(reply.chunks, signal);
  const breathe = createBreather(clock);
  try {
    const first = chunks.next();
    await failsAtOnce(first, clock);
    response.writeHead(200, { ...commonHeaders, "content-type": reply.type });
    response.flushHeaders();
    for (let item = await first; item.done !== true; item = await chunks.next()) {
      if (!response.write(item.value)) await drained(response, signal);
      await breathe();
    }
    response.end();
  } catch (error) {
    if (response.headersSent) endFailed(response, reply, toCoterieError(error));
    throw error;
  } finally {
    await chunks.return();
  }
}

/**
 * A stream is asked for its first item before the headers go out: when they arrive, the subscription stands; and
 * what it refuses at once (a wrong cursor) gets a status of its own. What comes later is told in the stream.
 */
async function failsAtOnce(first: Promise<unknown>, clock: Clock): Promise<void> {
  await Promise.race([first, clock.sleep(0)]);
}

function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  const drain = new Promise<void>((resolve) => {
    response.once("drain", resolve);
  });
  return untilAborted(drain, signal);
}

/** With its last words where the stream's format has any, else by cutting the connection. */
function endFailed(
  response: ServerResponse,
  reply: Reply & { kind: "stream" },
  error: CoterieError,
): void {
  if (reply.failure === undefined) response.destroy();
  else response.end(reply.failure(error.toBody()));
}
