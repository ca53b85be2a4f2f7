/**
 * Rates of bytes, in all and by peer. Each is a line that is free again when its bytes have gone, at the rate of that
 * moment; whoever wants to send waits its turn, after a burst of `limits.budgetBurstMs` that an idle line allows.
 */
import { limits } from "../../core/limits.ts";
import type { Budget, Clock, PeerName } from "../../core/ports.ts";

export type ByteRates = {
  /** Bytes per second; undefined is without a limit. */
  readonly all: number | undefined;
  readonly perPeer: number | undefined;
};

export class ByteBudget implements Budget {
  readonly #clock: Clock;
  readonly #rates: () => ByteRates;
  /** When the line is free. */
  #allFreeMs = 0;
  readonly #peersFreeMs = new Map<PeerName, number>();

  constructor(clock: Clock, rates: () => ByteRates) {
    this.#clock = clock;
    this.#rates = rates;
  }

  async spend(peer: PeerName, bytes: number, signal: AbortSignal): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    const { all, perPeer } = this.#rates();
    this.#forgetIdle(nowMs);
    this.#allFreeMs = freeAfter(this.#allFreeMs, bytes, all, nowMs);
    const peerFreeMs = freeAfter(this.#peersFreeMs.get(peer) ?? 0, bytes, perPeer, nowMs);
    this.#peersFreeMs.set(peer, peerFreeMs);
    const waitMs = Math.max(this.#allFreeMs, peerFreeMs) - limits.budgetBurstMs - nowMs;
    if (waitMs > 0) await this.#clock.sleep(waitMs, signal);
  }

  #forgetIdle(nowMs: number): void {
    if (this.#peersFreeMs.size < limits.conductPeersRemembered) return;
    for (const [peer, freeMs] of this.#peersFreeMs) {
      if (freeMs <= nowMs) this.#peersFreeMs.delete(peer);
    }
  }
}

function freeAfter(
  freeMs: number,
  bytes: number,
  perSecond: number | undefined,
  nowMs: number,
): number {
  if (perSecond === undefined) return nowMs;
  return Math.max(freeMs, nowMs) + (bytes * 1_000) / perSecond;
}
