import { expect, test } from "vitest";
import { peerNameOf } from "../../src/core/ids.ts";
import { decodeTicket, encodeTicket } from "../../src/core/ticket.ts";
import { ownTicket } from "../../testnet/own-ticket.ts";

const bytes = (value: number): Uint8Array => new Uint8Array(32).fill(value);

test("the next node is told of its predecessor and of nobody else", () => {
  const issuer = peerNameOf(bytes(7));
  const own = [`/ip4/127.0.9.2/tcp/1/p2p/${issuer}`, `/ip4/127.0.9.2/tcp/2/p2p/${issuer}`];
  const other = `/ip4/127.0.9.1/tcp/3/p2p/${peerNameOf(bytes(8))}`;
  const network = { id: bytes(1), name: "home", secret: bytes(2), epoch: 3 };
  const ticket = encodeTicket({ network, addresses: [other, ...own] });
  expect(decodeTicket(ownTicket(ticket, issuer))).toEqual({ network, addresses: own });
});
