/** A stream of frames over a connection: ordered, and with a window, so that who sends waits for who reads. */
import { CoterieError, toCoterieError } from "../../src/core/errors.ts";
import { limits } from "../../src/core/limits.ts";
import type { FrameChannel, PeerName } from "../../src/core/ports.ts";
import type { Connection } from "./sim-connection.ts";

/** Bytes on their way or unread after which a sender waits. */
const windowBytes = limits.syncReadAheadBytesMax + 256 * 1_024;
const lingerMs = 5_000;

export type ChannelKind = "sync" | "pull" | "probe";

export class SimChannel implements FrameChannel {
  readonly peer: PeerName;
  readonly kind: ChannelKind;
  readonly frames: AsyncIterable<Uint8Array>;
  bytesIn = 0;
  bytesOut = 0;
  /** The other end. */
  other!: SimChannel;
  readonly #connection: Connection;
  readonly #arrived: Uint8Array[] = [];
  /** Sent and not read yet. */
  #unread = 0;
  #ended = false;
  #closed = false;
  #failure: CoterieError | undefined;
  #wake: (() => void) | undefined;
  #drained: (() => void) | undefined;
  #cancelLinger: (() => void) | undefined;

  private constructor(kind: ChannelKind, connection: Connection) {
    this.kind = kind;
    this.peer = connection.peer;
    this.#connection = connection;
    this.frames = this.#read();
  }

  /** Both ends, the first at `connection`; none is open yet. */
  static pair(kind: ChannelKind, connection: Connection): [SimChannel, SimChannel] {
    const here = new SimChannel(kind, connection);
    const there = new SimChannel(kind, connection.other);
    here.other = there;
    there.other = here;
    return [here, there];
  }

  async send(frame: Uint8Array): Promise<void> {
    if (frame.length > limits.syncFrameBytesMax) {
      throw new CoterieError("TOO_LARGE", `a frame has at most ${limits.syncFrameBytesMax} bytes`);
    }
    if (this.#failure !== undefined) throw this.#failure;
    const copy = frame.slice();
    this.bytesOut += frame.length + 2;
    this.#unread += frame.length;
    this.#connection.carry(`${this.kind} frame`, copy, () => this.other.#arrive(copy));
    if (this.#unread <= windowBytes) return;
    await new Promise<void>((resolve) => (this.#drained = resolve));
    if (this.#failure !== undefined) throw this.#failure;
  }

  async close(): Promise<void> {
    if (this.#failure !== undefined || this.#closed) return;
    this.#closed = true;
    this.#connection.carry(`${this.kind} end`, undefined, () => this.other.#end());
    if (this.#ended) this.#connection.forget(this);
    else {
      this.#cancelLinger = this.#connection.clock.after(lingerMs, () => {
        this.abort(new CoterieError("UNREACHABLE", "the peer did not close"));
      });
    }
  }

  abort(reason: Error): void {
    if (this.#failure !== undefined) return;
    this.fail(toCoterieError(reason));
    this.#connection.carry(`${this.kind} reset`, undefined, () => {
      this.other.fail(new CoterieError("UNREACHABLE", "the peer reset the stream"));
    });
  }

  /** Without a word to the other end. */
  fail(failure: CoterieError): void {
    this.#failure ??= failure;
    this.#connection.forget(this);
    this.#cancelLinger?.();
    this.#rouse();
    this.#drained?.();
  }

  #arrive(frame: Uint8Array): void {
    if (this.#failure !== undefined) return;
    this.bytesIn += frame.length + 2;
    this.#arrived.push(frame);
    this.#rouse();
  }

  #end(): void {
    this.#ended = true;
    this.#cancelLinger?.();
    if (this.#closed) this.#connection.forget(this);
    this.#rouse();
  }

  #rouse(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      const frame = this.#arrived.shift();
      if (frame !== undefined) {
        this.#took(frame.length);
        yield frame;
      } else if (this.#ended) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Tells a sender that waits that there is room. */
  #took(bytes: number): void {
    const sender = this.other;
    sender.#unread -= bytes;
    if (sender.#drained === undefined || sender.#unread > windowBytes) return;
    this.#connection.carry(`${this.kind} window`, undefined, () => {
      sender.#drained?.();
      sender.#drained = undefined;
    });
  }
}
