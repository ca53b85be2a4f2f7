/**
 * A libp2p stream as a plain duplex of bytes with back-pressure and half-close; frame-channel.ts says why libp2p's own
 * wrappers will not do. The stream is paused while more than `tunnelReadAheadBytesMax` wait for the reader.
 */
import type { Stream, StreamCloseEvent, StreamMessageEvent } from "@libp2p/interface";
import { CoterieError, toCoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { Clock, PeerName } from "../../core/ports.ts";

export class StreamBytes {
  readonly peer: PeerName;
  /** Ends at the peer's half-close; throws when the stream is lost. To be read once. */
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly #stream: Stream;
  readonly #clock: Clock;
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #peerClosed = false;
  #ended = false;
  #resuming = false;
  #failure: CoterieError | undefined;
  #wake: (() => void) | undefined;

  constructor(stream: Stream, peer: PeerName, clock: Clock) {
    this.#stream = stream;
    this.#clock = clock;
    this.peer = peer;
    this.chunks = this.#read();
    stream.addEventListener("remoteCloseWrite", () => (this.#peerClosed = true));
    stream.addEventListener("end", () => this.#end());
    stream.addEventListener("close", (event) => this.#closed(event));
    stream.addEventListener("message", (event) => this.#receive(event));
    this.#catchUp();
  }

  /** Resolves once the transport takes more. */
  async write(chunk: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    let hasRoom: boolean;
    try {
      hasRoom = this.#stream.send(chunk);
    } catch (error) {
      throw this.#failure ?? lost(toCoterieError(error).message);
    }
    if (!hasRoom) await this.#drained();
  }

  /** Closes our half; the peer's stays open. */
  async end(): Promise<void> {
    if (this.#failure !== undefined) return;
    try {
      await this.#stream.close({ signal: AbortSignal.timeout(limits.tunnelStallMs) });
    } catch (error) {
      this.abort(toCoterieError(error));
    }
  }

  abort(reason: Error): void {
    this.#fail(toCoterieError(reason));
    this.#stream.abort(reason);
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = this.#failure === undefined ? this.#waiting.shift() : undefined;
      this.#waitingBytes -= chunk?.length ?? 0;
      this.#regulate();
      if (chunk !== undefined) {
        yield chunk;
      } else if (this.#failure !== undefined) {
        throw this.#failure;
      } else if (this.#waiting.length > 0) {
        continue; // resuming handed out what the stream had kept
      } else if (this.#ended) {
        return;
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    }
  }

  #receive(event: StreamMessageEvent): void {
    if (this.#failure !== undefined) return;
    const data = event.data.subarray();
    this.#waiting.push(data);
    this.#waitingBytes += data.length;
    this.#regulate();
    this.#rouse();
  }

  /** `resume` first hands out what libp2p had kept and only then tells the muxer, so a pause from inside it comes after. */
  #regulate(): void {
    if (this.#resuming) return;
    if (this.#stream.readStatus === "paused" && this.#hasRoom()) {
      this.#resuming = true;
      this.#stream.resume();
      this.#resuming = false;
    }
    if (this.#stream.readStatus === "readable" && !this.#hasRoom()) this.#stream.pause();
  }

  #hasRoom(): boolean {
    return this.#waitingBytes <= limits.tunnelReadAheadBytesMax;
  }

  /** What happened to the stream before anybody listened. */
  #catchUp(): void {
    const { status, remoteWriteStatus, readableEnded } = this.#stream;
    if (status !== "open") {
      this.#fail(lost("the peer closed it at once"));
      return;
    }
    this.#peerClosed = remoteWriteStatus === "closed";
    this.#ended = this.#peerClosed && readableEnded;
  }

  #end(): void {
    if (!this.#peerClosed) return; // the stream died; `close` says how
    this.#ended = true;
    this.#rouse();
  }

  #closed(event: StreamCloseEvent): void {
    if (event.error !== undefined) this.#fail(lost(event.error.message));
    else if (!this.#peerClosed) this.#fail(lost("the connection closed"));
  }

  #fail(failure: CoterieError): void {
    this.#failure ??= failure;
    this.#rouse();
  }

  #rouse(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  /** A peer that takes nothing for so long has lost the tunnel. */
  async #drained(): Promise<void> {
    const stream = this.#stream;
    const cancel = this.#clock.after(limits.tunnelStallMs, () => {
      this.abort(new CoterieError("TIMEOUT", "the peer takes no bytes"));
    });
    while (stream.writableNeedsDrain && this.#failure === undefined) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          stream.removeEventListener("drain", done);
          stream.removeEventListener("close", done);
          resolve();
        };
        stream.addEventListener("drain", done);
        stream.addEventListener("close", done);
      });
    }
    cancel();
    if (this.#failure !== undefined) throw this.#failure;
  }
}

function lost(reason: string): CoterieError {
  return new CoterieError("UNREACHABLE", `the tunnel was lost: ${reason}`);
}
