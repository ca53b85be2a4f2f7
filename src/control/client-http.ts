/** Requests of the client over the daemon's socket, and what can go wrong with them as coded errors. */
import type { Agent, ClientRequest, IncomingHttpHeaders, IncomingMessage } from "node:http";
import { CoterieError, isErrorCode } from "../core/errors.ts";
import { requestTarget, type QueryValues } from "./client-target.ts";

// An import of node:http reads all its exports, among them getters that load the fetch implementation: 60 ms a call.
const { request: httpRequest } = process.getBuiltinModule("node:http");

export type Ask = {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  /** Below `/v1`, not encoded. */
  readonly path: readonly string[];
  readonly query?: QueryValues;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
};

export type Connection = {
  readonly socketPath: string;
  /** False opens a connection for this request alone. */
  readonly agent: Agent | false;
  readonly signal: AbortSignal;
};

export type Begun = {
  readonly request: ClientRequest;
  readonly response: Promise<IncomingMessage>;
};

export type Answer = { readonly headers: IncomingHttpHeaders; readonly bytes: Buffer };

const answerBytesMax = 64 * 1024 * 1024;

/** Sends the head; the caller ends the request. The response rejects unless its status is one of success. */
export function begin(connection: Connection, ask: Ask): Begun {
  const { socketPath, agent, signal } = connection;
  const headers = { host: "localhost", ...ask.headers };
  const path = requestTarget(ask.path, ask.query);
  const request = httpRequest({ socketPath, agent, signal, method: ask.method, path, headers });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    request.once("response", resolve);
    request.on("error", reject);
  });
  return { request, response: succeeded(answered, connection) };
}

async function succeeded(
  answered: Promise<IncomingMessage>,
  connection: Connection,
): Promise<IncomingMessage> {
  const response = await answered.catch((error: unknown) => {
    throw brokenOff(error, connection);
  });
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) return response;
  throw refusalOf(status, await collect(response, connection));
}

/** A request and the whole of its answer. */
export async function fetchWhole(connection: Connection, ask: Ask): Promise<Answer> {
  const { request, response } = begin(connection, ask);
  request.end(ask.body);
  try {
    const answer = await response;
    return { headers: answer.headers, bytes: await collect(answer, connection) };
  } catch (error) {
    if (!wasClosedWhileIdle(request, ask, error)) throw error;
    return fetchWhole({ ...connection, agent: false }, ask);
  }
}

/** A kept connection may be closed by the daemon in the moment it is used again; what repeats safely is repeated. */
function wasClosedWhileIdle(request: ClientRequest, ask: Ask, error: unknown): boolean {
  const cause = error instanceof CoterieError ? error.cause : undefined;
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  return (
    request.reusedSocket && ask.method !== "POST" && (code === "ECONNRESET" || code === "EPIPE")
  );
}

async function collect(response: IncomingMessage, connection: Connection): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of chunksOf(response, connection)) {
    length += piece.length;
    if (length > answerBytesMax)
      throw new CoterieError("TOO_LARGE", "the answer is over the limit");
    pieces.push(piece);
  }
  return Buffer.concat(pieces, length);
}

/** The body as it arrives. Leaving the loop closes the connection. */
export async function* chunksOf(
  response: IncomingMessage,
  connection: Connection,
): AsyncGenerator<Uint8Array, void> {
  try {
    for await (const chunk of response) yield chunk as Uint8Array;
  } catch (error) {
    throw brokenOff(error, connection);
  }
}

/** Why there was no answer, or not the whole of it. */
function brokenOff(cause: unknown, { socketPath, signal }: Connection): CoterieError {
  if (signal.aborted) return abortError(signal.reason);
  if (cause instanceof CoterieError) return cause;
  const { code, message } = cause as NodeJS.ErrnoException;
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
    case "ECONNREFUSED":
      return new CoterieError("NOT_RUNNING", `no daemon answers at ${socketPath}`, {
        hint: "start one with: coterie up",
        cause,
      });
    case "EACCES":
    case "EPERM":
      return new CoterieError("REFUSED", `not allowed to open ${socketPath}`, {
        hint: "run this as the user who started the daemon",
        cause,
      });
    case "EAGAIN":
      return new CoterieError("OVERLOADED", "the daemon takes no more connections", { cause });
    default:
      return new CoterieError("UNREACHABLE", `the daemon broke off: ${message}`, {
        hint: "see whether it still runs with: coterie status",
        cause,
      });
  }
}

function abortError(reason: unknown): CoterieError {
  if (reason instanceof CoterieError) return reason;
  return new CoterieError("ABORTED", "given up", { cause: reason });
}

function refusalOf(status: number, bytes: Buffer): CoterieError {
  const unexpected = new CoterieError("INTERNAL", `unexpected answer with status ${status}`);
  try {
    return errorOfBody(JSON.parse(bytes.toString())) ?? unexpected;
  } catch {
    return unexpected; // no JSON, so no daemon; the status is all there is to tell
  }
}

/** Throws `INTERNAL` when the text is not JSON. */
export function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw notUnderstood();
  }
}

export function notUnderstood(): CoterieError {
  return new CoterieError("INTERNAL", "the daemon sent what this client does not understand");
}

/** The error of `{"error":{...}}`. A code of a newer daemon becomes `INTERNAL`, with the message kept. */
export function errorOfBody(body: unknown): CoterieError | undefined {
  const error = (body as { error?: unknown } | null | undefined)?.error;
  const { code, message, hint } = (error ?? {}) as Record<string, unknown>;
  if (typeof message !== "string") return undefined;
  const options = typeof hint === "string" ? { hint } : {};
  return new CoterieError(isErrorCode(code) ? code : "INTERNAL", message, options);
}
