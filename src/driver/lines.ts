/** One stream to each peer that is spoken to: opened by the first frame, closed when it is not used any more. */
import { CoterieError, toCoterieError } from "../core/errors.ts";
import type { Clock, FrameChannel, PeerName } from "../core/ports.ts";

export type LinesParts = {
  readonly clock: Clock;
  open(peer: PeerName, signal: AbortSignal): Promise<FrameChannel>;
  frame(peer: PeerName, bytes: Uint8Array): void;
  /** It ended, and not by `drop`. */
  broke(peer: PeerName, failure: CoterieError): void;
};

type Line = {
  readonly opening: AbortController;
  readonly channel: Promise<FrameChannel>;
  /** The last frame on its way. */
  sent: Promise<void>;
  waiting: number;
  usedMs: number;
};

/** Frames that wait for a peer that takes none, such as one that is stopped. */
const waitingMax = 64;

export class Lines {
  readonly #parts: LinesParts;
  readonly #lines = new Map<PeerName, Line>();

  constructor(parts: LinesParts) {
    this.#parts = parts;
  }

  /** False when too many wait already. */
  send(peer: PeerName, frame: Uint8Array): boolean {
    const line = this.#lines.get(peer) ?? this.#open(peer);
    if (line.waiting >= waitingMax) return false;
    line.usedMs = this.#parts.clock.monotonicMs();
    void this.#send(peer, line, frame);
    return true;
  }

  drop(peer: PeerName, reason: Error): void {
    const line = this.#lines.get(peer);
    if (line === undefined) return;
    this.#lines.delete(peer);
    line.opening.abort(reason);
    line.channel.then(
      (channel) => channel.abort(reason),
      () => undefined, // it never came to be
    );
  }

  dropAll(reason: Error): void {
    for (const peer of this.#lines.keys()) this.drop(peer, reason);
  }

  /** Closes those not used for so long; returns when the next will be due, if any is left. */
  closeIdle(idleMs: number): number {
    const nowMs = this.#parts.clock.monotonicMs();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [peer, { usedMs }] of this.#lines) {
      if (nowMs < usedMs + idleMs) nextMs = Math.min(nextMs, usedMs + idleMs);
      else this.drop(peer, new CoterieError("ABORTED", "not used any more"));
    }
    return nextMs;
  }

  #open(peer: PeerName): Line {
    const { clock, open } = this.#parts;
    const opening = new AbortController();
    const channel = open(peer, opening.signal);
    const usedMs = clock.monotonicMs();
    const line: Line = { opening, channel, sent: Promise.resolve(), waiting: 0, usedMs };
    this.#lines.set(peer, line);
    void this.#read(peer, line);
    return line;
  }

  async #send(peer: PeerName, line: Line, frame: Uint8Array): Promise<void> {
    line.waiting++;
    line.sent = Promise.all([line.channel, line.sent]).then(([channel]) => channel.send(frame));
    try {
      await line.sent;
    } catch (error) {
      this.#broke(peer, line, error);
    } finally {
      line.waiting--;
    }
  }

  async #read(peer: PeerName, line: Line): Promise<void> {
    try {
      for await (const bytes of (await line.channel).frames) {
        if (this.#lines.get(peer) !== line) return;
        line.usedMs = this.#parts.clock.monotonicMs();
        this.#parts.frame(peer, bytes);
      }
      this.#broke(peer, line, new CoterieError("UNREACHABLE", "the peer closed it"));
    } catch (error) {
      this.#broke(peer, line, error);
    }
  }

  #broke(peer: PeerName, line: Line, error: unknown): void {
    if (this.#lines.get(peer) !== line) return;
    const failure = toCoterieError(error);
    this.drop(peer, failure);
    this.#parts.broke(peer, failure);
  }
}
