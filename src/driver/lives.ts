/**
 * Performs what the machine that says who is alive decides: keeps a stream to each peer that is spoken to, publishes,
 * keeps its alarm clock, and writes its incarnation down before anybody hears of it.
 */
import { CoterieError, toCoterieError } from "../core/errors.ts";
import type { Identity } from "../core/identity.ts";
import { limits } from "../core/limits.ts";
import type {
  Clock,
  FrameChannel,
  Log,
  Metrics,
  Net,
  PeerName,
  PubSub,
  Random,
  Store,
  Verdict,
} from "../core/ports.ts";
import type { Fault } from "./conduct.ts";
import { Forgotten } from "./forgotten.ts";
import { Lines } from "./lines.ts";
import { readIncarnation, writeIncarnation } from "./life-memory.ts";
import { membersTopic } from "../protocol/gossip/topics.ts";
import type { LifeEffect, LifeInput, Standing } from "../protocol/membership/effects.ts";
import { Life } from "../protocol/membership/life.ts";
import type { Roster } from "../protocol/membership/roster.ts";

export type LivesParts = {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly store: Store;
  readonly net: Net;
  readonly pubsub: PubSub;
  readonly roster: Roster;
  readonly identity: Identity;
  readonly network: Uint8Array;
  readonly charge: (peer: PeerName, fault: Fault) => void;
};

export class Lives {
  readonly #parts: LivesParts;
  readonly #life: Life;
  readonly #forgotten: Forgotten;
  /** What peers open is only read, and answered on these. */
  readonly #lines: Lines;
  readonly #served = new Set<FrameChannel>();
  #cancelWakeup: (() => void) | undefined;
  #cancelIdle: (() => void) | undefined;
  #stopped = false;

  constructor(parts: LivesParts) {
    this.#parts = parts;
    this.#life = new Life({ ...parts, incarnation: readIncarnation(parts.store) });
    this.#forgotten = new Forgotten(parts);
    this.#lines = new Lines({
      clock: parts.clock,
      open: (peer, signal) => parts.net.openProbe(peer, signal),
      frame: (peer, bytes) => void this.feed({ kind: "frame", peer, bytes }),
      broke: (peer, { message: reason }) => {
        parts.log.debug("a probe stream broke", { peer, reason });
      },
    });
  }

  start(): void {
    this.#parts.net.onProbe((channel) => void this.#serve(channel));
    this.feed({ kind: "start" });
    this.#closeIdle();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelWakeup?.();
    this.#cancelIdle?.();
    const reason = new CoterieError("SHUTTING_DOWN", "the daemon is stopping");
    this.#lines.dropAll(reason);
    for (const channel of this.#served) channel.abort(reason);
  }

  /** See `Forgotten.forget`. */
  forget(peer: PeerName): void {
    this.#forgotten.forget(peer);
  }

  /** Judges a message of the members' topic. */
  take(bytes: Uint8Array, peer: PeerName): Verdict {
    return this.feed({ kind: "gossip", peer, bytes }) ?? "ignore";
  }

  /** The verdict on what came by gossip. */
  feed(input: LifeInput): Verdict | undefined {
    if (this.#stopped) return undefined;
    if (input.kind === "peer" && !input.up) {
      this.#lines.drop(input.peer, new CoterieError("UNREACHABLE", "the connection is gone"));
    }
    let verdict: Verdict | undefined;
    for (const effect of this.#life.handle(input, this.#parts.clock.monotonicMs())) {
      if (effect.kind === "verdict") verdict = effect.verdict;
      else this.#perform(effect);
    }
    return verdict;
  }

  #perform(effect: Exclude<LifeEffect, { kind: "verdict" }>): void {
    const { metrics, net, charge } = this.#parts;
    switch (effect.kind) {
      case "send":
        if (!this.#lines.send(effect.peer, effect.frame))
          metrics.count("membership.frames_dropped");
        return;
      case "publish":
        void this.#publish(effect.data);
        return;
      case "persist":
        this.#persist(effect.incarnation);
        return;
      case "keep":
        net.keep(effect.peers);
        return;
      case "standing":
        this.#stands(effect.peer, effect.standing);
        return;
      case "count":
        metrics.count(effect.name);
        return;
      case "wakeup":
        this.#wakeAt(effect.atMs);
        return;
      case "charge":
        charge(effect.peer, effect);
    }
  }

  #stands(peer: PeerName, standing: Standing): void {
    const { log, roster } = this.#parts;
    roster.setStanding(peer, standing);
    if (standing === "alive") this.#remember(peer);
    log.info("a member's standing changed", { peer, name: roster.name(peer), standing });
  }

  #remember(peer: PeerName): void {
    try {
      this.#forgotten.remember(peer);
    } catch (error) {
      const { code, message: reason } = toCoterieError(error);
      this.#parts.log.warn("could not write down whom to forget", { code, reason });
    }
  }

  /** A node that cannot write goes on: should it fall behind after a restart, its neighbours tell it. */
  #persist(incarnation: number): void {
    const { store, log } = this.#parts;
    try {
      writeIncarnation(store, incarnation);
    } catch (error) {
      const { code, message: reason } = toCoterieError(error);
      log.warn("could not write the incarnation down", { code, reason });
    }
  }

  async #publish(data: Uint8Array): Promise<void> {
    const { pubsub, network, log } = this.#parts;
    try {
      await pubsub.publish(membersTopic(network), data);
    } catch (error) {
      log.warn("news of a member could not be published", {
        reason: toCoterieError(error).message,
      });
    }
  }

  #wakeAt(atMs: number): void {
    const { clock } = this.#parts;
    this.#cancelWakeup?.();
    const delayMs = Math.max(0, atMs - clock.monotonicMs());
    this.#cancelWakeup = clock.after(delayMs, () => void this.feed({ kind: "wakeup" }));
  }

  async #serve(channel: FrameChannel): Promise<void> {
    const { peer } = channel;
    if (this.#stopped) {
      channel.abort(new CoterieError("SHUTTING_DOWN", "the daemon is stopping"));
      return;
    }
    this.#served.add(channel);
    try {
      for await (const bytes of channel.frames) this.feed({ kind: "frame", peer, bytes });
      await channel.close();
    } catch (error) {
      const failure = toCoterieError(error);
      this.#parts.log.debug("a probe stream of a peer broke", { peer, reason: failure.message });
      channel.abort(failure);
    } finally {
      this.#served.delete(channel);
    }
  }

  #closeIdle(): void {
    this.#lines.closeIdle(limits.probeIdleMs);
    this.#cancelIdle = this.#parts.clock.after(limits.probeIdleMs, () => this.#closeIdle());
  }
}
