/**
 * When to hint to neighbours that we have news. What gossip delivers anyway is on its way to all of them and would make
 * any two nodes differ at any moment, so a hint covers only entries older than `settleMs`; news that are younger
 * are hinted at again once they have settled. Hints that follow each other closely are spaced ever wider.
 */
import { limits } from "../../core/limits.ts";

export const settleMs = 1_000;
const settledMs = settleMs + 100;
const firstGapMs = 100;
const gapMsMax = 10_000;
const quietMs = 20_000;

export class HintClock {
  #lastMs = Number.NEGATIVE_INFINITY;
  #gapMs = firstGapMs;
  /** When news came last. */
  newsMs = Number.NEGATIVE_INFINITY;
  /** When the next hints are due. */
  nextMs: number | undefined;

  news(nowMs: number): void {
    this.newsMs = nowMs;
    const atMs = Math.max(nowMs + limits.hintDelayMs / 2, this.#lastMs + this.#gapMs);
    this.nextMs = Math.min(this.nextMs ?? atMs, atMs);
  }

  /** True when hints are to be sent now. */
  strikes(nowMs: number): boolean {
    if (this.nextMs === undefined || nowMs < this.nextMs) return false;
    const quiet = nowMs - this.#lastMs > quietMs;
    this.#gapMs = quiet ? firstGapMs : Math.min(gapMsMax, this.#gapMs * 2);
    this.#lastMs = nowMs;
    const unsettled = nowMs - this.newsMs < settledMs;
    this.nextMs = unsettled ? Math.max(this.newsMs + settledMs, nowMs + this.#gapMs) : undefined;
    return true;
  }
}
