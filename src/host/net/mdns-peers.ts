/** Dials what mDNS finds, on a budget of its own: answers are unsigned, and anybody on the link can send them. */
import type { PeerInfo } from "@libp2p/interface";
import { toCoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { Log, PeerName } from "../../core/ports.ts";
import { bareAddress } from "./addresses.ts";
import type { DialBudget } from "./dial-budget.ts";
import type { Dialer } from "./dialer.ts";
import type { Peers } from "./peers.ts";

export type MdnsPeersParts = {
  readonly peers: Peers;
  readonly dialer: Dialer;
  readonly budget: DialBudget;
  readonly log: Log;
  readonly self: PeerName;
  readonly connectionsWanted: number;
  isBlocked(peer: PeerName): boolean;
};

export class MdnsPeers {
  readonly #parts: MdnsPeersParts;

  constructor(parts: MdnsPeersParts) {
    this.#parts = parts;
  }

  found(peer: PeerInfo): void {
    const { peers, dialer, log } = this.#parts;
    const name = peer.id.toString();
    if (!this.#isWanted(name) || peers.size >= this.#parts.connectionsWanted) return;
    const bare = peer.multiaddrs.flatMap((address) => bareAddress(address) ?? []);
    const allowed = bare.filter((address) => this.#parts.budget.permitMdns(address));
    if (allowed.length === 0) return;
    dialer.dialPeer(name, allowed.slice(0, limits.dialAddressesMax)).catch((error: unknown) => {
      const reason = toCoterieError(error).message;
      log.debug("a peer from mDNS did not answer", { peer: name, reason });
    });
  }

  #isWanted(peer: PeerName): boolean {
    const { peers, self } = this.#parts;
    return peer !== self && !peers.isUp(peer) && !this.#parts.isBlocked(peer);
  }
}
