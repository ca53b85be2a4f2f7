/** A tunnel as the duplex stream that Node's HTTP client wants. */
import { Duplex } from "node:stream";
import { toCoterieError } from "../../../core/errors.ts";
import type { TunnelChannel } from "../ports.ts";

type Done = (error?: Error | null) => void;

export class TunnelSocket extends Duplex {
  readonly #channel: TunnelChannel;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #reading = false;

  constructor(channel: TunnelChannel) {
    // when the provider closes its half the connection is of no use to HTTP
    super({ allowHalfOpen: false });
    this.#channel = channel;
    this.#chunks = channel.chunks[Symbol.asyncIterator]();
  }

  override _read(): void {
    if (this.#reading) return;
    this.#reading = true;
    this.#chunks.next().then(
      ({ done, value }) => {
        this.#reading = false;
        this.push(done === true ? null : value);
      },
      (error: unknown) => this.destroy(toCoterieError(error)),
    );
  }

  override _write(chunk: Uint8Array, _encoding: string, settled: Done): void {
    this.#channel.write(chunk).then(() => settled(), settled);
  }

  override _writev(pieces: { readonly chunk: Uint8Array }[], settled: Done): void {
    const chunk = Buffer.concat(pieces.map((piece) => piece.chunk));
    this.#channel.write(chunk).then(() => settled(), settled);
  }

  override _final(settled: Done): void {
    this.#channel.end().then(() => settled(), settled);
  }

  override _destroy(error: Error | null, settled: Done): void {
    this.#channel.abort(error ?? new Error("the connection is closed"));
    settled(error);
  }
}
