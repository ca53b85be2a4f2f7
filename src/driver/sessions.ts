/** Performs what the reconciliation machine decides: opens streams, moves frames, keeps its alarm clock. */
import { CoterieError, toCoterieError } from "../core/errors.ts";
import type { Clock, FrameChannel, Log, Metrics, Net, PeerName } from "../core/ports.ts";
import type { Fault } from "./conduct.ts";
import type { SessionId, SessionReport, SyncEffect, SyncInput } from "../protocol/sync/effects.ts";
import type { Sync } from "../protocol/sync/sync.ts";

export type SessionsParts = {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly net: Net;
  readonly sync: Sync;
  readonly charge: (peer: PeerName, fault: Fault) => void;
  /** A neighbour was told of a member's life so long ago. */
  readonly heard: (member: PeerName, ageMs: number) => void;
};

/** Work of a frame after which others get a turn. */
const sliceMs = 5;

export class Sessions {
  readonly #parts: SessionsParts;
  readonly #channels = new Map<SessionId, FrameChannel>();
  readonly #opening = new Map<SessionId, AbortController>();
  /** The last frame on its way, by session. */
  readonly #outbox = new Map<SessionId, Promise<void>>();
  readonly #clockOffsets = new Map<PeerName, number>();
  #lastAccepted = 0;
  #cancelWakeup: (() => void) | undefined;
  #stopped = false;
  #bytesIn = 0;
  #bytesOut = 0;

  constructor(parts: SessionsParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#parts.net.onSync((channel) => this.#accepted(channel));
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelWakeup?.();
    const reason = new CoterieError("SHUTTING_DOWN", "the daemon is stopping");
    for (const controller of this.#opening.values()) controller.abort(reason);
    for (const session of this.#channels.keys()) this.#drop(session, reason);
  }

  traffic(): { bytesIn: number; bytesOut: number } {
    let { bytesIn, bytesOut } = { bytesIn: this.#bytesIn, bytesOut: this.#bytesOut };
    for (const channel of this.#channels.values()) {
      bytesIn += channel.bytesIn;
      bytesOut += channel.bytesOut;
    }
    return { bytesIn, bytesOut };
  }

  /** This clock less the median of the peers', or undefined before the first session. */
  clockOffsetMs(): number | undefined {
    const offsets = [...this.#clockOffsets.values()].toSorted((a, b) => a - b);
    const median = offsets[Math.floor(offsets.length / 2)];
    return median === undefined ? undefined : -median;
  }

  feed(input: SyncInput): void {
    if (this.#stopped) return;
    if (input.kind === "peer" && !input.up) this.#clockOffsets.delete(input.peer);
    const { clock, sync } = this.#parts;
    const now = { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() };
    for (const effect of sync.handle(input, now)) this.#perform(effect);
  }

  #perform(effect: SyncEffect): void {
    switch (effect.kind) {
      case "open":
        void this.#open(effect.session, effect.peer);
        return;
      case "send":
        this.#send(effect.session, effect.frame);
        return;
      case "close":
        this.#close(effect.session);
        return;
      case "abort":
        this.#drop(effect.session, new CoterieError(effect.code, effect.reason));
        return;
      case "wakeup":
        this.#wakeAt(effect.atMs);
        return;
      case "heard":
        this.#parts.heard(effect.member, effect.ageMs);
        return;
      case "clock":
        this.#clockOffsets.set(effect.peer, effect.offsetMs);
        return;
      case "equal":
        return;
      case "audited":
        this.#parts.metrics.count("sync.audited", effect.slices);
        if (!effect.same) this.#collided(effect.peer);
        return;
      case "report":
        this.#report(effect.report);
        return;
      case "charge":
        this.#parts.charge(effect.peer, effect);
    }
  }

  #wakeAt(atMs: number): void {
    const { clock } = this.#parts;
    this.#cancelWakeup?.();
    const delay = Math.max(0, atMs - clock.monotonicMs());
    this.#cancelWakeup = clock.after(delay, () => this.feed({ kind: "wakeup" }));
  }

  /** Equal sums of other entries: somebody took pains to make them, or an entry came just now. */
  #collided(peer: PeerName): void {
    this.#parts.metrics.count("sync.audits_differed");
    this.#parts.log.info("an audit found other entries under equal digests", { peer });
  }

  #report({ peer, brought, sent, ms, equal, code }: SessionReport): void {
    this.#parts.log.debug("sync session ended", { peer, brought, sent, ms, equal, code });
    this.#parts.metrics.count("sync.brought", brought);
    if (code !== undefined) this.#parts.metrics.count(`sync.ended.${code.toLowerCase()}`);
  }

  async #open(session: SessionId, peer: PeerName): Promise<void> {
    const controller = new AbortController();
    this.#opening.set(session, controller);
    try {
      const channel = await this.#parts.net.openSync(peer, controller.signal);
      if (controller.signal.aborted) {
        channel.abort(toCoterieError(controller.signal.reason));
        return;
      }
      this.#channels.set(session, channel);
      this.feed({ kind: "opened", session });
      void this.#read(session, channel);
    } catch (error) {
      if (controller.signal.aborted) return;
      const { message } = toCoterieError(error);
      this.#parts.log.debug("a sync stream could not be opened", { peer, reason: message });
      this.feed({ kind: "failed", session });
    } finally {
      this.#opening.delete(session);
    }
  }

