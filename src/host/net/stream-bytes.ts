/** A libp2p stream as bytes. Its events: `frame-channel.ts`. */
import type { Stream } from "@libp2p/interface";
import { toCoterieError } from "../../core/errors.ts";
import { Closing, lost, type ByteDuplex } from "./byte-duplex.ts";
import { ByteQueue } from "./byte-queue.ts";
import { StreamFlow } from "./stream-flow.ts";

export class StreamBytes implements ByteDuplex {
  readonly queue: ByteQueue;
  readonly #stream: Stream;
  readonly #flow: StreamFlow;
  readonly #closing = new Closing();
  #sent = 0;
  #peerEnded = false;

  constructor(stream: Stream) {
    this.#stream = stream;
    let isFlowing = true;
    this.#flow = new StreamFlow(stream, () => isFlowing);
    this.queue = new ByteQueue((flowing) => {
      isFlowing = flowing;
      this.#flow.regulate();
    });
    stream.addEventListener("remoteCloseWrite", () => (this.#peerEnded = true));
    stream.addEventListener("end", () => {
      if (this.#peerEnded) this.queue.end(); // else the stream died; `close` says how
    });
    stream.addEventListener("close", ({ error }) => this.#closed(error));
    stream.addEventListener("message", ({ data }) => {
      // piece by piece: joined they would be copied; and a Buffer would be handed out as one
      for (const { buffer, byteOffset, length } of data instanceof Uint8Array ? [data] : data) {
        this.queue.push(new Uint8Array(buffer, byteOffset, length));
      }
    });
    this.#catchUp();
  }

  get sent(): number {
    return this.#sent;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.queue.failure !== undefined) throw this.queue.failure;
    let hasRoom: boolean;
    try {
      hasRoom = this.#stream.send(bytes);
    } catch (error) {
      throw this.queue.failure ?? lost(toCoterieError(error).message);
    }
    this.#sent += bytes.length;
    if (hasRoom) return;
    await this.#flow.drained(() => this.queue.failure !== undefined);
    if (this.queue.failure !== undefined) throw this.queue.failure;
  }

  async end(): Promise<void> {
    if (this.queue.failure !== undefined) return;
    try {
      await this.#stream.close();
    } catch (error) {
      this.abort(toCoterieError(error));
    }
  }

  abort(reason: Error): void {
    this.queue.fail(toCoterieError(reason));
    this.#stream.abort(reason);
  }

  onClose(handler: () => void): void {
    this.#closing.on(handler);
  }

  /** What happened to the stream before anybody listened. */
  #catchUp(): void {
    const { status, remoteWriteStatus, readableEnded } = this.#stream;
    if (status !== "open") {
      this.#closed(undefined);
      return;
    }
    this.#peerEnded = remoteWriteStatus === "closed";
    if (this.#peerEnded && readableEnded) this.queue.end();
  }

  #closed(error: Error | undefined): void {
    if (error !== undefined) this.queue.fail(lost(error.message));
    else if (!this.#peerEnded) this.queue.fail(lost("the connection closed"));
    this.#closing.done();
  }
}
