import { createHash } from "node:crypto";
import fc from "fast-check";
import { base32 } from "multiformats/bases/base32";
import { describe, expect, test } from "vitest";
import { CoterieError } from "../../src/core/errors.ts";
import { peerNameOf } from "../../src/core/ids.ts";
import { nameFault } from "../../src/core/name.ts";
import { decodeTicket, encodeTicket, isTicketAddress, type Ticket } from "../../src/core/ticket.ts";
import { codedError } from "../coded-error.ts";

const bytes = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);
const peer = peerNameOf(bytes(32, 7));

const ticket: Ticket = {
  network: { id: bytes(32, 1), name: "home", secret: bytes(32, 2), epoch: 3 },
  addresses: [`/ip4/192.0.2.1/tcp/4001/p2p/${peer}`, `/dns4/example.org/tcp/1/p2p/${peer}`],
};

/** A ticket around any body, by the written format and not by our encoder. */
function wordAround(version: number, payload: Uint8Array): string {
  const length = payload.length;
  const body = Buffer.from([version, length >> 8, length & 0xff, ...payload]);
  const tagged = Buffer.concat([Buffer.from("\x0ecoterie/ticket", "latin1"), body]);
  const checksum = createHash("sha256").update(tagged).digest().subarray(0, 6);
  return `coterie1${base32.baseEncode(Buffer.concat([body, checksum]))}`;
}

const refusal = async (text: string): Promise<string> =>
  (await codedError(() => decodeTicket(text), "BAD_TICKET")).message;

const name = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 20 })
  .filter((text) => nameFault(text) === undefined);
const keyBytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
const address = fc
  .tuple(
    fc.constantFrom(
      "/ip4/10.0.0.1/tcp/1",
      "/ip6/::1/udp/9/quic-v1",
      `/ip4/1.2.3.4/tcp/1/p2p/${peer}/p2p-circuit`,
    ),
    keyBytes,
  )
  .map(([transport, key]) => `${transport}/p2p/${peerNameOf(key)}`);
const tickets: fc.Arbitrary<Ticket> = fc.record({
  network: fc.record({
    id: keyBytes,
    name,
    secret: keyBytes,
    epoch: fc.integer({ min: 1, max: 0xffff_ffff }),
  }),
  addresses: fc.array(fc.oneof(address, fc.constantFrom(...ticket.addresses)), { maxLength: 8 }),
});

describe("a ticket", () => {
  test("carries a network and its addresses through one word", () => {
    fc.assert(
      fc.property(tickets, (any) => {
        const word = encodeTicket(any);
        expect(word).toMatch(/^coterie1[a-z2-7]+$/);
        expect(decodeTicket(word)).toEqual(any);
      }),
    );
  });

  test("has the bytes of the vector", () => {
    const transports = ["/ip4/192.0.2.1/tcp/4001", "/dns4/example.org/tcp/1"];
    const payload = Buffer.concat([
      bytes(32, 1),
      Buffer.from([0, 0, 0, 3]),
      bytes(32, 2),
      Buffer.from("\x04home"),
      Buffer.from([1]),
      bytes(32, 7),
      Buffer.from([2]),
      ...transports.map((text) => Buffer.from(`\0${String.fromCharCode(text.length)}${text}`)),
    ]);
    expect(encodeTicket(ticket)).toBe(wordAround(1, payload));
    expect(encodeTicket(ticket)).toBe(
      "coterie1aeaj2aibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaaaaaaycaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaicgq33nmuaqobyha4dqobyha4dqobyha4dqobyha4dqobyha4dqobyha4dqobycaals62lqgqxtcojsfyyc4mrogexxiy3qf42dambraals6zdoom2c6zlymfwxa3dffzxxezzporrxalzrlxhl5u2iz4",
    );
  });

  test.each([
    ["a line break after it", (word: string) => `${word}\n`],
    ["quotes around it", (word: string) => ` "${word}" `],
    ["curly quotes around it", (word: string) => `“${word}”`],
    ["capitals", (word: string) => word.toUpperCase()],
    ["the line breaks of a mail", (word: string) => word.replace(/.{76}/g, "$&\r\n  ")],
  ])("is read with %s", (_what, change) => {
    expect(decodeTicket(change(encodeTicket(ticket)))).toEqual(ticket);
  });
});

