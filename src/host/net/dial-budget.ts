/**
 * Dials are budgeted by where an address came from, so that forged records cannot make a node scan. Addresses of a
 * ticket, of the address book and of the person are dialled by our own loops, which have rates of their own, and are
 * permitted beforehand. mDNS answers and addresses that only other members told of (the DHT, identify) each draw on a
 * bucket, one token per distinct address.
 *
 * Once enough connections are held, addresses that were told of are dialled for our own look-ups only: the DHT refreshes
 * its table by walks that would connect a node to the twenty closest of every bucket, in a small network to all.
 */
import { limits } from "../../core/limits.ts";
import type { Clock, Metrics } from "../../core/ports.ts";
import { TokenBucket } from "./token-bucket.ts";

/** A permit or a token is good for the retries of one dial. */
const goodForMs = 10_000;

export type DialBudgetParts = {
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** True when no more connections are wanted for their own sake. */
  isEnough(): boolean;
};

export class DialBudget {
  readonly #parts: DialBudgetParts;
  readonly #mdns: TokenBucket;
  readonly #told: TokenBucket;
  /** Address to the time until which it may be dialled, oldest first. */
  readonly #permitted = new Map<string, number>();
  #lookups = 0;

  constructor(parts: DialBudgetParts) {
    const { clock } = parts;
    this.#parts = parts;
    this.#mdns = new TokenBucket(clock, limits.mdnsDialsBurstMax);
    this.#told = new TokenBucket(clock, limits.unprovenDialsBurstMax);
  }

  permit(address: string): void {
    this.#forgetOld();
    this.#permitted.delete(address);
    this.#permitted.set(address, this.#parts.clock.monotonicMs() + goodForMs);
  }

  /** Permits an address that mDNS found, unless too many were. */
  permitMdns(address: string): boolean {
    return (
      this.#isPermitted(address) || this.#draw(this.#mdns, limits.mdnsDialsPerSecondMax, address)
    );
  }

  /** Permits an address of a peer that is wanted and was merely told of, unless too many were. */
  permitTold(address: string): boolean {
    return (
      this.#isPermitted(address) ||
      this.#draw(this.#told, limits.unprovenDialsPerSecondMax, address)
    );
  }

  /** A look-up of ours begins and may dial whom it has to ask; it ends with the call of what is returned. */
  lookup(): () => void {
    this.#lookups++;
    return () => {
      this.#lookups--;
    };
  }

  /** Asked before every dial: true unless the address is merely told of and not wanted, or too many such were dialled. */
  allows(address: string): boolean {
    if (!this.#isPermitted(address) && this.#lookups === 0 && this.#parts.isEnough()) {
      this.#parts.metrics.count("net.dials_unwanted");
      return false;
    }
    return this.permitTold(address);
  }

  #isPermitted(address: string): boolean {
    return (this.#permitted.get(address) ?? 0) > this.#parts.clock.monotonicMs();
  }

  #draw(bucket: TokenBucket, perSecond: number, address: string): boolean {
    if (bucket.take(perSecond)) {
      this.permit(address);
      return true;
    }
    this.#parts.metrics.count("net.dials_over_budget");
    return false;
  }

  #forgetOld(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    for (const [address, untilMs] of this.#permitted) {
      if (untilMs > nowMs) break;
      this.#permitted.delete(address);
    }
  }
}
