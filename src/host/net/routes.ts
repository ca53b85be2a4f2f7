/**
 * What is known of the way to a peer: its proven addresses in the book, those of tickets, those it signed itself,
 * and the meeting port of its IPs.
 */
import { CoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { Log, PeerName } from "../../core/ports.ts";
import type { AddressBook } from "./address-book.ts";
import {
  addressAt,
  bareAddress,
  ipOf,
  parseAddress,
  peerIn,
  portOf,
  reachableIp,
} from "./addresses.ts";
import type { Dialer } from "./dialer.ts";
import type { MeetingPort } from "./meeting-port.ts";
import type { Peers } from "./peers.ts";
import { listening } from "./probe.ts";
import type { RedialTry } from "./redial.ts";

export type RoutesParts = {
  readonly book: AddressBook;
  readonly dialer: Dialer;
  readonly peers: Peers;
  readonly meeting: MeetingPort | undefined;
  /** Addresses of tickets, with peer ids. */
  readonly bootstrap: readonly string[];
  /** Of the listen addresses, unspecified ones included. */
  readonly ownIps: readonly string[];
  readonly log: Log;
};

export class Routes {
  readonly #parts: RoutesParts;
  readonly #fromTickets: ReadonlyMap<PeerName, readonly string[]>;
  /** Who was last found at the meeting port of an IP. */
  readonly #holders = new Map<string, PeerName>();

  constructor(parts: RoutesParts) {
    this.#parts = parts;
    this.#fromTickets = byPeer(parts.bootstrap, parts.log);
  }

  /** The peers of the tickets, then those of the book, most recently heard first. */
  known(): PeerName[] {
    return [...new Set([...this.#fromTickets.keys(), ...this.#parts.book.peers()])];
  }

  /** Where the peer was known; if nowhere, it may be on this machine. */
  ipsOf(peer: PeerName): string[] {
    const ips = new Set(this.#recorded(peer).map(ipOf));
    return ips.size > 0 ? [...ips] : this.#parts.ownIps.map(reachableIp);
  }

  /** Dials some of the peer's addresses, or what others know; the next attempt takes the next ones. */
  async dialPeer(peer: PeerName, { attempt, probe }: RedialTry): Promise<void> {
    const { dialer, meeting } = this.#parts;
    const all = [...this.#recorded(peer), ...(await dialer.signedAddresses(peer))];
    const own = [...new Set(all)].filter((address) => portOf(address) !== meeting?.port);
    if (own.length === 0) {
      await dialer.dialHeard(peer, AbortSignal.timeout(limits.dialMs));
      return;
    }
    const from = own.length > limits.dialAddressesMax ? attempt * limits.dialAddressesMax : 0;
    const turned = own.map((_, index) => own[(from + index) % own.length]!);
    const next = turned.slice(0, limits.dialAddressesMax);
    await dialer.dialPeer(peer, probe ? await listening(next) : next);
  }

  async dialMeeting(ip: string): Promise<void> {
    const { dialer, meeting } = this.#parts;
    if (meeting === undefined) return;
    const [address] = await listening([addressAt(ip, meeting.port)]);
    if (address === undefined) throw new CoterieError("UNREACHABLE", "nothing listens there");
    const connection = await dialer.dialAnyone(address);
    if (this.#holders.size >= limits.addressBookPeersMax) this.#holders.clear();
    this.#holders.set(ip, connection.remotePeer.toString());
  }

  /** True when the meeting port of the IP is ours, or whoever holds it is connected. */
  isMet(ip: string): boolean {
    const { meeting, peers } = this.#parts;
    const holder = this.#holders.get(ip);
    return meeting?.holds(ip) === true || (holder !== undefined && peers.isUp(holder));
  }

  #recorded(peer: PeerName): string[] {
    return [...this.#parts.book.addressesOf(peer), ...(this.#fromTickets.get(peer) ?? [])];
  }
}

function byPeer(addresses: readonly string[], log: Log): Map<PeerName, string[]> {
  const peers = new Map<PeerName, string[]>();
  for (const text of addresses) {
    const parsed = parseAddress(text);
    const peer = parsed === undefined ? undefined : peerIn(parsed);
    const address = parsed === undefined ? undefined : bareAddress(parsed);
    if (peer === undefined || address === undefined) {
      log.warn("a bootstrap address is not usable", { address: text });
      continue;
    }
    peers.set(peer, [...(peers.get(peer) ?? []), address]);
  }
  return peers;
}
