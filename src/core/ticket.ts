/**
 * Tickets: what lets a machine join, as one word that survives chat windows and terminals. Whoever holds one is in.
 *
 *     "coterie1" base32(version 1, length 2, payload, checksum 6)
 *
 * The length tells a word that was cut short from one that was damaged, for this and for all later versions. Peers
 * stand apart from their addresses because a node usually has several. docs/formats.md gives the bytes.
 */
import { base32 } from "multiformats/bases/base32";
import { Reader, Writer, concatBytes, decodeUtf8, encodeUtf8, equalBytes } from "./codec.ts";
import { CoterieError, toCoterieError } from "./errors.ts";
import { sha256, tag } from "./identity.ts";
import { authorBytes, authorOf, isPeerName, peerNameOf } from "./ids.ts";
import { limits } from "./limits.ts";
import { checkNetworkKeys, networkIdBytes, networkSecretBytes } from "./network.ts";
import type { NetworkKeys, PeerName } from "./ports.ts";

const prefix = "coterie1";
const version = 1;
const headerBytes = 3;
const checksumBytes = 6;
const hint = "copy the whole ticket again, or ask a member for a new one: coterie invite";

/** `addresses` are multiaddrs that end in `/p2p/<peer id>`; 0 to 8 of them. */
export type Ticket = { readonly network: NetworkKeys; readonly addresses: readonly string[] };

type Address = { readonly transport: string; readonly peer: PeerName };

function badTicket(reason: string): never {
  throw new CoterieError("BAD_TICKET", reason, { hint });
}

/** Splits `/ip4/192.0.2.1/tcp/4001/p2p/12D3Koo...` before its last `/p2p/`; undefined when a ticket cannot carry it. */
function splitAddress(address: string): Address | undefined {
  const at = address.lastIndexOf("/p2p/");
  if (at < 1) return undefined;
  const transport = address.slice(0, at);
  const peer = address.slice(at + "/p2p/".length);
  if (transport.length > limits.ticketAddressBytesMax) return undefined;
  return /^\/[\x21-\x7e]+$/.test(transport) && isPeerName(peer) ? { transport, peer } : undefined;
}

/** True for an address that a ticket can carry: printable ASCII that begins with "/" and ends in an Ed25519 peer id. */
export function isTicketAddress(address: string): boolean {
  return splitAddress(address) !== undefined;
}

/** Throws `BAD_TICKET` for what a ticket cannot carry. */
export function encodeTicket(ticket: Ticket): string {
  const payload = encodePayload(ticket);
  const body = new Writer().u8(version).u16(payload.length).bytes(payload).finish();
  return prefix + base32.baseEncode(concatBytes(body, checksumOf(body)));
}

/** Throws `BAD_TICKET` saying what is wrong; spaces, line breaks and quotes around or inside do no harm. */
export function decodeTicket(text: string): Ticket {
  const bytes = decodeWord(text);
  const body = bytes.subarray(0, -checksumBytes);
  if (!equalBytes(checksumOf(body), bytes.subarray(-checksumBytes))) {
    badTicket("the ticket is damaged: its checksum does not match");
  }
  if (body[0] !== version) {
    badTicket(
      `the ticket is of version ${body[0]}; this Coterie reads version ${version}: update it`,
    );
  }
  return decodePayload(body.subarray(headerBytes));
}

function checksumOf(body: Uint8Array): Uint8Array {
  return sha256(concatBytes(tag("coterie/ticket"), body)).subarray(0, checksumBytes);
}

function charsFor(bytes: number): number {
  return Math.ceil((bytes * 8) / 5);
}

/** The bytes of the word, checksum included, of exactly the length that the header announces. */
function decodeWord(text: string): Uint8Array {
  if (text.length > limits.ticketCharsMax) badTicket("this is too long to be a ticket");
  const word = text.replace(/[\s\u200b"'`“”‘’«»<>]+/g, "").toLowerCase();
  if (word === "") badTicket("the ticket is empty");
  if (!word.startsWith(prefix)) {
    if (prefix.startsWith(word)) badTicket("the ticket is cut short");
    badTicket(`this is not a Coterie ticket: it does not begin with "${prefix}"`);
  }
  const digits = word.slice(prefix.length);
  const wrong = /[^a-z2-7]/u.exec(digits)?.[0];
  if (wrong !== undefined) {
    badTicket(`the ticket is damaged: ${JSON.stringify(wrong)} is in no ticket`);
  }
  const wanted = digits.length < 8 ? Infinity : expectedChars(digits);
  if (digits.length < wanted) badTicket("the ticket is cut short");
  if (digits.length > wanted) badTicket("the ticket is damaged: it has characters too many");
  return decodeDigits(digits);
}

function expectedChars(digits: string): number {
  const header = new Reader(decodeDigits(digits.slice(0, 8)));
  header.u8();
  return charsFor(headerBytes + header.u16() + checksumBytes);
}

function decodeDigits(digits: string): Uint8Array {
  try {
    return base32.baseDecode(digits);
  } catch {
    return badTicket("the ticket is damaged: its last character is wrong");
  }
}

function encodePayload(ticket: Ticket): Uint8Array {
  const { network } = ticket;
  if (ticket.addresses.length > limits.ticketAddressesMax) {
    badTicket(`a ticket has at most ${limits.ticketAddressesMax} addresses`);
  }
  const addresses = ticket.addresses.map(
    (text) => splitAddress(text) ?? badTicket("a ticket cannot carry one of the addresses"),
  );
  const peers = [...new Set(addresses.map(({ peer }) => peer))];
  const out = new Writer();
  out.bytes(checked(network).id).u32(network.epoch).bytes(network.secret);
  out.prefixed(encodeUtf8(network.name)).u8(peers.length);
  for (const peer of peers) out.bytes(authorOf(peer));
  out.u8(addresses.length);
  for (const { transport, peer } of addresses) {
    out.u8(peers.indexOf(peer)).prefixed(encodeUtf8(transport));
  }
  return out.finish();
}

function decodePayload(payload: Uint8Array): Ticket {
  let ticket: Ticket;
  try {
    ticket = readPayload(new Reader(payload));
  } catch (error) {
    return badTicket(`the ticket is malformed: ${toCoterieError(error).message}`);
  }
  // One ticket has one spelling: peers in order of first use, each used.
  if (!equalBytes(encodePayload(ticket), payload)) badTicket("the ticket is malformed");
  return ticket;
}

function readPayload(reader: Reader): Ticket {
  const id = reader.bytes(networkIdBytes).slice();
  const epoch = reader.u32();
  const secret = reader.bytes(networkSecretBytes).slice();
  const name = decodeUtf8(reader.prefixed(limits.nameBytesMax));
  const peers = Array.from({ length: countOf(reader) }, () =>
    peerNameOf(reader.bytes(authorBytes)),
  );
  const addresses = Array.from({ length: countOf(reader) }, () => {
    const peer = peers[reader.u8()] ?? badTicket("an address has no peer");
    const transport = decodeUtf8(reader.prefixed(limits.ticketAddressBytesMax));
    return `${transport}/p2p/${peer}`;
  });
  reader.end();
  return { network: checked({ id, name, secret, epoch }), addresses };
}

function countOf(reader: Reader): number {
  const count = reader.u8();
  return count <= limits.ticketAddressesMax ? count : badTicket("it lists too many addresses");
}

function checked(network: NetworkKeys): NetworkKeys {
  try {
    return checkNetworkKeys(network);
  } catch (error) {
    return badTicket(toCoterieError(error).message);
  }
}
