/** Bytes to and from one peer, however they travel: what a channel of the bulk lane is made of. */
import { CoterieError } from "../../core/errors.ts";
import type { BulkChannel, PeerName } from "../../core/ports.ts";
import type { ByteQueue } from "./byte-queue.ts";

export interface ByteDuplex {
  readonly queue: ByteQueue;
  readonly sent: number;
  /** As in `BulkChannel`. */
  write(bytes: Uint8Array): Promise<void>;
  end(): Promise<void>;
  abort(reason: Error): void;
  onClose(handler: () => void): void;
}

export function lost(reason: string): CoterieError {
  return new CoterieError("UNREACHABLE", `the channel to the peer was lost: ${reason}`);
}

/** Handlers that are called once; those that come later are called at once. */
export class Closing {
  #handlers: (() => void)[] | undefined = [];

  get isDone(): boolean {
    return this.#handlers === undefined;
  }

  on(handler: () => void): void {
    if (this.#handlers === undefined) handler();
    else this.#handlers.push(handler);
  }

  done(): void {
    const handlers = this.#handlers ?? [];
    this.#handlers = undefined;
    for (const handler of handlers) handler();
  }
}

export type ChannelFacts = {
  readonly peer: PeerName;
  readonly purpose: string;
  readonly lane: BulkChannel["lane"];
};

/** Its counters begin here, after what was said to agree on it. */
export function channelOver(bytes: ByteDuplex, facts: ChannelFacts): BulkChannel {
  const before = { received: bytes.queue.read, sent: bytes.sent };
  return {
    ...facts,
    chunks: bytes.queue,
    get bytesIn() {
      return bytes.queue.received - before.received;
    },
    get bytesOut() {
      return bytes.sent - before.sent;
    },
    write: (chunk) => bytes.write(chunk),
    end: () => bytes.end(),
    abort: (reason) => bytes.abort(reason),
    onClose: (handler) => bytes.onClose(handler),
  };
}
