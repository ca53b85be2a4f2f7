/** A WebSocket through the gateway: the handshake is judged and passed on as HTTP, what follows is bytes. */
import { request as ask, STATUS_CODES, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { toCoterieError } from "../../../core/errors.ts";
import { limits } from "../../../core/limits.ts";
import type { Clock } from "../../../core/ports.ts";
import { IdleWatch } from "../idle-watch.ts";
import { errorPage, GatewayError } from "./gateway-error.ts";
import { requestHeaders, responseHeaders, type From } from "./header-rules.ts";

export function judgeUpgrade({ method, httpVersion, headers }: IncomingMessage): void {
  const isWebSocket = headers.upgrade?.toLowerCase() === "websocket";
  const hasBody = headers["transfer-encoding"] !== undefined || Number(headers["content-length"]);
  if (method === "GET" && httpVersion === "1.1" && isWebSocket && !hasBody) return;
  throw new GatewayError("BAD_UPGRADE", "only WebSockets can be opened so");
}

/** Resolves when the WebSocket is over. Rejects with a `GatewayError` while the client can still be told. */
export async function upgrade(
  request: IncomingMessage,
  client: Duplex,
  provider: Duplex,
  {
    from,
    clock,
    answerMs,
  }: { readonly from: From; readonly clock: Clock; readonly answerMs: number },
): Promise<void> {
  const { answer, head } = await handshake(request, client, provider, { from, clock, answerMs });
  if (answer.statusCode !== 101) {
    client.write(headText(answer, ["Connection", "close"]));
    answer.pipe(client);
    await over(client, provider, clock);
    return;
  }
  client.write(headText(answer, ["Connection", "Upgrade", "Upgrade", "websocket"]));
  if (head.length > 0) client.write(head);
  provider.pipe(client);
  client.pipe(provider);
  await over(client, provider, clock);
}

type Handshake = { readonly answer: IncomingMessage; readonly head: Buffer };

function handshake(
  request: IncomingMessage,
  client: Duplex,
  provider: Duplex,
  {
    from,
    clock,
    answerMs,
  }: { readonly from: From; readonly clock: Clock; readonly answerMs: number },
): Promise<Handshake> {
  return new Promise((resolve, reject) => {
    const asked = ask({
      method: "GET",
      path: request.url,
      headers: [
        ...requestHeaders(request.rawHeaders, from),
        "Connection",
        "Upgrade",
        "Upgrade",
        "websocket",
      ],
      createConnection: () => provider,
      maxHeaderSize: limits.gatewayHeaderBytesMax,
    });
    const cancel = clock.after(answerMs, () => {
      asked.destroy(new GatewayError("TIMEOUT", "the provider did not answer in time"));
    });
    const fail = (error: Error): void => {
      cancel();
      const broke = new GatewayError("PROVIDER_FAILED", "the provider broke off");
      reject(error instanceof GatewayError ? error : broke);
    };
    asked.on("error", fail);
    asked.once("upgrade", (answer, _socket, head) => {
      cancel();
      resolve({ answer, head });
    });
    asked.once("response", (answer) => {
      cancel();
      resolve({ answer, head: Buffer.alloc(0) });
    });
    client.once("close", () => asked.destroy());
    asked.end();
  });
}

/** Waits until both are closed; what ends or breaks on one side ends the other. */
function over(client: Duplex, provider: Duplex, clock: Clock): Promise<void> {
  const both = [client, provider];
  const idle = new IdleWatch(clock, limits.tunnelIdleMs, () => {
    for (const one of both) one.destroy();
  });
  const closed = both.map((one, index) => {
    one.on("data", () => idle.touch());
    one.on("error", () => one.destroy());
    return new Promise<void>((resolve) => {
      const close = (): void => {
        both[1 - index]?.end();
        resolve();
      };
      if (one.closed) close();
      else one.once("close", close);
    });
  });
  return Promise.all(closed).then(() => idle.stop());
}

function headText(
  { statusCode = 502, statusMessage, rawHeaders }: IncomingMessage,
  more: string[],
) {
  const flat = [...responseHeaders(rawHeaders), ...more];
  const lines = [`HTTP/1.1 ${statusCode} ${statusMessage ?? STATUS_CODES[statusCode] ?? ""}`];
  for (let at = 0; at < flat.length; at += 2) lines.push(`${flat[at]}: ${flat[at + 1]}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** The gateway's own answer on a connection that has no response object. */
export function refuseUpgrade(client: Duplex, error: GatewayError, accept?: string): void {
  const { status, headers, body } = errorPage(error, accept);
  const lines = Object.entries({ ...headers, connection: "close" }).map(([n, v]) => `${n}: ${v}`);
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`, ...lines].join("\r\n");
  client.on("error", (failure) => void toCoterieError(failure)); // it may have gone already
  client.end(`${head}\r\n\r\n${body}`);
}
