/**
 * Performs what the machine of pulls decides: keeps one stream to each peer that is asked, moves frames, keeps its alarm
 * clock. And gives bodies to those who ask here.
 */
import { CoterieError, toCoterieError } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import type { Clock, FrameChannel, Log, Metrics, Net, PeerName } from "../core/ports.ts";
import type { Fault } from "./conduct.ts";
import { Lines } from "./lines.ts";
import { decodeRequest, encodeAnswer } from "../protocol/gossip/pull-frames.ts";
import { PullBodies } from "../protocol/gossip/pull-bodies.ts";
import { bodyName, type PullEffect, Pulls, type Wanted } from "../protocol/gossip/pulls.ts";

export type DriverPullsParts = {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly net: Net;
  readonly charge: (peer: PeerName, fault: Fault) => void;
};

export class DriverPulls {
  readonly #parts: DriverPullsParts;
  readonly #pulls: Pulls;
  readonly #bodies = new PullBodies();
  readonly #lines: Lines;
  readonly #served = new Set<FrameChannel>();
  readonly #waiting = new Map<string, (body: Uint8Array | undefined) => void>();
  #cancelTick: (() => void) | undefined;
  #stopped = false;
  #bytesIn = 0;
  #bytesOut = 0;

  constructor(parts: DriverPullsParts) {
    this.#parts = parts;
    this.#pulls = new Pulls((effect) => this.#perform(effect));
    this.#lines = new Lines({
      clock: parts.clock,
      open: (peer, signal) => parts.net.openPull(peer, signal),
      frame: (peer, frame) => this.#came(peer, frame),
      broke: (peer, failure) => this.#broke(peer, failure),
    });
  }

  start(): void {
    this.#parts.net.onPull((channel) => void this.#serve(channel));
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTick?.();
    const reason = new CoterieError("SHUTTING_DOWN", "the daemon is stopping");
    this.#lines.dropAll(reason);
    for (const channel of this.#served) channel.abort(reason);
    for (const done of this.#waiting.values()) done(undefined);
    this.#waiting.clear();
  }

  /** Bytes of bodies pulled and given. */
  traffic(): { bytesIn: number; bytesOut: number } {
    return { bytesIn: this.#bytesIn, bytesOut: this.#bytesOut };
  }

  keep(hash: Uint8Array, body: Uint8Array): void {
    if (this.#stopped) return;
    this.#bodies.keep(bodyName(hash), body, this.#parts.clock.monotonicMs());
    this.#schedule(this.#parts.clock.monotonicMs() + limits.bodyKeptMs);
  }

  /** The body, or undefined when nobody gave it in time; at once when there is no room to wait for it. */
  pull(wanted: Wanted): Promise<Uint8Array | undefined> {
    const { clock, metrics } = this.#parts;
    const { promise, resolve } = Promise.withResolvers<Uint8Array | undefined>();
    if (this.#stopped || !this.#pulls.want(wanted, clock.monotonicMs())) {
      metrics.count("pulls.no_room");
      return Promise.resolve(undefined);
    }
    this.#waiting.set(bodyName(wanted.hash), resolve);
    this.#tick();
    return promise;
  }

  lost(peer: PeerName): void {
    this.#lines.drop(peer, new CoterieError("UNREACHABLE", "the connection is gone"));
    this.#pulls.lost(peer, this.#parts.clock.monotonicMs());
  }

  #perform(effect: PullEffect): void {
    switch (effect.kind) {
      case "ask":
        this.#lines.send(effect.peer, effect.hash);
        return;
      case "drop":
        this.#parts.metrics.count("pulls.dropped");
        this.#lines.drop(effect.peer, new CoterieError("ABORTED", effect.reason));
        return;
      case "done": {
        const { name, body } = effect;
        if (body === undefined) this.#parts.metrics.count("pulls.failed");
        this.#waiting.get(name)?.(body);
        this.#waiting.delete(name);
        return;
      }
      case "charge":
        this.#parts.charge(effect.peer, { code: effect.error.code, reason: effect.error.message });
    }
  }

  #came(peer: PeerName, frame: Uint8Array): void {
    this.#bytesIn += frame.length;
    this.#pulls.frame(peer, frame, this.#parts.clock.monotonicMs());
    this.#tick();
  }

  #broke(peer: PeerName, { message: reason }: CoterieError): void {
    this.#parts.log.debug("a pull stream broke", { peer, reason });
    this.#pulls.lost(peer, this.#parts.clock.monotonicMs());
    this.#tick();
  }

  /** Answers one question after the other, each when the transport took the answer before. */
  async #serve(channel: FrameChannel): Promise<void> {
    const { clock, charge, log } = this.#parts;
    const { peer } = channel;
    if (this.#stopped) {
      channel.abort(new CoterieError("SHUTTING_DOWN", "the daemon is stopping"));
      return;
    }
    this.#served.add(channel);
    try {
      for await (const frame of channel.frames) {
        const body = this.#bodies.give(bodyName(decodeRequest(frame)), peer, clock.monotonicMs());
        for (const answer of encodeAnswer(body)) {
          await channel.send(answer);
          this.#bytesOut += answer.length;
        }
      }
      await channel.close();
    } catch (thrown) {
      const error = toCoterieError(thrown);
      if (error.code === "BAD_FORMAT") charge(peer, { code: error.code, reason: error.message });
      log.debug("a pull stream of a peer broke", { peer, reason: error.message });
      channel.abort(error);
    } finally {
      this.#served.delete(channel);
    }
  }

  /** Lets the machine see the time, closes streams that are not used, and forgets bodies. */
  #tick(): void {
    if (this.#stopped) return;
    const nowMs = this.#parts.clock.monotonicMs();
    const nextMs = Math.min(
      this.#pulls.tick(nowMs),
      this.#bodies.expire(nowMs) ?? Number.POSITIVE_INFINITY,
      this.#lines.closeIdle(limits.pullIdleMs),
    );
    this.#cancelTick?.();
    this.#cancelTick = undefined;
    this.#schedule(nextMs);
  }

  #schedule(atMs: number): void {
    if (atMs === Number.POSITIVE_INFINITY || this.#cancelTick !== undefined) return;
    const { clock } = this.#parts;
    this.#cancelTick = clock.after(Math.max(1, atMs - clock.monotonicMs()), () => {
      this.#cancelTick = undefined;
      this.#tick();
    });
  }
}
