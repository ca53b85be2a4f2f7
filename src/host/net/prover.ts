/**
 * Proves addresses for the book. An outbound connection proves the address it was dialled at. Of a peer that dialled
 * us we know only what it says of itself, so a little later its addresses are dialled once, beside the connection
 * there is; a finished handshake proves one, and the extra connection is closed.
 */
import type { Connection } from "@libp2p/interface";
import type { Clock, Log, PeerName, Random } from "../../core/ports.ts";
import { toCoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { AddressBook } from "./address-book.ts";
import { bareAddress, ipOf, portOf } from "./addresses.ts";
import type { Dialer } from "./dialer.ts";
import type { Peers } from "./peers.ts";

export type ProverParts = {
  readonly peers: Peers;
  readonly dialer: Dialer;
  readonly book: AddressBook;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Whoever answers there may change, so it proves nothing of one peer. */
  readonly meetingPort: number | undefined;
};

/** Late enough for streams to have settled on the first connection. */
const waitMs = 3_000;

export class Prover {
  readonly #parts: ProverParts;
  readonly #waiting = new Set<PeerName>();
  #stopped = false;

  constructor(parts: ProverParts) {
    this.#parts = parts;
    parts.peers.onIdentified((connection) => this.#see(connection));
  }

  /**
   * Notes that the addresses of those still connected are good until now. Who dialled us a moment ago has none that is
   * proven; what it signed and was seen at is kept then, or a node that is stopped early would know nobody.
   */
  async stop(): Promise<void> {
    const { peers, book } = this.#parts;
    const last = peers.names().map(async (peer) => {
      const address = book.addressesOf(peer)[0] ?? (await this.#seenAt(peer));
      if (address !== undefined) this.#succeeded(peer, address);
    });
    await Promise.all(last);
    this.#stopped = true;
  }

  /** One of the peer's own addresses at an IP that it is connected from. */
  async #seenAt(peer: PeerName): Promise<string | undefined> {
    const { dialer, peers, meetingPort } = this.#parts;
    const seen = ipsOf(peers.connections(peer));
    const addresses = await dialer.signedAddresses(peer);
    return addresses.find((address) => seen.has(ipOf(address)) && portOf(address) !== meetingPort);
  }

  #see(connection: Connection): void {
    const peer = connection.remotePeer.toString();
    const address = this.#provenBy(connection);
    if (address === undefined) {
      this.#proveLater(peer);
      return;
    }
    this.#succeeded(peer, address);
    // the address was good until the end
    connection.addEventListener("close", () => this.#succeeded(peer, address), { once: true });
  }

  #succeeded(peer: PeerName, address: string): void {
    if (!this.#stopped) this.#parts.book.succeeded(peer, address, this.#parts.clock.wallMs());
  }

  #provenBy(connection: Connection): string | undefined {
    if (connection.direction !== "outbound") return undefined;
    const address = bareAddress(connection.remoteAddr);
    return address === undefined || portOf(address) === this.#parts.meetingPort
      ? undefined
      : address;
  }

  #proveLater(peer: PeerName): void {
    if (this.#waiting.has(peer)) return;
    this.#waiting.add(peer);
    this.#parts.clock.after(waitMs * (1 + this.#parts.random.float()), () => {
      this.#waiting.delete(peer);
      this.#prove(peer).catch((error: unknown) => {
        const reason = toCoterieError(error).message;
        this.#parts.log.debug("none of a peer's own addresses answers", { peer, reason });
      });
    });
  }

  async #prove(peer: PeerName): Promise<void> {
    const { peers, dialer, book } = this.#parts;
    const addresses = await dialer.signedAddresses(peer);
    if (this.#stopped || !peers.isUp(peer) || addresses.length === 0) return;
    if (addresses.some((address) => book.has(peer, address))) return;
    const likely = likeliestFirst(addresses, peers.connections(peer));
    const connection = await dialer.dialPeer(peer, likely.slice(0, limits.dialAddressesMax), {
      force: true,
    });
    const address = bareAddress(connection.remoteAddr);
    if (address !== undefined) this.#succeeded(peer, address);
    await connection.close();
  }
}

/** Addresses at the IPs that the peer's connections come from, then the rest. */
function likeliestFirst(
  addresses: readonly string[],
  connections: readonly Connection[],
): string[] {
  const seen = ipsOf(connections);
  return addresses.toSorted((a, b) => Number(seen.has(ipOf(b))) - Number(seen.has(ipOf(a))));
}

function ipsOf(connections: readonly Connection[]): Set<string> {
  return new Set(connections.map(({ remoteAddr }) => ipOf(bareAddress(remoteAddr) ?? "")));
}
