/**
 * What a TCP connection reads from its peer, delayed, slowed, held back or ended: an injected fault. Only reading is
 * shaped, so that each direction of a link is its reader's own; the writer feels it as it would feel a network, since
 * a reader that holds back leaves the bytes in the sockets' buffers. Nothing is lost or reordered, as in TCP: bytes
 * arrive late, or the connection ends. At most `limits.linkBufferBytesMax` and one read wait here.
 */
import type { MultiaddrConnection } from "@libp2p/interface";
import { limits } from "../../core/limits.ts";
import type { Clock, Random } from "../../core/ports.ts";
import type { LinkShape } from "./net-types.ts";

/** What libp2p's TCP connection has and its interface does not name; a test holds it to the pinned version. */
export type RawConnection = MultiaddrConnection & {
  onData(data: Uint8Array): void;
  onTransportClosed(error?: Error): void;
  sendPause(): void;
  sendResume(): void;
};

/** Of it what is taken hold of; sockets of the bulk lane offer the same. */
export type Shapeable = Pick<
  RawConnection,
  "onData" | "onTransportClosed" | "sendPause" | "sendResume"
> & {
  abort(error: Error): void;
  addEventListener(type: "close", handler: () => void): void;
};

export type ShapedParts = { readonly clock: Clock; readonly random: Random };

/** A piece that is due before the one ahead of it waits for that one. */
type Piece = { readonly data: Uint8Array; dueMs: number };

/** Of a slowed read, so that its first bytes do not wait for its last. */
const pieceBytes = 4 * 1024;
const resetEveryMs = 1_000;

export class ShapedConnection {
  readonly #raw: Pick<RawConnection, "onData" | "onTransportClosed" | "sendPause" | "sendResume">;
  readonly #connection: Shapeable;
  readonly #parts: ShapedParts;
  readonly #queue: Piece[] = [];
  #shape: LinkShape | undefined;
  #queuedBytes = 0;
  /** When the line has carried what was read so far. */
  #lineFreeMs = 0;
  #readerPaused = false;
  #held = false;
  #ended = false;
  #end: (() => void) | undefined;
  #cancelDelivery: (() => void) | undefined;
  #cancelReset: (() => void) | undefined;

  /** Takes over the connection's reading until it closes. */
  constructor(connection: Shapeable, parts: ShapedParts) {
    this.#connection = connection;
    this.#parts = parts;
    this.#raw = {
      onData: connection.onData.bind(connection),
      onTransportClosed: connection.onTransportClosed.bind(connection),
      sendPause: connection.sendPause.bind(connection),
      sendResume: connection.sendResume.bind(connection),
    };
    connection.onData = (data) => this.#read(data);
    connection.onTransportClosed = (error) => this.#close(error);
    connection.sendPause = () => this.#setReaderPaused(true);
    connection.sendResume = () => this.#setReaderPaused(false);
    connection.addEventListener("close", () => this.#forget());
  }

  /** Undefined lets everything through, what waits first. */
  setShape(shape: LinkShape | undefined): void {
    if (this.#ended) return;
    this.#shape = shape;
    if (shape === undefined) for (const piece of this.#queue) piece.dueMs = 0;
    this.#cancelReset?.();
    this.#cancelReset = undefined;
    if ((shape?.resetPerSecond ?? 0) > 0) this.#awaitReset();
    this.#deliver();
  }

  #read(data: Uint8Array): void {
    if (this.#shape === undefined && this.#queue.length === 0) {
      this.#raw.onData(data);
      return;
    }
    const { latencyMs = 0, jitterMs = 0, bitsPerSecond } = this.#shape ?? {};
    const { clock, random } = this.#parts;
    const step = bitsPerSecond === undefined ? data.byteLength : pieceBytes;
    for (let at = 0; at < data.byteLength; at += step) {
      const piece = data.subarray(at, at + step);
      this.#lineFreeMs = Math.max(this.#lineFreeMs, clock.monotonicMs());
      if (bitsPerSecond !== undefined) {
        this.#lineFreeMs += (piece.byteLength * 8 * 1_000) / bitsPerSecond;
      }
      const delayMs = Math.max(0, latencyMs + jitterMs * (2 * random.float() - 1));
      this.#queue.push({ data: piece, dueMs: this.#lineFreeMs + delayMs });
      this.#queuedBytes += piece.byteLength;
    }
    this.#deliver();
  }

  #setReaderPaused(paused: boolean): void {
    this.#readerPaused = paused;
    this.#deliver();
  }

  #close(error: Error | undefined): void {
    if (error === undefined && this.#queue.length > 0 && !this.#ended) {
      this.#end = () => this.#raw.onTransportClosed();
      return;
    }
    this.#raw.onTransportClosed(error);
  }

  /** Hands on what is due, and sees to the rest: a timer for the next piece, the socket's flow, the end. */
  #deliver(): void {
    while (this.#isDue()) {
      const { data } = this.#queue.shift()!;
      this.#queuedBytes -= data.byteLength;
      this.#raw.onData(data);
    }
    this.#awaitNext();
    this.#setHeld(this.#isStopped() || this.#queuedBytes >= limits.linkBufferBytesMax);
    if (this.#queue.length > 0) return;
    const end = this.#end;
    this.#end = undefined;
    end?.();
  }

  #awaitNext(): void {
    this.#cancelDelivery?.();
    this.#cancelDelivery = undefined;
    const [next] = this.#queue;
    if (next === undefined || this.#isStopped()) return;
    const { clock } = this.#parts;
    const waitMs = next.dueMs - clock.monotonicMs();
    this.#cancelDelivery = clock.after(waitMs, () => this.#deliver());
  }

  #isStopped(): boolean {
    return this.#ended || this.#readerPaused || this.#shape?.stall === true;
  }

  #isDue(): boolean {
    const [next] = this.#queue;
    if (next === undefined || this.#isStopped()) return false;
    return next.dueMs <= this.#parts.clock.monotonicMs();
  }

  #setHeld(held: boolean): void {
    if (held === this.#held || this.#ended) return;
    this.#held = held;
    if (held) this.#raw.sendPause();
    else this.#raw.sendResume();
  }

  #awaitReset(): void {
    const { clock, random } = this.#parts;
    this.#cancelReset = clock.after(resetEveryMs, () => {
      if (random.float() >= (this.#shape?.resetPerSecond ?? 0)) this.#awaitReset();
      else this.#connection.abort(new Error("reset by a fault"));
    });
  }

  #forget(): void {
    this.#ended = true;
    this.#cancelDelivery?.();
    this.#cancelReset?.();
    this.#queue.length = 0;
    this.#queuedBytes = 0;
    this.#end = undefined;
  }
}
