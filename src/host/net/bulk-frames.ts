/**
 * How two members agree on a channel, on a stream of `/coterie/bulk/1.0.0`: the asker says what for and at which IPs it
 * reaches the other, the other offers a socket, the stream itself, or nothing. Layout: docs/formats.md, "Bulk lane".
 * A frame is its length (u16) and its body.
 */
import { isIP } from "node:net";
import { badFormat, concatBytes, decodeUtf8, Reader, Writer } from "../../core/codec.ts";
import { limits } from "../../core/limits.ts";
import type { ByteQueue } from "./byte-queue.ts";

export const bulkProtocol = "/coterie/bulk/1.0.0";
export const tokenBytes = 32;
export const fingerprintBytes = 32;
const bulkVersion = 1;
/** The longest IPv6 address in text, with an IPv4 tail. */
const hostBytesMax = 45;

export type Ask = {
  readonly purpose: string;
  /** SHA-256 of the asker's certificate. */
  readonly fingerprint: Uint8Array;
  /** IPs as text, the likeliest first; none if the asker wants no socket. */
  readonly hosts: readonly string[];
};

export type Answer =
  | {
      readonly kind: "socket";
      /** Which of the asker's hosts. */
      readonly host: number;
      readonly port: number;
      readonly fingerprint: Uint8Array;
      readonly token: Uint8Array;
    }
  /** The channel is the stream itself, from here on. */
  | { readonly kind: "stream" }
  | { readonly kind: "refused"; readonly code: "REFUSED" | "OVERLOADED" };

/** After an offered socket: the asker could not get it, and the channel is the stream. */
export const fallBack = Uint8Array.of(0, 1, 1);
const bodyBytesMax = 512;

const answerKinds = { socket: 1, stream: 2, refused: 3 } as const;
const refusalCodes = ["REFUSED", "OVERLOADED"] as const;

export function encodeAsk({ purpose, fingerprint, hosts }: Ask): Uint8Array {
  const body = new Writer().u8(bulkVersion).prefixedText(purpose).bytes(fingerprint);
  body.u8(hosts.length);
  for (const host of hosts) body.prefixedText(host);
  return frame(body.finish());
}

/** Throws `BAD_FORMAT`. */
export function decodeAsk(body: Uint8Array): Ask {
  const reader = new Reader(body);
  if (reader.u8() !== bulkVersion) badFormat("unknown version of the bulk lane");
  const purpose = decodeUtf8(reader.prefixed(limits.bulkPurposeBytesMax));
  const fingerprint = reader.bytes(fingerprintBytes).slice();
  const count = reader.u8();
  if (count > limits.bulkHostsMax) badFormat("too many hosts");
  const hosts = Array.from({ length: count }, () => hostIn(reader));
  reader.end();
  return { purpose, fingerprint, hosts };
}

export function encodeAnswer(answer: Answer): Uint8Array {
  const body = new Writer().u8(answerKinds[answer.kind]);
  if (answer.kind === "socket") {
    body.u8(answer.host).u16(answer.port).bytes(answer.fingerprint).bytes(answer.token);
  } else if (answer.kind === "refused") {
    body.u8(refusalCodes.indexOf(answer.code));
  }
  return frame(body.finish());
}

/** Throws `BAD_FORMAT`. */
export function decodeAnswer(body: Uint8Array): Answer {
  const reader = new Reader(body);
  const answer = answerIn(reader);
  reader.end();
  return answer;
}

function answerIn(reader: Reader): Answer {
  const kind = reader.u8();
  if (kind === answerKinds.stream) return { kind: "stream" };
  if (kind === answerKinds.refused) {
    const code = refusalCodes[reader.u8()] ?? badFormat("unknown reason");
    return { kind: "refused", code };
  }
  if (kind !== answerKinds.socket) badFormat("unknown answer");
  const host = reader.u8();
  const port = reader.u16();
  if (port === 0) badFormat("no port");
  const fingerprint = reader.bytes(fingerprintBytes).slice();
  return { kind: "socket", host, port, fingerprint, token: reader.bytes(tokenBytes).slice() };
}

function hostIn(reader: Reader): string {
  const host = decodeUtf8(reader.prefixed(hostBytesMax));
  return isIP(host) === 0 ? badFormat("not an IP") : host;
}

/** The next frame's body. Throws `BAD_FORMAT`, and as `take` does. */
export async function readFrame(queue: ByteQueue): Promise<Uint8Array> {
  const length = new Reader(await queue.take(2)).u16();
  if (length > bodyBytesMax) badFormat("a frame of the bulk lane is too long");
  return queue.take(length);
}

function frame(body: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(body.length >> 8, body.length & 0xff), body);
}
