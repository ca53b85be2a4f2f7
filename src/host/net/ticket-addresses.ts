/** Which addresses a ticket carries, in the order in which they are worth trying. */
import { limits } from "../../core/limits.ts";
import { ipOf, isLoopback } from "./addresses.ts";

export type TicketSources = {
  /** Own bare addresses without the meeting port, and at it. */
  readonly own: readonly string[];
  readonly meeting: readonly string[];
  readonly self: string;
  /** A proven address of each connected peer, with its id. */
  readonly others: readonly string[];
};

/** Some room is left to others: this node may be off when the ticket is used. */
const othersRoom = 2;

/** Own addresses, loopback last and the meeting port before the other, then those of connected peers. */
export function ticketAddresses(sources: TicketSources): string[] {
  const own = [...sources.meeting, ...sources.own].toSorted(
    (a, b) => Number(isLoopback(ipOf(a))) - Number(isLoopback(ipOf(b))),
  );
  const room = limits.ticketAddressesMax - Math.min(othersRoom, sources.others.length);
  const named = own.slice(0, room).map((address) => `${address}/p2p/${sources.self}`);
  return [...named, ...sources.others].slice(0, limits.ticketAddressesMax);
}
