/**
 * A TLS socket as bytes. Aborting resets the TCP connection, so that the peer can tell it from an end (TLS's own sign of
 * the end is not shown by Node; a peer whose process dies may look as if it had ended: framing above must not rely on it).
 */
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { toCoterieError } from "../../core/errors.ts";
import { Closing, lost, type ByteDuplex } from "./byte-duplex.ts";
import { ByteQueue } from "./byte-queue.ts";
import type { Shapeable } from "./shaped-connection.ts";

/** Handed to the socket beyond which a writer waits: enough that the kernel never runs dry in between. */
const writeAheadBytes = 1024 * 1024;

export class SocketBytes implements ByteDuplex {
  readonly queue: ByteQueue;
  /** What an injected fault takes hold of. */
  readonly shapeable: Shapeable;
  readonly #socket: TLSSocket;
  readonly #tcp: Socket;
  readonly #closing = new Closing();
  readonly #waiting: (() => void)[] = [];
  #sent = 0;
  #readDone = false;
  #writeDone = false;

  /** `tcp` is the connection below, as Node made it. */
  constructor(socket: TLSSocket, tcp: Socket) {
    this.#socket = socket;
    this.#tcp = tcp;
    const shapeable: Shapeable = {
      onData: (bytes) => this.queue.push(bytes),
      onTransportClosed: (error) => this.#readEnded(error),
      sendPause: () => void socket.pause(),
      sendResume: () => void socket.resume(),
      abort: (error) => this.abort(error),
      addEventListener: (_close, handler) => this.onClose(handler),
    };
    this.shapeable = shapeable;
    this.queue = new ByteQueue((flowing) => {
      if (flowing) shapeable.sendResume();
      else shapeable.sendPause();
    });
    socket.setNoDelay(true);
    socket.on("data", (data: Buffer) =>
      shapeable.onData(new Uint8Array(data.buffer, data.byteOffset, data.length)),
    );
    socket.on("end", () => shapeable.onTransportClosed());
    socket.on("error", (error) => shapeable.onTransportClosed(error));
    socket.on("close", () => this.#closed());
    socket.on("drain", () => this.#rouse());
  }

  get sent(): number {
    return this.#sent;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#check();
    this.#sent += bytes.length;
    if (this.#socket.write(bytes) || this.#socket.writableLength <= writeAheadBytes) return;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#check();
  }

  async end(): Promise<void> {
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      this.#socket.end(() => {
        this.#writeDone = true;
        this.#rouse();
        this.#settle();
      });
    });
  }

  abort(reason: Error): void {
    this.queue.fail(toCoterieError(reason));
    this.#tcp.resetAndDestroy();
    this.#socket.destroy();
    this.#rouse();
    this.#closing.done();
  }

  onClose(handler: () => void): void {
    this.#closing.on(handler);
  }

  #check(): void {
    if (this.queue.failure !== undefined) throw this.queue.failure;
    if (this.#socket.destroyed) throw lost("it is closed");
  }

  #readEnded(error: Error | undefined): void {
    if (error === undefined) this.queue.end();
    else this.queue.fail(lost(error.message));
    this.#readDone = true;
    this.#settle();
  }

  /** What a shaped link still holds back is read to its end. */
  #closed(): void {
    this.#writeDone = true;
    if (!this.#socket.readableEnded)
      this.shapeable.onTransportClosed(lost("the connection closed"));
    this.#rouse();
    this.#settle();
  }

  #settle(): void {
    if (this.#readDone && this.#writeDone) this.#closing.done();
  }

  #rouse(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
