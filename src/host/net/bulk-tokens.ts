/**
 * One-time tokens of the bulk lane: each is good for one socket, of the peer that it was given to (which shows the
 * certificate it named), for one purpose, for seconds. A token that was presented is gone, right or wrong.
 */
import { timingSafeEqual } from "node:crypto";
import { limits } from "../../core/limits.ts";
import type { Clock, PeerName, Random } from "../../core/ports.ts";
import { tokenBytes } from "./bulk-frames.ts";

export type Grant = {
  readonly peer: PeerName;
  readonly purpose: string;
  /** Of the certificate that the peer will show. */
  readonly fingerprint: Uint8Array;
};

type Entry<T> = { readonly token: Uint8Array; readonly grant: T; readonly untilMs: number };

export class BulkTokens<T extends Grant> {
  readonly #clock: Clock;
  readonly #random: Random;
  #entries: Entry<T>[] = [];

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Undefined while too many are out. */
  give(grant: T): Uint8Array | undefined {
    const nowMs = this.#clock.monotonicMs();
    this.#entries = this.#entries.filter(({ untilMs }) => untilMs > nowMs);
    const ofPeer = this.#entries.filter(({ grant: { peer } }) => peer === grant.peer).length;
    if (ofPeer >= limits.bulkTokensPerPeerMax) return undefined;
    if (this.#entries.length >= limits.bulkTokensMax) return undefined;
    const token = this.#random.bytes(tokenBytes);
    this.#entries.push({ token, grant, untilMs: nowMs + limits.bulkTokenMs });
    return token;
  }

  /** What the token is good for; compared with all that are out, in the same time whatever it is. */
  redeem(token: Uint8Array, fingerprint: Uint8Array): T | undefined {
    let found: Entry<T> | undefined;
    for (const entry of this.#entries) {
      if (timingSafeEqual(entry.token, token)) found = entry;
    }
    if (found === undefined) return undefined;
    this.#entries = this.#entries.filter((entry) => entry !== found);
    if (found.untilMs <= this.#clock.monotonicMs()) return undefined;
    return timingSafeEqual(found.grant.fingerprint, fingerprint) ? found.grant : undefined;
  }

  revoke(token: Uint8Array): void {
    this.#entries = this.#entries.filter((entry) => entry.token !== token);
  }

  revokePeer(peer: PeerName): void {
    this.#entries = this.#entries.filter(({ grant }) => grant.peer !== peer);
  }
}
