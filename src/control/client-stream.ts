/** The streams of the client: server-sent events, NDJSON lines and raw chunks, down and up. */
import type { ClientRequest } from "node:http";
import { decodeUtf8 } from "../core/codec.ts";
import { CoterieError, toCoterieError } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import {
  begin,
  chunksOf,
  errorOfBody,
  notUnderstood,
  parseAnswer,
  type Ask,
  type Begun,
  type Connection,
} from "./client-http.ts";
import { LineSplitter, type Line } from "./line-splitter.ts";
import { SseParser } from "./sse-parser.ts";
import { abortable } from "./until-aborted.ts";

/** Starts the time a stream has to open; `opened` stops it. */
export type Opening = () => { readonly connection: Connection; readonly opened: () => void };

/** Raw chunks of the body. */
export async function* streamChunks(opening: Opening, ask: Ask): AsyncGenerator<Uint8Array, void> {
  const { connection, opened } = opening();
  const begun = begin(connection, ask);
  begun.request.end();
  yield* received(begun, connection, opened);
}

/** The JSON of each event; an event named `error` is thrown. */
export async function* streamEvents<T>(opening: Opening, ask: Ask): AsyncGenerator<T, void> {
  const parser = new SseParser(limits.importLineBytesMax);
  for await (const chunk of streamChunks(opening, ask)) yield* eventsOf<T>(parser, chunk);
}

function* eventsOf<T>(parser: SseParser, chunk: Uint8Array): Generator<T, void> {
  for (const message of parser.push(chunk)) {
    const data = parseAnswer(message.data);
    if (message.event === "error") throw errorOfBody(data) ?? notUnderstood();
    yield data as T;
  }
}

/** Sends chunks up while it yields the lines that come down. */
export async function* exchangeLines<T>(
  opening: Opening,
  ask: Ask,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<T, void> {
  const splitter = new LineSplitter(limits.importLineBytesMax);
  for await (const chunk of exchangeChunks(opening, ask, chunks)) {
    for (const line of splitter.push(chunk)) yield parseLine(line) as T;
  }
}

/** Sends chunks up while it yields the events that come down; one named `error` is thrown. */
export async function* exchangeEvents<T>(
  opening: Opening,
  ask: Ask,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<T, void> {
  const parser = new SseParser(limits.importLineBytesMax);
  for await (const chunk of exchangeChunks(opening, ask, chunks)) yield* eventsOf<T>(parser, chunk);
}

async function* exchangeChunks(
  opening: Opening,
  ask: Ask,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  const { connection, opened } = opening();
  const begun = begin(connection, ask);
  begun.request.flushHeaders(); // or they would wait for the first chunk, however long that takes
  const over = new AbortController();
  const uploaded = upload(begun.request, abortable(chunks, over.signal));
  let failure: CoterieError | undefined;
  uploaded.catch((error: unknown) => {
    failure = toCoterieError(error);
    begun.request.destroy();
  });
  try {
    yield* received(begun, connection, opened);
  } catch (error) {
    throw failure ?? error;
  } finally {
    over.abort();
    begun.request.destroy();
  }
}

async function* received(
  { request, response }: Begun,
  connection: Connection,
  opened: () => void,
): AsyncGenerator<Uint8Array, void> {
  try {
    const answer = await response;
    opened();
    yield* chunksOf(answer, connection);
  } finally {
    opened();
    request.destroy();
  }
}

/** Rejects only when the source fails; what happens to the request, its response tells. */
async function upload(request: ClientRequest, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of chunks) {
    if (request.destroyed) return;
    if (!request.write(chunk)) await drained(request);
  }
  request.end();
}

function drained(request: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      request.off("drain", done).off("close", done);
      resolve();
    };
    if (request.closed) done();
    else request.on("drain", done).on("close", done);
  });
}

function parseLine(line: Line): unknown {
  if (line === undefined) throw notUnderstood();
  return parseAnswer(decodeUtf8(line));
}
