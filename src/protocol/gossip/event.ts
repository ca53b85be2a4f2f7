/**
 * Plain pub/sub messages of applications: delivered at most once, signed by their author, dropped when older than 60 s
 * or further in the future. Layout: docs/formats.md, "Event".
 */
import { badFormat, decodeUtf8, encodeUtf8, equalBytes, Reader, Writer } from "../../core/codec.ts";
import { authorBytes, hashBytes, peerNameOf } from "../../core/ids.ts";
import { tag, verifySignature, type Identity } from "../../core/identity.ts";
import { limits } from "../../core/limits.ts";
import type { PeerName, Verdict } from "../../core/ports.ts";

export type AppEvent = {
  readonly topic: string;
  readonly author: PeerName;
  readonly sentAtMs: number;
  readonly data: Uint8Array;
};

const eventTag = tag("coterie/event");
const eventVersion = 1;
const signatureBytes = 64;
const saltBytes = 8;

/** Why a name cannot be a topic of events, or undefined. */
export function topicFault(topic: string): string | undefined {
  if (topic === "" || !topic.isWellFormed()) return "a topic is a non-empty text";
  if (encodeUtf8(topic).length > limits.eventTopicBytesMax) {
    return `a topic is at most ${limits.eventTopicBytesMax} bytes`;
  }
  return undefined;
}

export function encodeEvent(
  event: { readonly topic: string; readonly data: Uint8Array; readonly sentAtMs: number },
  network: Uint8Array,
  identity: Identity,
  /** 8 random bytes, so that equal events are different messages. */
  salt: Uint8Array,
): Uint8Array {
  const body = new Writer()
    .u8(eventVersion)
    .bytes(network)
    .bytes(identity.publicKey)
    .u64(BigInt(event.sentAtMs))
    .bytes(salt)
    .prefixed(encodeUtf8(event.topic))
    .prefixed(event.data)
    .finish();
  const signature = identity.sign(new Writer().bytes(eventTag).bytes(body).finish());
  return new Writer().bytes(body).bytes(signature).finish();
}

/** The event if it is sound and of our time; else the verdict on its sender's message and why. */
export function acceptEvent(
  bytes: Uint8Array,
  network: Uint8Array,
  wallMs: number,
): { event: AppEvent } | { verdict: Verdict; reason: string } {
  let decoded: AppEvent;
  try {
    decoded = decodeEvent(bytes, network);
  } catch (error) {
    return { verdict: "reject", reason: error instanceof Error ? error.message : "undecodable" };
  }
  if (Math.abs(wallMs - decoded.sentAtMs) > limits.eventAgeMsMax) {
    return { verdict: "ignore", reason: "too old or from the future" };
  }
  return { event: decoded };
}

function decodeEvent(bytes: Uint8Array, network: Uint8Array): AppEvent {
  const reader = new Reader(bytes);
  if (reader.u8() !== eventVersion) badFormat("unknown version");
  if (!equalBytes(reader.bytes(hashBytes), network)) badFormat("of another network");
  const author = reader.bytes(authorBytes);
  const sentAtMs = Number(reader.u64());
  reader.bytes(saltBytes);
  const topic = decodeUtf8(reader.prefixed(limits.eventTopicBytesMax));
  if (topic === "") badFormat("no topic");
  const data = reader.prefixed(limits.eventBytesMax);
  const body = bytes.subarray(0, reader.offset);
  const signature = reader.bytes(signatureBytes);
  reader.end();
  if (!verifySignature(author, new Writer().bytes(eventTag).bytes(body).finish(), signature)) {
    badFormat("wrong signature");
  }
  return { topic, author: peerNameOf(author), sentAtMs, data };
}
