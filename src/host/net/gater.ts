/**
 * Who may connect: blocked peers (an injected fault) may not, in either direction and at every stage at which their
 * id is known; neither may dials over the budget or the connection limit, nor a host with too many unfinished
 * handshakes. Works without root on every system, since it is libp2p that asks.
 */
import type { ConnectionGater } from "@libp2p/interface";
import type { Metrics, PeerName } from "../../core/ports.ts";
import { bareAddress } from "./addresses.ts";
import type { DialBudget } from "./dial-budget.ts";
import { PendingUpgrades } from "./pending-upgrades.ts";

export type GaterParts = {
  readonly budget: DialBudget;
  readonly metrics: Metrics;
  isBlocked(peer: PeerName): boolean;
  /** A handshake has told whose connection it is. */
  identified(connection: object, peer: PeerName): void;
  /** True when no further connection may be made. */
  isFull(): boolean;
};

export function connectionGater(parts: GaterParts): ConnectionGater {
  const pending = new PendingUpgrades();
  const count = (name: string, denied: boolean): boolean => {
    if (denied) parts.metrics.count(name);
    return denied;
  };
  const isCut = (peer: { toString(): string }): boolean =>
    count("net.blocked", parts.isBlocked(peer.toString()));
  const known = (peer: { toString(): string }, connection: object): boolean => {
    parts.identified(connection, peer.toString());
    return isCut(peer);
  };
  const isOver = (): boolean => count("net.over_connection_limit", parts.isFull());

  return {
    denyDialPeer: (peer) => isCut(peer) || isOver(),
    denyDialMultiaddr: (address) => {
      const bare = bareAddress(address);
      // names come from tickets and from the person only: records with names never enter the peer store
      return bare !== undefined && !parts.budget.allows(bare);
    },
    denyInboundConnection: (connection) =>
      count("net.host_over_pending", !pending.admit(connection)),
    denyInboundEncryptedConnection: (peer, connection) => {
      pending.settle(connection);
      return known(peer, connection);
    },
    denyOutboundEncryptedConnection: known,
    // libp2p counts connections before the handshake only, and many may be in it at once
    denyInboundUpgradedConnection: (peer) => isCut(peer) || isOver(),
    denyOutboundUpgradedConnection: (peer) => isCut(peer) || isOver(),
    filterMultiaddrForPeer: (_peer, address) => bareAddress(address) !== undefined,
  };
}
