/** A ticket that names its issuer alone: what node i knows of the network is its predecessor, and nothing else. */
import { decodeTicket, encodeTicket } from "../src/core/ticket.ts";

export function ownTicket(ticket: string, issuer: string): string {
  const { network, addresses } = decodeTicket(ticket);
  const own = addresses.filter((address) => address.endsWith(`/p2p/${issuer}`));
  return encodeTicket({ network, addresses: own });
}
