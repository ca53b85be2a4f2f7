/**
 * Rejoining never stops. Every peer that is known and not connected is a target with its own back-off; peers that
 * were connected and got lost are redialled whatever else is connected (they may be the other side of a partition),
 * peers known from the book or a ticket only while connections are wanted. Where a peer does not answer at its
 * recorded addresses, the meeting port of its known IPs is tried, once per IP. All dials together share a rate, so
 * that a thousand dead peers cost little.
 */
import { limits } from "../../core/limits.ts";
import type { Clock, PeerName, Random } from "../../core/ports.ts";
import { backOffMs } from "./back-off.ts";
import { TokenBucket } from "./token-bucket.ts";

export type RedialParts = {
  readonly clock: Clock;
  readonly random: Random;
  readonly self: PeerName;
  readonly connectionsWanted: number;
  readonly connectionsMax: number;
  connected(): number;
  isUp(peer: PeerName): boolean;
  isBlocked(peer: PeerName): boolean;
  /** IPs at which the peer was known. */
  ipsOf(peer: PeerName): readonly string[];
  /** Rejects when the peer does not come up. */
  dialPeer(peer: PeerName, attempt: RedialTry): Promise<unknown>;
  /** Dials whoever listens at the IP's meeting port; undefined when the network has none. */
  readonly dialMeeting: ((ip: string) => Promise<unknown>) | undefined;
  /** True when the meeting port of the IP is ours or somebody connected holds it. */
  isMet(ip: string): boolean;
};

export type RedialTry = {
  /** From 0. */
  readonly attempt: number;
  /** The peer is likely dead: look first whether anything listens. */
  readonly probe: boolean;
};

type Target = {
  readonly kind: "peer" | "meeting";
  /** Of a meeting port: the peers that are missed at its IP. */
  readonly missed: Set<PeerName>;
  /** It was connected in this process. */
  readonly wasUp: boolean;
  /** Monotonic time of the loss. */
  readonly lostAtMs: number;
  failures: number;
  dueAtMs: number;
  busy: boolean;
};

/**
 * Of two peers that lost one another, the one with the larger id waits this long, or both would dial at once. Where
 * many connect at the same time, as after a healed cut, a dial takes most of it.
 */
const yieldMs = 1_000;
const idleMs = 1_000;
const tickMsMin = 20;

export class Redial {
  readonly #parts: RedialParts;
  /** By peer id or, for a meeting port, by IP. */
  readonly #targets = new Map<string, Target>();
  readonly #bucket: TokenBucket;
  /** Redialled whatever else is connected. */
  #kept: ReadonlySet<PeerName> = new Set();
  #busy = 0;
  #cancelTick: (() => void) | undefined;
  #stopped = false;

  constructor(parts: RedialParts) {
    this.#parts = parts;
    this.#bucket = new TokenBucket(parts.clock, limits.redialsBurstMax);
  }

  start(): void {
    this.#tick();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTick?.();
  }

