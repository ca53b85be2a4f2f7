/** Dials that this node decides on itself; their addresses are permitted beforehand. A dial ends when the peer is up. */
import type { Connection, PeerId } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import { multiaddr, type Multiaddr } from "@multiformats/multiaddr";
import { CoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { Metrics, PeerName } from "../../core/ports.ts";
import { bareAddress } from "./addresses.ts";
import type { NetNode } from "./create-node.ts";
import type { DialBudget } from "./dial-budget.ts";
import { dialError } from "./dial-error.ts";
import type { Peers } from "./peers.ts";

export type DialerParts = {
  readonly node: NetNode;
  readonly peers: Peers;
  readonly budget: DialBudget;
  readonly metrics: Metrics;
  /** Aborts every dial when the node stops. */
  readonly stopping: AbortSignal;
};

export class Dialer {
  readonly #parts: DialerParts;

  constructor(parts: DialerParts) {
    this.#parts = parts;
  }

  /** Dials a peer at bare addresses, in their order. Throws `UNREACHABLE`, `TIMEOUT` or `WRONG_NETWORK`. */
  async dialPeer(
    peer: PeerName,
    addresses: readonly string[],
    options: { readonly signal?: AbortSignal; readonly force?: boolean } = {},
  ): Promise<Connection> {
    const targets = addresses.map((address) => multiaddr(`${address}/p2p/${peer}`));
    this.#permit(addresses);
    return this.#dial(targets, options);
  }

  /** Dials whoever of the network answers at a bare address. */
  async dialAnyone(address: string, signal?: AbortSignal): Promise<Connection> {
    this.#permit([address]);
    return this.#dial([multiaddr(address)], signal === undefined ? {} : { signal });
  }

  /** Dials an address as it is written, names included. */
  async dialWritten(address: Multiaddr, signal: AbortSignal): Promise<Connection> {
    const bare = bareAddress(address);
    if (bare !== undefined) this.#permit([bare]);
    return this.#dial([address], { signal });
  }

  /** Dials a peer at addresses that others told of, within their budget; asks the DHT for them if nobody has told yet. */
  async dialHeard(peer: PeerName, signal: AbortSignal): Promise<Connection> {
    const { node, budget } = this.#parts;
    const id = peerIdFromString(peer);
    const known = await node.peerStore.get(id).catch(() => undefined); // unknown peer
    const told = bareAddresses(known?.addresses.map((address) => address.multiaddr));
    const heard = told.length > 0 ? told : await this.#lookUp(id, signal);
    const targets = heard.filter((address) => budget.permitTold(address));
    return this.#dial(
      targets
        .slice(0, limits.dialAddressesMax)
        .map((address) => multiaddr(`${address}/p2p/${peer}`)),
      { signal },
    );
  }

  /** Asks those that are connected, as long as they are enough, and only then others too. */
  async #lookUp(peer: PeerId, signal: AbortSignal): Promise<string[]> {
    if (this.#parts.peers.size === 0) return []; // the DHT would wait for somebody to ask
    const near = await this.#find(peer, signal);
    if (near.length > 0) return near;
    const end = this.#parts.budget.lookup();
    try {
      return await this.#find(peer, signal);
    } finally {
      end();
    }
  }

  async #find(peer: PeerId, signal: AbortSignal): Promise<string[]> {
    const { node, stopping } = this.#parts;
    const until = AbortSignal.any([signal, stopping, AbortSignal.timeout(limits.dialMs)]);
    try {
      const found = await node.peerRouting.findPeer(peer, { signal: until, useCache: false });
      return bareAddresses(found.multiaddrs);
    } catch {
      return []; // nobody knows it; a dial of no address says so
    }
  }

  /** Bare addresses that the peer itself signed, which is more than hearsay. */
  async signedAddresses(peer: PeerName): Promise<string[]> {
    const id: PeerId = peerIdFromString(peer);
    const known = await this.#parts.node.peerStore.get(id).catch(() => undefined); // unknown peer
    return (known?.addresses ?? []).flatMap((address) => {
      const bare = address.isCertified ? bareAddress(address.multiaddr) : undefined;
      return bare === undefined ? [] : [bare];
    });
  }

  #permit(addresses: readonly string[]): void {
    for (const address of addresses) this.#parts.budget.permit(address);
  }

  async #dial(
    targets: Multiaddr[],
    options: { readonly signal?: AbortSignal; readonly force?: boolean },
  ): Promise<Connection> {
    const { node, peers, metrics, stopping } = this.#parts;
    if (targets.length === 0) {
      metrics.count("net.dials_failed");
      throw new CoterieError("UNREACHABLE", "nothing listens at its addresses");
    }
    const signals = [stopping, AbortSignal.timeout(limits.dialMs)];
    if (options.signal !== undefined) signals.push(options.signal);
    const signal = AbortSignal.any(signals);
    try {
      const connection = await node.dial(targets, { signal, force: options.force ?? false });
      await peers.untilIdentified(connection, signal);
      metrics.count("net.dials_ok");
      return connection;
    } catch (error) {
      metrics.count("net.dials_failed");
      throw dialError(error);
    }
  }
}

function bareAddresses(addresses: readonly Multiaddr[] = []): string[] {
  return addresses.flatMap((address) => bareAddress(address) ?? []);
}
