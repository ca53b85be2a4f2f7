/**
 * `FrameChannel` over a libp2p stream. libp2p 3 streams push: `message` events come as fast as the peer may send, so
 * the stream is paused while more than `syncReadAheadBytesMax` wait for the consumer (yamux then withholds window
 * updates and at most one window more arrives). Writing waits for `drain` whenever `send` says that the transport is
 * full. Not built on `@libp2p/utils` `lpStream`: that one does not pause, and aborts a stream whose consumer is slow.
 */
import type { Stream, StreamCloseEvent, StreamMessageEvent } from "@libp2p/interface";
import { badFormat, concatBytes } from "../../core/codec.ts";
import { CoterieError, toCoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { Clock, FrameChannel, Metrics, PeerName } from "../../core/ports.ts";
import { encodeLength, FrameParser } from "./frame-parser.ts";
import { StreamFlow } from "./stream-flow.ts";

/** After a clean close of our side the peer has this long to close its own. */
const lingerMs = 5_000;

export type ChannelParts = { readonly clock: Clock; readonly metrics: Metrics };

export class StreamChannel implements FrameChannel {
  readonly peer: PeerName;
  readonly frames: AsyncIterable<Uint8Array>;
  readonly #stream: Stream;
  readonly #parts: ChannelParts;
  readonly #flow: StreamFlow;
  readonly #parser = new FrameParser(limits.syncFrameBytesMax);
  #received = 0;
  #sent = 0;
  #peerClosed = false;
  #ended = false;
  #failure: CoterieError | undefined;
  #wake: (() => void) | undefined;

  constructor(stream: Stream, peer: PeerName, parts: ChannelParts) {
    this.#stream = stream;
    this.#flow = new StreamFlow(
      stream,
      () => this.#parser.pendingBytes <= limits.syncReadAheadBytesMax,
    );
    this.#parts = parts;
    this.peer = peer;
    this.frames = this.#read();
    stream.addEventListener("remoteCloseWrite", () => (this.#peerClosed = true));
    stream.addEventListener("end", () => this.#end());
    stream.addEventListener("close", (event) => this.#closed(event));
    stream.addEventListener("message", (event) => this.#receive(event));
    this.#catchUp();
  }

  get bytesIn(): number {
    return this.#received;
  }

  get bytesOut(): number {
    return this.#sent;
  }

  async send(frame: Uint8Array): Promise<void> {
    if (frame.length > limits.syncFrameBytesMax) {
      throw new CoterieError("TOO_LARGE", `a frame has at most ${limits.syncFrameBytesMax} bytes`);
    }
    if (this.#failure !== undefined) throw this.#failure;
    const bytes = concatBytes(encodeLength(frame.length), frame);
    let hasRoom: boolean;
    try {
      hasRoom = this.#stream.send(bytes);
    } catch (error) {
      throw this.#failure ?? lost(toCoterieError(error).message);
    }
    this.#sent += bytes.length;
    if (hasRoom) return;
    await this.#flow.drained(() => this.#failure !== undefined);
    if (this.#failure !== undefined) throw this.#failure;
  }

  async close(): Promise<void> {
    if (this.#failure !== undefined) return;
    this.#parts.clock.after(lingerMs, () => this.#stream.abort(lost("the peer did not close")));
    try {
      await this.#stream.close({ signal: AbortSignal.timeout(lingerMs) });
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
      const frame = this.#failure === undefined ? this.#parse() : undefined;
      this.#flow.regulate();
      if (frame !== undefined) {
        yield frame;
      } else if (this.#failure !== undefined) {
        throw this.#failure;
      } else if (this.#ended) {
        return;
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    }
  }

  /** The next frame; a broken one fails the channel. */
  #parse(): Uint8Array | undefined {
    try {
      const frame = this.#parser.next();
      if (frame === undefined && this.#ended && this.#parser.pendingBytes > 0) {
        badFormat("the last frame is truncated");
      }
      return frame;
    } catch (error) {
      this.#parts.metrics.count("sync.bad_frames");
      this.abort(toCoterieError(error));
      return undefined;
    }
  }

  #receive(event: StreamMessageEvent): void {
    if (this.#failure !== undefined) return;
    // a Buffer would be handed out as one, and its slice() is no copy
    const data = event.data.subarray();
    this.#received += data.length;
    this.#parser.push(new Uint8Array(data.buffer, data.byteOffset, data.length));
    this.#flow.regulate();
    this.#rouse();
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
    if (event.error !== undefined) {
      this.#fail(lost(event.error.message));
    } else if (!this.#peerClosed) {
      this.#fail(lost("the connection closed"));
    }
  }

  #fail(failure: CoterieError): void {
    this.#failure ??= failure;
    this.#rouse();
  }

  #rouse(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}

function lost(reason: string): CoterieError {
  return new CoterieError("UNREACHABLE", `the stream to the peer was lost: ${reason}`);
}