describe("what is not a ticket is refused with the reason:", () => {
  const word = encodeTicket(ticket);

  test.each([
    ["nothing", "", /empty/],
    ["blanks", " \n", /empty/],
    ["an address", `/ip4/192.0.2.1/tcp/1/p2p/${peer}`, /not a Coterie ticket/],
    [
      "another program's word",
      "docaaacarwhmusoqf362j3jpzrehzkw3bqamcp2mmbhn3fmag3mzzfjp4",
      /not a Coterie/,
    ],
    ["a book", "a".repeat(20_000), /too long/],
    ["its first letters", "coter", /cut short/],
    ["its prefix", "coterie1", /cut short/],
    ["a letter that no ticket has", word.replace(/.$/, "1"), /damaged: "1"/],
    ["letters behind its end", `${word}aaaaaaaa`, /too many/],
  ])("%s", async (_what, text, reason) => {
    expect(await refusal(text)).toMatch(reason);
  });

  test("a ticket cut short at any length", async () => {
    for (let length = 8; length < word.length; length++) {
      expect(await refusal(word.slice(0, length))).toMatch(/cut short/);
    }
  });

  test("a ticket with any one letter changed", async () => {
    for (let at = 8 + 5; at < word.length - 1; at++) {
      const other = word[at] === "a" ? "b" : "a";
      expect(await refusal(word.slice(0, at) + other + word.slice(at + 1))).toMatch(/damaged/);
    }
  });

  test("a ticket of a newer version", async () => {
    expect(await refusal(wordAround(2, bytes(500, 9)))).toMatch(/version 2.*reads version 1/);
  });

  const head = [...bytes(32, 1), 0, 0, 0, 1, ...bytes(32, 2), 1, 0x61];
  test.each([
    ["epoch 0", [...bytes(32, 1), 0, 0, 0, 0, ...bytes(32, 2), 1, 0x61, 0, 0], /epoch/],
    [
      "a control character in the name",
      [...bytes(32, 1), 0, 0, 0, 1, ...bytes(32, 2), 1, 7, 0, 0],
      /control/,
    ],
    ["nine addresses", [...head, 0, 9], /too many addresses/],
    ["an address of no peer", [...head, 0, 1, 0, 1, 0x2f], /no peer/],
    ["a peer of no address", [...head, 1, ...bytes(32, 7), 0], /malformed/],
    [
      "an address with a space",
      [...head, 1, ...bytes(32, 7), 1, 0, 3, 0x2f, 0x20, 0x61],
      /cannot carry/,
    ],
    ["bytes behind the last address", [...head, 0, 0, 0], /too many/],
    ["an end in the middle", head, /truncated/],
  ])("a well-sealed ticket with %s", async (_what, payload, reason) => {
    expect(await refusal(wordAround(1, Uint8Array.from(payload)))).toMatch(reason);
  });

  test("and never with anything but BAD_TICKET, whatever the text or the payload", () => {
    const refuses = (text: string): void => {
      try {
        decodeTicket(text);
      } catch (error) {
        expect(error).toMatchObject({ code: "BAD_TICKET", hint: expect.any(String) });
      }
    };
    fc.assert(fc.property(fc.string(), refuses));
    fc.assert(fc.property(fc.stringMatching(/^coterie1[a-z2-7]{0,80}$/), refuses));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (tail) => {
        refuses(wordAround(1, tail));
        refuses(wordAround(1, Uint8Array.from([...head, ...tail])));
      }),
    );
  });
});

describe("what a ticket cannot carry is refused when it is made:", () => {
  const changed = (change: object): Ticket => ({ ...ticket, ...change });
  test.each([
    [
      "nine addresses",
      changed({ addresses: Array.from({ length: 9 }, () => ticket.addresses[0]) }),
    ],
    ["an address without a peer id", changed({ addresses: ["/ip4/192.0.2.1/tcp/1"] })],
    ["a peer id that is no key", changed({ addresses: ["/ip4/192.0.2.1/tcp/1/p2p/QmFoo"] })],
    ["a long address", changed({ addresses: [`/${"x".repeat(256)}/p2p/${peer}`] })],
    ["a long name", changed({ network: { ...ticket.network, name: "x".repeat(65) } })],
    ["a short secret", changed({ network: { ...ticket.network, secret: bytes(31, 1) } })],
  ])("%s", (_what, bad) => {
    expect(() => encodeTicket(bad)).toThrow(CoterieError);
  });

  test("isTicketAddress tells which addresses it can carry", () => {
    expect(isTicketAddress(ticket.addresses[0]!)).toBe(true);
    expect(isTicketAddress(`/p2p/${peer}`)).toBe(false);
    expect(isTicketAddress(`ip4/192.0.2.1/p2p/${peer}`)).toBe(false);
    expect(isTicketAddress(`/ip4/192.0.2.1/tcp/1/p2p/${peer}/p2p-circuit`)).toBe(false);
  });
});
