/**
 * Which provider of one service is next. A machine without I/O: it hears of providers, of what became of requests, and
 * of the time, and answers with one provider or none.
 *
 * 1. Of providers not yet tried by this request, those that are well come first; then, rather than nobody, those that are
 *    not: what this node believes of them may be wrong.
 * 2. A provider that failed several times in a row is ejected for a while, but never more than half of them, and never
 *    the last: when all seem to fail, the fault is likelier on this side.
 * 3. A provider that comes while others serve, or comes back, grows into its share (policies with shares).
 */
import type { PeerName, Random } from "../../../core/ports.ts";
import { limits } from "../../../core/limits.ts";
import { choose, type Choice } from "./choose.ts";
import { ProviderLoad } from "./provider-load.ts";

export type ProviderFacts = {
  readonly peer: PeerName;
  readonly weight: number;
  /** It says that it is up, and its member is alive. */
  readonly well: boolean;
};

/** An answer came after so long, or none will. */
export type Outcome = { readonly kind: "ok"; readonly ms: number } | { readonly kind: "failed" };

export type LoadView = {
  readonly open: number;
  readonly requests: number;
  readonly failures: number;
  readonly ejected: boolean;
  readonly latencyMs: number | undefined;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
};

/** At most so many of the providers are ejected at a time. */
const ejectedShareMax = 0.5;

export class Balancer {
  readonly #random: Random;
  readonly #loads = new Map<PeerName, ProviderLoad>();
  #providers: readonly ProviderFacts[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  /** Those there are now; what was known of others is forgotten. */
  set(providers: readonly ProviderFacts[], nowMs: number): void {
    const others = this.#loads.size > 0;
    const kept = new Set(providers.map(({ peer }) => peer));
    for (const peer of this.#loads.keys()) if (!kept.has(peer)) this.#loads.delete(peer);
    for (const { peer, weight } of providers) {
      const load = this.#loads.get(peer);
      if (load === undefined) {
        this.#loads.set(peer, new ProviderLoad(weight, others ? nowMs : undefined));
      } else load.weight = weight;
    }
    this.#providers = providers;
  }

  /** Undefined when all were tried, or there are none. */
  pick(choice: Choice, tried: ReadonlySet<PeerName>, nowMs: number): PeerName | undefined {
    const untried = this.#providers.filter(({ peer }) => !tried.has(peer));
    const well = untried.filter(({ peer, well: isWell }) => {
      return isWell && this.#loads.get(peer)?.isEjected(nowMs) !== true;
    });
    const candidates = (well.length > 0 ? well : untried).flatMap(({ peer }) => {
      const load = this.#loads.get(peer);
      return load === undefined ? [] : [{ peer, load }];
    });
    return candidates.length === 0 ? undefined : choose(candidates, choice, this.#random, nowMs);
  }

  began(peer: PeerName): void {
    const load = this.#loads.get(peer);
    if (load === undefined) return;
    load.open++;
    load.requests++;
  }

  /** The answer, or that there will be none; `ended` follows. */
  answered(peer: PeerName, outcome: Outcome, nowMs: number): void {
    const load = this.#loads.get(peer);
    if (load === undefined) return;
    if (outcome.kind === "ok") {
      load.succeeded(outcome.ms, nowMs);
      return;
    }
    load.failed();
    if (load.failuresInRow >= limits.ejectAfterFailures && this.#mayEject(nowMs)) load.eject(nowMs);
  }

  ended(peer: PeerName): void {
    const load = this.#loads.get(peer);
    if (load !== undefined && load.open > 0) load.open--;
  }

  view(peer: PeerName, nowMs: number): LoadView | undefined {
    const load = this.#loads.get(peer);
    if (load === undefined) return undefined;
    const { open, requests, failures, latencyMs, durations } = load;
    return {
      open,
      requests,
      failures,
      ejected: load.isEjected(nowMs),
      latencyMs,
      p50Ms: durations.quantile(0.5),
      p99Ms: durations.quantile(0.99),
    };
  }

  #mayEject(nowMs: number): boolean {
    const ejected = [...this.#loads.values()].filter((load) => load.isEjected(nowMs)).length;
    return ejected + 1 <= Math.floor(this.#loads.size * ejectedShareMax);
  }
}
