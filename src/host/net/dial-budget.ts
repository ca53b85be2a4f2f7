/**
 * Dials are budgeted by where an address came from, so that forged records cannot make a node scan. Addresses of a
 * ticket, of the address book and of the person are dialled by our own loops, which have rates of their own, and are
 * permitted beforehand. mDNS answers and addresses that only other members told of (the DHT, identify) each draw on a
 * bucket, one token per distinct address.
 */
import { limits } from "../../core/limits.ts";
import type { Clock, Metrics } from "../../core/ports.ts";
import { TokenBucket } from "./token-bucket.ts";

/** A permit or a token is good for the retries of one dial. */
const goodForMs = 10_000;

export class DialBudget {
  readonly #clock: Clock;
  readonly #metrics: Metrics;
  readonly #mdns: TokenBucket;
  readonly #told: TokenBucket;
  /** Address to the time until which it may be dialled, oldest first. */
  readonly #permitted = new Map<string, number>();

  constructor(clock: Clock, metrics: Metrics) {
    this.#clock = clock;
    this.#metrics = metrics;
    this.#mdns = new TokenBucket(clock, limits.mdnsDialsBurstMax);
    this.#told = new TokenBucket(clock, limits.unprovenDialsBurstMax);
  }

  permit(address: string): void {
    this.#forgetOld();
    this.#permitted.delete(address);
    this.#permitted.set(address, this.#clock.monotonicMs() + goodForMs);
  }

  /** Permits an address that mDNS found, unless too many were. */
  permitMdns(address: string): boolean {
    return (
      this.#isPermitted(address) || this.#draw(this.#mdns, limits.mdnsDialsPerSecondMax, address)
    );
  }

  /** Asked before every dial: true unless the address is merely told of and too many such were dialled. */
  allows(address: string): boolean {
    return (
      this.#isPermitted(address) ||
      this.#draw(this.#told, limits.unprovenDialsPerSecondMax, address)
    );
  }

  #isPermitted(address: string): boolean {
    return (this.#permitted.get(address) ?? 0) > this.#clock.monotonicMs();
  }

  #draw(bucket: TokenBucket, perSecond: number, address: string): boolean {
    if (bucket.take(perSecond)) {
      this.permit(address);
      return true;
    }
    this.#metrics.count("net.dials_over_budget");
    return false;
  }

  #forgetOld(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [address, untilMs] of this.#permitted) {
      if (untilMs > nowMs) break;
      this.#permitted.delete(address);
    }
  }
}