  #accepted(channel: FrameChannel): void {
    if (this.#stopped) {
      channel.abort(new CoterieError("SHUTTING_DOWN", "the daemon is stopping"));
      return;
    }
    const session = --this.#lastAccepted;
    this.#channels.set(session, channel);
    this.feed({ kind: "accepted", session, peer: channel.peer });
    void this.#read(session, channel);
  }

  async #read(session: SessionId, channel: FrameChannel): Promise<void> {
    const { clock } = this.#parts;
    try {
      for await (const bytes of channel.frames) {
        if (!this.#channels.has(session)) return;
        const beganMs = clock.monotonicMs();
        this.feed({ kind: "frame", session, bytes });
        // frames that wait follow each other without a turn of the loop between them
        if (clock.monotonicMs() - beganMs > sliceMs) await clock.sleep(0);
      }
      if (this.#channels.has(session)) this.feed({ kind: "closed", session });
    } catch (error) {
      if (this.#channels.has(session)) this.#broke(session, error);
    } finally {
      this.#forget(session);
    }
  }

  /** Frames of a session go out one after the other, each when the transport took the one before. */
  #send(session: SessionId, frame: Uint8Array): void {
    const channel = this.#channels.get(session);
    if (channel === undefined) return;
    const before = this.#outbox.get(session) ?? Promise.resolve();
    const sent = before.then(() => channel.send(frame));
    this.#outbox.set(session, sent);
    sent.catch((error: unknown) => {
      if (this.#channels.get(session) !== channel) return;
      this.#broke(session, error);
      this.#drop(session, toCoterieError(error));
    });
  }

  #broke(session: SessionId, error: unknown): void {
    const peer = this.#channels.get(session)?.peer;
    const { message } = toCoterieError(error);
    this.#parts.log.debug("a sync stream broke", { peer, reason: message });
    this.feed({ kind: "failed", session });
  }

  #close(session: SessionId): void {
    this.#opening.get(session)?.abort(new CoterieError("ABORTED", "no longer wanted"));
    const channel = this.#channels.get(session);
    if (channel === undefined) return;
    const sent = this.#outbox.get(session) ?? Promise.resolve();
    this.#forget(session);
    sent
      .then(() => channel.close())
      .catch((error: unknown) => channel.abort(toCoterieError(error)));
  }

  #drop(session: SessionId, reason: Error): void {
    this.#opening.get(session)?.abort(reason);
    const channel = this.#channels.get(session);
    this.#forget(session);
    channel?.abort(reason);
  }

  #forget(session: SessionId): void {
    const channel = this.#channels.get(session);
    if (channel === undefined) return;
    this.#bytesIn += channel.bytesIn;
    this.#bytesOut += channel.bytesOut;
    this.#channels.delete(session);
    this.#outbox.delete(session);
  }
}
