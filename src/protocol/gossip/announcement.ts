/**
 * The announcement of a batch: its signed head, and size and hash of the body that is pulled from whoever announced it.
 * A node relays it once it has the body and found it sound, so each that relays can be asked; and since the hash is of
 * the body's bytes, an announcement stands for one body and nobody else's fault. Layout: docs/formats.md, "Gossip".
 */
import { Reader, Writer } from "../../core/codec.ts";
import { hashBytes } from "../../core/ids.ts";
import { limits } from "../../core/limits.ts";
import { messageKinds } from "./message.ts";

export type Announcement = {
  /** Header and signature; opaque here. */
  readonly head: Uint8Array;
  /** Bytes of the body. */
  readonly size: number;
  /** SHA-256 of the body. */
  readonly hash: Uint8Array;
};

export function encodeAnnouncement({ head, size, hash }: Announcement): Uint8Array {
  return new Writer()
    .u8(messageKinds.announcement)
    .prefixed(head)
    .varint(size)
    .bytes(hash)
    .finish();
}

export function isAnnouncement(data: Uint8Array): boolean {
  return data[0] === messageKinds.announcement;
}

/** Throws `BAD_FORMAT`. */
export function decodeAnnouncement(data: Uint8Array): Announcement {
  const reader = new Reader(data);
  reader.u8();
  const head = reader.prefixed(limits.gossipMessageBytesMax);
  const size = reader.varint();
  const hash = reader.bytes(hashBytes);
  reader.end();
  return { head, size, hash };
}
