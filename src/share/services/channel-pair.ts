/**
 * The two ends of a tunnel within this node, so that its own programs reach its own services by the same door as others,
 * and are judged by the same list.
 */
import { CoterieError, toCoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { PeerName } from "../../core/ports.ts";
import type { TunnelChannel } from "./ports.ts";

/** One direction: a bounded queue with one reader and one writer. */
class Lane {
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;
  #ended = false;
  #failure: Error | undefined;
  readonly #waiters = new Set<() => void>();

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#ended) throw new CoterieError("UNREACHABLE", "the tunnel is closed");
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    this.#wake();
    while (this.#bytes > limits.tunnelReadAheadBytesMax && this.#failure === undefined) {
      await this.#changed();
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  fail(reason: Error): void {
    this.#failure ??= reason;
    this.#chunks.length = 0;
    this.#wake();
  }

  async *read(): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#bytes -= chunk.length;
        this.#wake();
        yield chunk;
      } else if (this.#ended) {
        return;
      } else {
        await this.#changed();
      }
    }
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => void this.#waiters.add(resolve));
  }

  #wake(): void {
    for (const wake of this.#waiters) wake();
    this.#waiters.clear();
  }
}

export function channelPair(self: PeerName): [TunnelChannel, TunnelChannel] {
  const [there, back] = [new Lane(), new Lane()];
  const abort = (reason: Error): void => {
    const failure = toCoterieError(reason);
    there.fail(failure);
    back.fail(failure);
  };
  const side = (out: Lane, into: Lane): TunnelChannel => ({
    peer: self,
    chunks: into.read(),
    write: (chunk) => out.write(chunk),
    end: async () => out.end(),
    abort,
  });
  return [side(there, back), side(back, there)];
}
