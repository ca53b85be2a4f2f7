/** One request from its head to the last byte of its answer. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { CoterieError, toCoterieError } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import type { Clock, Log, Metrics } from "../core/ports.ts";
import type { BodyLease } from "./body-budget.ts";
import { guard } from "./guard.ts";
import { parseQuery } from "./query.ts";
import { readBody } from "./request-body.ts";
import { isStream, type Reply } from "./route.ts";
import type { Match } from "./router.ts";
import { send, sendError } from "./send.ts";
import { untilAborted } from "./until-aborted.ts";

/** What all exchanges of a server share. */
export type Shared = {
  readonly match: (method: string, target: string) => Match;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly leaseBody: () => BodyLease;
  /** Aborts with `SHUTTING_DOWN` when the server stops. */
  readonly stopping: AbortSignal;
  streams: number;
};

type Exchange = {
  readonly shared: Shared;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Aborts when the client goes away or the deadline has passed. */
  readonly abort: AbortController;
};

/** Never rejects: whatever happens ends in an answer, or in a log line when nobody is there to be answered. */
export async function serve(
  shared: Shared,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const startedMs = shared.clock.monotonicMs();
  const abort = new AbortController();
  const exchange: Exchange = { shared, request, response, abort };
  const closed = closing(exchange);
  shared.metrics.count("control.requests");
  try {
    await answer(exchange);
  } catch (error) {
    refuse(exchange, error);
    linger(exchange);
  }
  await closed;
  shared.log.debug("request", {
    method: request.method,
    path: request.url,
    status: response.statusCode,
    ms: Math.round(shared.clock.monotonicMs() - startedMs),
  });
}

/** Resolves when the answer has left or the connection is gone; the latter aborts the exchange. */
function closing({ response, abort }: Exchange): Promise<void> {
  response.on("error", () => undefined); // a broken pipe; "close" follows
  return new Promise((resolve) => {
    response.once("close", () => {
      if (!response.writableFinished) abort.abort(clientGone());
      resolve();
    });
  });
}

function clientGone(): CoterieError {
  return new CoterieError("ABORTED", "the client closed the connection");
}

function answer(exchange: Exchange): Promise<void> {
  const { shared, request } = exchange;
  guard(request.headers);
  if (shared.stopping.aborted) throw shared.stopping.reason;
  const match = shared.match(request.method ?? "", request.url ?? "");
  return isStream(match.route) ? answerStream(exchange, match) : answerOnce(exchange, match);
}

/** Under a deadline for the whole of it: reading the body, the work, and the client's reading of the answer. */
async function answerOnce(exchange: Exchange, match: Match): Promise<void> {
  const { shared, response, abort } = exchange;
  const cancel = shared.clock.after(limits.requestMsMax, () => {
    abort.abort(new CoterieError("TIMEOUT", `not done within ${limits.requestMsMax / 1000} s`));
    if (response.headersSent) cutOff(exchange);
  });
  response.once("close", cancel);
  const reply = await untilAborted(run(exchange, match, abort.signal), abort.signal);
  await send(response, reply, shared.clock, abort.signal);
}

/** The client has not read its answer in time. */
function cutOff({ shared, request, response }: Exchange): void {
  shared.metrics.count("control.cut_off");
  shared.log.debug("answer not read", { path: request.url });
  response.destroy();
}

async function answerStream(exchange: Exchange, match: Match): Promise<void> {
  const { shared, response, abort } = exchange;
  if (shared.streams >= limits.streamsMax) {
    throw new CoterieError("OVERLOADED", `${limits.streamsMax} streams are open already`);
  }
  shared.streams++;
  try {
    const signal = AbortSignal.any([abort.signal, shared.stopping]);
    const reply = await run(exchange, match, signal);
    await send(response, reply, shared.clock, signal);
  } finally {
    shared.streams--;
  }
}

async function run(exchange: Exchange, match: Match, signal: AbortSignal): Promise<Reply> {
  const { shared, request } = exchange;
  const { route, params, search } = match;
  const query = parseQuery(search, route.query);
  const lease = shared.leaseBody();
  try {
    const body = await readBody(request, route.body, lease, signal);
    return await route.handle({ params, query, body, headers: request.headers, signal });
  } finally {
    lease.release();
  }
}

function refuse({ shared, request, response }: Exchange, thrown: unknown): void {
  const gone = request.destroyed && !request.complete;
  const error = gone ? clientGone() : toCoterieError(thrown);
  shared.metrics.count(`control.refused.${error.code}`);
  const facts = { code: error.code, reason: error.message, path: request.url };
  if (error.code === "INTERNAL") {
    const cause = error.cause instanceof Error ? error.cause : error;
    shared.log.error("request failed", { ...facts, stack: cause.stack });
  } else {
    shared.log.debug("request refused", facts);
  }
  if (!response.headersSent) sendError(response, error);
}

/**
 * A client that still uploads when it is refused would lose the answer if the connection were cut at once, so what
 * it sends is read and forgotten for a while.
 */
function linger({ shared, request }: Exchange): void {
  if (request.complete) return;
  request.resume();
  const cancel = shared.clock.after(limits.controlLingerMs, () => request.destroy());
  request.once("close", cancel);
}
