/** Connections to one provider of one service, kept for a moment between requests; never to another's. */
import { Agent, type ClientRequest } from "node:http";
import type { Duplex } from "node:stream";
import { toCoterieError } from "../../../core/errors.ts";
import { limits } from "../../../core/limits.ts";
import type { Clock } from "../../../core/ports.ts";

export class ProviderAgent extends Agent {
  readonly #clock: Clock;
  readonly #open: () => Promise<Duplex>;
  readonly #cancels = new WeakMap<Duplex, () => void>();

  constructor(clock: Clock, open: () => Promise<Duplex>) {
    super({ keepAlive: true, maxFreeSockets: limits.gatewayProviderFreeMax });
    this.#clock = clock;
    this.#open = open;
  }

  override createConnection(
    _options: unknown,
    made: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    this.#open().then(
      (socket) => made(null, socket),
      // its type wants a socket even when there is none
      (error: unknown) => made(toCoterieError(error), undefined as unknown as Duplex),
    );
  }

  /** Node's own would ask for what only sockets of the system have, and so would `reuseSocket`. */
  override keepSocketAlive(socket: Duplex): boolean {
    const cancel = this.#clock.after(limits.gatewayProviderKeepAliveMs, () => socket.destroy());
    this.#cancels.set(socket, cancel);
    return true;
  }

  override reuseSocket(socket: Duplex, request: ClientRequest): void {
    this.#cancels.get(socket)?.();
    request.reusedSocket = true;
  }
}

/** Resolves when the request has its connection, before any byte of it is sent; rejects when it gets none. */
export function untilConnected(request: ClientRequest, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => void request.destroy(new Error("given up by the caller"));
    const done = (settle: () => void): void => {
      signal.removeEventListener("abort", abort);
      request.off("error", failed);
      settle();
    };
    const failed = (error: Error): void => done(() => reject(toCoterieError(error)));
    request.once("error", failed);
    request.once("socket", () => done(resolve));
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}
