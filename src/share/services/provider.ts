/**
 * The providing side: lets tunnels in to what this node exposes, and cuts them when they may no longer be.
 *
 * 1. A target hears of nobody whom the list does not let in: it is connected only after `isAllowed`.
 * 2. Every open tunnel is judged again when lists, members or tags change, and every `tunnelJudgeMs`.
 * 3. A tunnel counts against its service, its member and this node from before its first frame until it is gone.
 */
import type { Duplex } from "node:stream";
import { CoterieError, toCoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { Clock, Log, Metrics, PeerName } from "../../core/ports.ts";
import { isAllowed } from "./allow.ts";
import { takeHead } from "./channel-head.ts";
import { sameTarget } from "./endpoint.ts";
import { HealthChecks } from "./health-checks.ts";
import type { Members, TunnelChannel } from "./ports.ts";
import type { Exposure } from "./record.ts";
import { splice, type Traffic } from "./splice.ts";
import { connectTarget } from "./target.ts";
import { decodeRequest, encodeAnswer, type Refusal } from "./tunnel-frames.ts";

export type ProviderParts = {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly members: Members;
  /** A service's health turned: what is said of it in the shared state is to change. */
  readonly turned: (service: string) => void;
};

export type ExposureCounts = {
  readonly open: number;
  readonly tunnels: number;
  readonly refused: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
};

type Open = { readonly peer: PeerName; readonly cut: (reason: CoterieError) => void };

/** One exposed service with what runs in it. */
type Running = {
  exposure: Exposure;
  checks: HealthChecks;
  readonly open: Set<Open>;
  readonly traffic: Traffic;
  tunnels: number;
  refused: number;
};

export class Provider {
  readonly #parts: ProviderParts;
  readonly #running = new Map<string, Running>();
  /** Services that were withdrawn, while their tunnels end. */
  readonly #draining = new Set<Running>();
  readonly #openByPeer = new Map<PeerName, number>();
  #open = 0;
  #stopping = false;
  #cancelJudging: (() => void) | undefined;

  constructor(parts: ProviderParts) {
    this.#parts = parts;
    parts.members.onChange(() => this.judge());
  }

  /** Exposes a service, or takes its new terms; tunnels to another target than before are cut. */
  expose(exposure: Exposure): void {
    const { name, target } = exposure;
    const known = this.#running.get(name);
    known?.checks.stop();
    const checks = new HealthChecks(exposure, this.#parts.clock, () => this.#parts.turned(name));
    if (known === undefined) {
      const traffic = { bytesIn: 0, bytesOut: 0 };
      const fresh = { exposure, checks, open: new Set<Open>(), traffic, tunnels: 0, refused: 0 };
      this.#running.set(name, fresh);
      return;
    }
    const moved = !sameTarget(known.exposure.target, target);
    known.exposure = exposure;
    known.checks = checks;
    if (moved) this.#cutAll(known, "the service moved");
    this.judge();
  }

  /** Lets nobody in from now on; resolves when the tunnels have ended, or were cut after `drainMs`. */
  async withdraw(name: string, drainMs: number): Promise<void> {
    const known = this.#running.get(name);
    if (known === undefined) return;
    this.#running.delete(name);
    known.checks.stop();
    this.#draining.add(known);
    await this.#drained([known], drainMs);
    this.#draining.delete(known);
  }

  isUp(name: string): boolean {
    return this.#running.get(name)?.checks.up ?? false;
  }

  counts(name: string): ExposureCounts | undefined {
    const known = this.#running.get(name);
    if (known === undefined) return undefined;
    const { open, tunnels, refused, traffic } = known;
    return { open: open.size, tunnels, refused, ...traffic };
  }

  get open(): number {
    return this.#open;
  }

  /** Cuts what is no longer allowed. */
  judge(): void {
    for (const known of [...this.#running.values(), ...this.#draining]) {
      const allowed = new Map<PeerName, boolean>();
      for (const one of known.open) {
        let may = allowed.get(one.peer);
        if (may === undefined) {
          may = isAllowed(known.exposure.allow, one.peer, this.#parts.members);
          allowed.set(one.peer, may);
        }
        if (!may) this.#cut(known, one, "the service is no longer allowed to this member");
      }
    }
  }

  /** Refuses what comes from now on, and gives what is open a moment to end. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const { checks } of this.#running.values()) checks.stop();
    await this.#drained([...this.#running.values(), ...this.#draining], limits.drainStopMs);
    this.#cancelJudging?.();
  }

  /** Serves one tunnel to its end; never rejects. */
  async serve(channel: TunnelChannel): Promise<void> {
    const { peer } = channel;
    const ofPeer = this.#openByPeer.get(peer) ?? 0;
    if (this.#open >= limits.tunnelStreamsMax || ofPeer >= limits.tunnelStreamsPerPeerMax) {
      this.#parts.metrics.count("services.over_limit");
      channel.abort(new CoterieError("OVERLOADED", "too many tunnels"));
      return;
    }
    this.#open++;
    this.#openByPeer.set(peer, ofPeer + 1);
    this.#judgeLater();
    try {
      await this.#serve(channel);
    } catch (error) {
      const reason = toCoterieError(error);
      this.#parts.metrics.count("services.tunnels_broken");
      this.#parts.log.debug("a tunnel broke", { peer, reason: reason.message });
      channel.abort(reason);
    } finally {
      this.#open--;
      const left = (this.#openByPeer.get(peer) ?? 1) - 1;
      if (left > 0) this.#openByPeer.set(peer, left);
      else this.#openByPeer.delete(peer);
    }
  }

  async #serve(channel: TunnelChannel): Promise<void> {
    const { clock, metrics } = this.#parts;
    const { head, rest } = await takeHead(channel, decodeRequest, {
      clock,
      withinMs: limits.tunnelHeadMs,
    });
    const known = this.#running.get(head.service);
    const refusal = this.#refusal(known, channel.peer);
    if (known === undefined || refusal !== undefined) {
      if (known !== undefined) known.refused++;
      return this.#refuse(rest, refusal ?? "unknown");
    }
    let socket: Duplex | undefined;
    const open: Open = {
      peer: channel.peer,
      cut: (reason) => {
        channel.abort(reason);
        socket?.destroy();
      },
    };
    known.open.add(open);
    try {
      socket = await connectTarget(known.exposure.target, clock).catch(() => undefined);
      if (socket === undefined) return await this.#refuse(rest, "unhealthy");
      if (!known.open.has(open)) return socket.destroy() && undefined; // cut meanwhile
      known.tunnels++;
      metrics.count("services.tunnels");
      await rest.write(encodeAnswer("ok"));
      await splice(rest, socket, { clock, traffic: known.traffic });
    } finally {
      known.open.delete(open);
    }
  }

  #refusal(known: Running | undefined, peer: PeerName): Refusal | undefined {
    if (this.#stopping) return "draining";
    if (known === undefined) return "unknown";
    if (!isAllowed(known.exposure.allow, peer, this.#parts.members)) return "forbidden";
    return known.checks.up ? undefined : "unhealthy";
  }

  async #refuse(channel: TunnelChannel, refusal: Refusal): Promise<void> {
    this.#parts.metrics.count(`services.refused_${refusal}`);
    await channel.write(encodeAnswer(refusal));
    await channel.end();
  }

  async #drained(all: readonly Running[], withinMs: number): Promise<void> {
    const { clock } = this.#parts;
    const untilMs = clock.monotonicMs() + withinMs;
    const isOpen = (): boolean => all.some(({ open }) => open.size > 0);
    while (isOpen() && clock.monotonicMs() < untilMs) await clock.sleep(20);
    for (const known of all) this.#cutAll(known, "the service was withdrawn");
  }

  #cutAll(known: Running, why: string): void {
    for (const one of known.open) this.#cut(known, one, why);
  }

  #cut(known: Running, one: Open, why: string): void {
    known.open.delete(one);
    this.#parts.metrics.count("services.cut");
    one.cut(new CoterieError("REFUSED", why));
  }

  /** One timer, and only while tunnels are open. */
  #judgeLater(): void {
    this.#cancelJudging ??= this.#parts.clock.after(limits.tunnelJudgeMs, () => {
      this.#cancelJudging = undefined;
      this.judge();
      if (this.#open > 0) this.#judgeLater();
    });
  }
}
