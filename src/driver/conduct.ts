/**
 * What peers did against the rules, and for how long they are kept out for it. A fault that the bytes themselves prove
 * (no honest node sends such bytes, whatever it was told by others) bans at once; what an honest node might do by a
 * mistake of ours bans when it becomes a habit. Bans end, and grow with each. Bounded; the oldest are forgotten first.
 */
import type { ErrorCode } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import type { Clock, Log, Metrics, Net, PeerName } from "../core/ports.ts";

export type ConductParts = {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly net: Net;
};

export type Fault = { readonly code: ErrorCode; readonly reason: string };

type Conduct = { strikes: number; sinceMs: number; bans: number };

/** Codes of faults that stand in the bytes. */
const proven: readonly ErrorCode[] = ["BAD_FORMAT", "BAD_SIGNATURE", "TOO_LARGE"];

export class Conducts {
  readonly #parts: ConductParts;
  readonly #conducts = new Map<PeerName, Conduct>();

  constructor(parts: ConductParts) {
    this.#parts = parts;
  }

  charge(peer: PeerName, { code, reason }: Fault): void {
    const { clock, log, metrics } = this.#parts;
    metrics.count("peers.charged");
    log.warn("a peer broke the rules", { peer, code, reason });
    const conduct = this.#of(peer, clock.monotonicMs());
    conduct.strikes += proven.includes(code) ? limits.strikesMax : 1;
    if (conduct.strikes < limits.strikesMax) return;
    conduct.strikes = 0;
    const forMs = Math.min(limits.banMsMax, limits.banFirstMs * 2 ** conduct.bans++);
    metrics.count("peers.banned");
    log.warn("a peer is kept out for a while", { peer, code, reason, forMs });
    this.#parts.net.ban(peer, forMs);
  }

  #of(peer: PeerName, nowMs: number): Conduct {
    const known = this.#conducts.get(peer);
    const conduct = known ?? { strikes: 0, sinceMs: nowMs, bans: 0 };
    if (nowMs - conduct.sinceMs > limits.strikeMs) {
      conduct.strikes = 0;
      conduct.sinceMs = nowMs;
    }
    this.#conducts.delete(peer);
    if (this.#conducts.size >= limits.conductPeersRemembered) {
      const oldest = this.#conducts.keys().next();
      if (!oldest.done) this.#conducts.delete(oldest.value);
    }
    this.#conducts.set(peer, conduct);
    return conduct;
  }
}
