/**
 * The control server: HTTP/1.1 on a unix socket of mode 0600. It owns the sockets and their limits; what the API is
 * stands in `routes/`, what happens to one request in `exchange.ts`.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { CoterieError, errorCodes } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import type { Clock, Log, Metrics } from "../core/ports.ts";
import { createBodyBudget } from "./body-budget.ts";
import type { Daemon } from "./daemon.ts";
import { serve, type Shared } from "./exchange.ts";
import { createRouter } from "./router.ts";
import { createRoutes } from "./routes/index.ts";
import { listenPrivately } from "./unix-socket.ts";
import { untilAborted } from "./until-aborted.ts";

export type ControlOptions = {
  readonly daemon: Daemon;
  readonly socketPath: string;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** Of the program, for the OpenAPI document. */
  readonly version: string;
};

export type Control = {
  /** Ends streams, lets other requests finish for `limits.controlStopMs`, then cuts what is left. */
  stop(): Promise<void>;
};

/** Listens when it resolves. Throws `ALREADY_RUNNING` or `BAD_DATA_DIR`. */
export async function startControl(options: ControlOptions): Promise<Control> {
  const { clock, metrics } = options;
  const stopping = new AbortController();
  const shared: Shared = {
    match: createRouter(createRoutes(options)),
    clock,
    metrics,
    log: options.log,
    leaseBody: createBodyBudget(limits.controlBodyBytesMax),
    stopping: stopping.signal,
    streams: 0,
  };
  const active = new Set<Promise<void>>();
  const server = createHttpServer(metrics, (request, response) => {
    const exchange = serve(shared, request, response).finally(() => active.delete(exchange));
    active.add(exchange);
  });
  await listenPrivately(server, options.socketPath);
  return {
    async stop() {
      stopping.abort(new CoterieError("SHUTTING_DOWN", "the daemon is stopping"));
      await stopServer(server, active, clock);
    },
  };
}

function createHttpServer(
  metrics: Metrics,
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const server = createServer({
    headersTimeout: limits.controlHeadersMs,
    // of the whole request: `exchange.ts` has deadlines by route, since uploads may last
    requestTimeout: 0,
    connectionsCheckingInterval: limits.controlHeadersMs / 4,
    requireHostHeader: false, // the guard refuses with a readable error
  });
  server.maxConnections = limits.controlSocketsMax;
  server.on("request", onRequest);
  server.on("drop", () => metrics.count("control.sockets_dropped"));
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
    metrics.count("control.bad_http");
    if (socket.writable && error.code !== "ECONNRESET") socket.end(rawRefusal(error));
    else socket.destroy();
  });
  return server;
}

/** For bytes that are not HTTP there is no response object to answer with. */
function rawRefusal(cause: NodeJS.ErrnoException): string {
  const error = refusalOf(cause.code);
  const body = JSON.stringify({ error: error.toBody() });
  return [
    `HTTP/1.1 ${errorCodes[error.code].http} Refused`,
    "Connection: close",
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "",
    body,
  ].join("\r\n");
}

function refusalOf(code: string | undefined): CoterieError {
  if (code === "HPE_HEADER_OVERFLOW") return new CoterieError("TOO_LARGE", "the head is too large");
  if (code === "ERR_HTTP_REQUEST_TIMEOUT")
    return new CoterieError("TIMEOUT", "the head took too long");
  return new CoterieError("BAD_REQUEST", "this is not HTTP/1.1");
}

async function stopServer(
  server: Server,
  active: ReadonlySet<Promise<void>>,
  clock: Clock,
): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  const late = new AbortController();
  const cancel = clock.after(limits.controlStopMs, () => late.abort());
  await untilAborted(Promise.all(active), late.signal).catch(() => undefined); // late: they are cut
  cancel();
  server.closeAllConnections();
  await closed;
}
