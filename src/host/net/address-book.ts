/**
 * Addresses at which a handshake with a peer succeeded (or, of one that was connected when the node stopped, its own
 * word), with the time of the last success: what a restarted node has to find its network again. At most
 * `addressBookPeersMax` peers (the one longest unheard goes first) with `addressesPerPeerMax` addresses each, newest first.
 */
import { limits } from "../../core/limits.ts";
import type { PeerName } from "../../core/ports.ts";

export type BookAddress = { readonly address: string; readonly lastSuccessAt: number };
export type BookPeer = { readonly peer: PeerName; readonly addresses: readonly BookAddress[] };

export class AddressBook {
  /** Peer to addresses, the peer longest unheard first. */
  readonly #peers = new Map<PeerName, readonly BookAddress[]>();
  readonly #onChange: () => void;

  constructor(peers: readonly BookPeer[], onChange: () => void) {
    this.#onChange = onChange;
    const byAge = peers.toSorted((a, b) => newest(a.addresses) - newest(b.addresses));
    for (const { peer, addresses } of byAge.slice(-limits.addressBookPeersMax)) {
      this.#peers.set(peer, bounded(addresses));
    }
  }

  /** Notes that a handshake with the peer succeeded at the address. */
  succeeded(peer: PeerName, address: string, nowMs: number): void {
    const others = (this.#peers.get(peer) ?? []).filter((known) => known.address !== address);
    this.#peers.delete(peer);
    this.#peers.set(peer, bounded([{ address, lastSuccessAt: nowMs }, ...others]));
    if (this.#peers.size > limits.addressBookPeersMax) {
      const longestUnheard = this.#peers.keys().next().value;
      if (longestUnheard !== undefined) this.#peers.delete(longestUnheard);
    }
    this.#onChange();
  }

  has(peer: PeerName, address: string): boolean {
    return this.#peers.get(peer)?.some((known) => known.address === address) ?? false;
  }

  /** Newest success first. */
  addressesOf(peer: PeerName): string[] {
    return this.#peers.get(peer)?.map((known) => known.address) ?? [];
  }

  /** Most recently heard first. */
  peers(): PeerName[] {
    return [...this.#peers.keys()].toReversed();
  }

  entries(): BookPeer[] {
    return [...this.#peers].map(([peer, addresses]) => ({ peer, addresses }));
  }
}

function bounded(addresses: readonly BookAddress[]): BookAddress[] {
  return addresses
    .toSorted((a, b) => b.lastSuccessAt - a.lastSuccessAt)
    .slice(0, limits.addressesPerPeerMax);
}

function newest(addresses: readonly BookAddress[]): number {
  return Math.max(0, ...addresses.map((known) => known.lastSuccessAt));
}
