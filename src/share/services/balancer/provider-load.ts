/** What is known of one provider of one service from the traffic of this node. */
import { limits } from "../../../core/limits.ts";
import { Histogram } from "../histogram.ts";

/** The moving average forgets with this time constant, so that it means the same at any rate of requests. */
const ewmaMs = 5_000;
/** The share with which a new provider begins. */
const shareFirst = 0.1;

export class ProviderLoad {
  weight: number;
  /** Began and not yet ended. */
  open = 0;
  requests = 0;
  failures = 0;
  /** Of connections that did not come about, or broke before an answer, in a row. */
  failuresInRow = 0;
  ejectedUntilMs = 0;
  /** Position of smooth weighted round robin. */
  turn = 0;
  readonly durations = new Histogram();
  #ejections = 0;
  /** Undefined for one that may take its full share at once. */
  #risingSinceMs: number | undefined;
  #latencyMs: number | undefined;
  #sampledAtMs = 0;

  constructor(weight: number, risingSinceMs: number | undefined) {
    this.weight = weight;
    this.#risingSinceMs = risingSinceMs;
  }

  get latencyMs(): number | undefined {
    return this.#latencyMs;
  }

  /** Weight as it counts now: a provider that is new, or back from being ejected, grows into it. */
  share(nowMs: number): number {
    if (this.#risingSinceMs === undefined) return this.weight;
    const grown = (nowMs - this.#risingSinceMs) / limits.slowStartMs;
    if (grown >= 1) this.#risingSinceMs = undefined;
    return this.weight * Math.min(1, Math.max(shareFirst, grown));
  }

  isEjected(nowMs: number): boolean {
    return nowMs < this.ejectedUntilMs;
  }

  succeeded(ms: number, nowMs: number): void {
    this.failuresInRow = 0;
    this.#ejections = 0;
    this.durations.add(ms);
    const keep = this.#latencyMs === undefined ? 0 : Math.exp((this.#sampledAtMs - nowMs) / ewmaMs);
    this.#latencyMs = keep * (this.#latencyMs ?? 0) + (1 - keep) * ms;
    // two samples in one moment would leave the second without any part
    if (keep === 1) this.#latencyMs = 0.9 * this.#latencyMs + 0.1 * ms;
    this.#sampledAtMs = nowMs;
  }

  failed(): void {
    this.failures++;
    this.failuresInRow++;
  }

  /** For longer each time, until it succeeds; afterwards it begins anew with a small share. */
  eject(nowMs: number): void {
    const forMs = Math.min(limits.ejectMsMax, limits.ejectFirstMs * 2 ** this.#ejections++);
    this.ejectedUntilMs = nowMs + forMs;
    this.#risingSinceMs = this.ejectedUntilMs;
    this.failuresInRow = 0;
  }
}