  /** A peer of the book or of a ticket. */
  know(peer: PeerName): void {
    if (peer === this.#parts.self || this.#targets.has(peer) || this.#parts.isUp(peer)) return;
    this.#add(peer, this.#target("peer", false));
  }

  /** Exactly these are wanted whatever else is connected; those that are no targets yet become some. */
  keep(peers: readonly PeerName[]): void {
    this.#kept = new Set(peers);
    for (const peer of peers) this.know(peer);
    this.#tickSoon();
  }

  up(peer: PeerName): void {
    this.#targets.delete(peer);
  }

  lost(peer: PeerName): void {
    if (this.#stopped) return;
    const target = this.#target("peer", true);
    target.dueAtMs += this.#parts.random.float() * 100;
    if (this.#parts.self > peer) target.dueAtMs += yieldMs;
    this.#add(peer, target);
    this.#tickSoon();
  }

  /** Starts the back-off of these peers anew, as if they were lost now. */
  hurry(peers: readonly PeerName[]): void {
    for (const peer of peers) {
      if (this.#targets.has(peer)) this.lost(peer);
    }
  }

  #target(kind: Target["kind"], wasUp: boolean): Target {
    const nowMs = this.#parts.clock.monotonicMs();
    const lostAtMs = nowMs;
    return { kind, missed: new Set(), wasUp, lostAtMs, failures: 0, dueAtMs: nowMs, busy: false };
  }

  /** Of too many, the one missed longest is given up. */
  #add(key: string, target: Target): void {
    this.#targets.delete(key);
    this.#targets.set(key, target);
    const oldest = this.#targets.keys().next().value;
    if (this.#targets.size > limits.redialTargetsMax && oldest !== undefined) {
      this.#targets.delete(oldest);
    }
  }

  #tickSoon(): void {
    this.#cancelTick?.();
    if (this.#stopped || this.#targets.size === 0) return;
    this.#cancelTick = this.#parts.clock.after(this.#untilNextMs(), () => this.#tick());
  }

  /** Until the first target is due; the more targets there are, the rarer they are looked through. */
  #untilNextMs(): number {
    const nowMs = this.#parts.clock.monotonicMs();
    let untilMs = idleMs;
    for (const target of this.#targets.values()) {
      if (!target.busy) untilMs = Math.min(untilMs, target.dueAtMs - nowMs);
    }
    return Math.max(untilMs, tickMsMin + this.#targets.size / 10);
  }

  /** Starts what is due, the longest due first, as far as the rate allows. */
  #tick(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    const due = [...this.#targets]
      .filter(([, target]) => !target.busy && target.dueAtMs <= nowMs)
      .toSorted(([, a], [, b]) => a.dueAtMs - b.dueAtMs);
    for (const [key, target] of due) {
      if (target.kind === "meeting" && !this.#isWanted(key, target)) {
        this.#targets.delete(key);
      } else if (target.kind === "peer" && this.#isPostponed(key, target)) {
        target.dueAtMs = nowMs + idleMs;
      } else if (this.#mayStart()) {
        void this.#attempt(key, target);
      } else {
        break;
      }
    }
    this.#tickSoon();
  }

  #mayStart(): boolean {
    return this.#busy < limits.dialsAtOnceMax && this.#bucket.take(limits.redialsPerSecondMax);
  }

  #isPostponed(peer: PeerName, target: Target): boolean {
    const { connectionsWanted, connectionsMax } = this.#parts;
    const connected = this.#parts.connected();
    if (this.#parts.isBlocked(peer) || connected >= connectionsMax) return true;
    return !target.wasUp && !this.#kept.has(peer) && connected >= connectionsWanted;
  }

  /** True while nobody is met at the IP and a peer is missed there. */
  #isWanted(ip: string, meeting: Target): boolean {
    if (this.#parts.isMet(ip)) return false;
    for (const peer of meeting.missed) {
      const target = this.#targets.get(peer);
      if (target !== undefined && !this.#isPostponed(peer, target)) return true;
      meeting.missed.delete(peer);
    }
    return false;
  }

  async #attempt(key: string, target: Target): Promise<void> {
    this.#busy++;
    target.busy = true;
    try {
      if (target.kind === "meeting") await this.#parts.dialMeeting?.(key);
      else await this.#parts.dialPeer(key, tryOf(target));
    } catch {
      // a dead peer is the usual case here, and the dialer has counted it
      target.failures++;
      if (target.kind === "peer") this.#wantMeetings(key);
    }
    this.#busy--;
    target.busy = false;
    target.dueAtMs = this.#parts.clock.monotonicMs() + this.#backOffMs(target);
    this.#tickSoon();
  }

  #backOffMs(target: Target): number {
    const { clock, random } = this.#parts;
    const lostForMs = clock.monotonicMs() - target.lostAtMs;
    const alone = this.#parts.connected() === 0;
    return backOffMs({ failures: target.failures, lostForMs, alone }, random);
  }

  #wantMeetings(peer: PeerName): void {
    if (this.#parts.dialMeeting === undefined) return;
    for (const ip of this.#parts.ipsOf(peer)) {
      if (this.#parts.isMet(ip)) continue;
      const meeting = this.#targets.get(ip) ?? this.#target("meeting", false);
      meeting.missed.add(peer);
      if (!this.#targets.has(ip)) this.#add(ip, meeting);
    }
  }
}

/** Of a peer that was up a moment ago the first try is a dial at once. */
function tryOf({ failures, wasUp }: Target): RedialTry {
  return { attempt: failures, probe: failures > 0 || !wasUp };
}
