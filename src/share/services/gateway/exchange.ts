/** One request and its response, between a local client and the provider that took it. Nothing here is done twice. */
import { once } from "node:events";
import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import { limits } from "../../../core/limits.ts";
import type { Clock } from "../../../core/ports.ts";
import type { Lease } from "../connector.ts";
import { IdleWatch } from "../idle-watch.ts";
import { GatewayError } from "./gateway-error.ts";
import { responseHeaders } from "./header-rules.ts";

export type ExchangeParts = {
  readonly clock: Clock;
  readonly lease: Lease;
  /** For the provider to begin its response, counted from the end of the request. */
  readonly answerMs: number;
};

/** Rejects with a `GatewayError` while the client can still be told; later the connection is cut, so that it sees. */
export async function exchange(
  request: IncomingMessage,
  response: ServerResponse,
  upstream: ClientRequest,
  { clock, lease, answerMs }: ExchangeParts,
): Promise<void> {
  const idle = new IdleWatch(clock, limits.gatewayIdleMs, () => upstream.destroy());
  const leave = (): void => void upstream.destroy();
  response.once("close", leave);
  try {
    const parts = { clock, lease, answerMs };
    const answer = await answerOf({ request, response, upstream, idle }, parts);
    const { statusCode = 502, statusMessage = "", rawHeaders } = answer;
    response.sendDate = false;
    response.writeHead(statusCode, statusMessage, responseHeaders(rawHeaders));
    response.flushHeaders(); // the first server-sent event may be a long time off
    await passOn(answer, response, idle);
    release(request, response, clock);
  } finally {
    idle.stop();
    response.off("close", leave);
    lease.end();
  }
}

type Sides = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly upstream: ClientRequest;
  readonly idle: IdleWatch;
};

/** Sends the request and waits for the head of the response. */
function answerOf(
  { request, response, upstream, idle }: Sides,
  { clock, lease, answerMs }: ExchangeParts,
): Promise<IncomingMessage> {
  const beganMs = clock.monotonicMs();
  return new Promise((resolve, reject) => {
    let isSettled = false;
    let cancelLate: (() => void) | undefined;
    const settle = (run: () => void): void => {
      isSettled = true;
      cancelLate?.();
      run();
    };
    const lost = (error: Error): void => {
      settle(() => {
        if (!response.destroyed) lease.failed(); // else its client left, which says nothing of it
        reject(
          error instanceof GatewayError
            ? error
            : new GatewayError("PROVIDER_FAILED", "the provider broke off before it answered"),
        );
      });
    };
    upstream.on("error", lost);
    upstream.once("close", () => lost(new Error("closed")));
    upstream.once("response", (answer) => {
      settle(() => {
        lease.answered(clock.monotonicMs() - beganMs);
        resolve(answer);
      });
    });
    request.on("data", () => idle.touch());
    request.once("error", () => upstream.destroy());
    const sent = (): void => {
      if (isSettled) return; // the answer began before the request was over
      cancelLate = clock.after(answerMs, () => {
        upstream.destroy(new GatewayError("TIMEOUT", "the provider did not answer in time"));
      });
    };
    upstream.once("finish", sent);
    // the head of a slow upload goes ahead of its body
    if (request.headers["transfer-encoding"] !== undefined) upstream.flushHeaders();
    request.pipe(upstream);
  });
}

async function passOn(
  answer: IncomingMessage,
  response: ServerResponse,
  idle: IdleWatch,
): Promise<void> {
  answer.on("data", () => idle.touch());
  answer.once("error", () => response.destroy()); // also when it ends before it is whole
  answer.pipe(response);
  if (!response.destroyed) await once(response, "close").catch(() => undefined);
}

/** A client that still sends what nobody wants any more gets a moment to take note of the answer. */
function release(request: IncomingMessage, response: ServerResponse, clock: Clock): void {
  if (request.complete || response.destroyed) return;
  request.unpipe();
  request.resume();
  clock.after(limits.controlLingerMs, () => {
    if (!request.complete) request.destroy();
  });
}
