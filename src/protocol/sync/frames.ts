/**
 * Frames of a reconciliation session: one byte of kind, then the body; layout: docs/formats.md, "Reconciliation". The
 * decoder throws `BAD_FORMAT` for whatever the encoder could not have written.
 */
import {
  badFormat,
  compareBytes,
  decodeUtf8,
  encodeUtf8,
  Reader,
  Writer,
} from "../../core/codec.ts";
import { authorBytes, hashBytes, isNamespace } from "../../core/ids.ts";
import { limits } from "../../core/limits.ts";
import type { Bound } from "../../core/ports.ts";
import {
  type Digest,
  type NamespaceDigest,
  rootBytes,
  writeDigest,
  writeDigests,
} from "./digests.ts";
import { fingerprintBytes } from "./negentropy.ts";

export const sessionVersion = 1;
export const saltBytes = 16;
export const auditHashBytes = 16;
/** Larger clocks have no stamp: it has 48 bits of milliseconds. */
const wallMsMax = 2 ** 48 - 1;
const ageSecondsMax = 2 ** 32 - 1;

/** A member (public key) and how long ago it was last heard of. */
export type HeardMember = { readonly key: Uint8Array; readonly ageSeconds: number };

export type Frame =
  | {
      readonly kind: "hello";
      readonly wallMs: number;
      /** Ascending by name. */
      readonly digests: readonly NamespaceDigest[];
      /** Ascending by key. */
      readonly heard: readonly HeardMember[];
    }
  | {
      readonly kind: "neg";
      readonly namespace: string;
      /** From a responder: push nothing in this namespace, another session brings it already. */
      readonly hold: boolean;
      readonly message: Uint8Array;
    }
  | {
      readonly kind: "want";
      readonly namespace: string;
      /** Places among the ids that the peer's last message listed, from 0; ascending. */
      readonly places: readonly number[];
    }
  | {
      readonly kind: "stream";
      readonly namespace: string;
      readonly from: Bound;
      readonly windowBytes: number;
    }
  | {
      readonly kind: "data";
      /** Bundles; the last one goes on in the next frame if `more`. */
      readonly parts: readonly Uint8Array[];
      readonly more: boolean;
    }
  | {
      readonly kind: "end";
      readonly namespace: string;
      /** Of the answering side, now. */
      readonly digest: Digest;
      /** Answer to `want`: how many of its places were dealt with, in order, found or not. */
      readonly dealt: number;
      /** Answer to `stream`: where to go on. */
      readonly next: Bound | undefined;
    }
  | { readonly kind: "offer"; readonly namespace: string }
  | {
      readonly kind: "ack";
      readonly namespace: string;
      readonly hold: boolean;
      readonly digest: Digest;
    }
  | {
      readonly kind: "audit";
      readonly namespace: string;
      readonly salt: Uint8Array;
      readonly from: Bound;
      readonly to: Bound;
      /** Entries in the range. */
      readonly count: number;
      readonly hash: Uint8Array;
    }
  | { readonly kind: "audited"; readonly namespace: string; readonly same: boolean }
  | { readonly kind: "hint"; readonly asOfMs: number; readonly root: Uint8Array }
  | {
      readonly kind: "bye";
      readonly reason: ByeReason;
      /** With `equal`: of the digests that the one who says it ended with. */
      readonly root: Uint8Array | undefined;
    };

/** How the one who says it sees the end. */
export type ByeReason = "equal" | "different" | "busy";

const kinds = {
  hello: 1,
  neg: 2,
  want: 3,
  stream: 4,
  data: 5,
  end: 6,
  offer: 7,
  ack: 8,
  hint: 9,
  bye: 10,
  audit: 11,
  audited: 12,
} as const;
const byeReasons: readonly ByeReason[] = ["equal", "different", "busy"];

/** Largest Negentropy message that fits a frame beside the longest namespace. */
export const negBytesMax = limits.syncFrameBytesMax - 128;

export function encodeFrame(frame: Frame): Uint8Array {
  const out = new Writer().u8(kinds[frame.kind]);
  if ("namespace" in frame) out.prefixed(encodeUtf8(frame.namespace));
  switch (frame.kind) {
    case "hello":
      out.varint(sessionVersion).varint(frame.wallMs);
      writeDigests(out, frame.digests);
      out.varint(frame.heard.length);
      for (const { key, ageSeconds } of frame.heard) out.bytes(key).varint(ageSeconds);
      break;
    case "neg":
      out.u8(Number(frame.hold)).bytes(frame.message);
      break;
    case "want":
      writePlaces(out, frame.places);
      break;
    case "stream":
      writeBound(out, frame.from);
      out.varint(frame.windowBytes);
      break;
    case "data":
      out.u8(Number(frame.more));
      for (const part of frame.parts) out.prefixed(part);
      break;
    case "end":
      writeDigest(out, frame.digest);
      out.varint(frame.dealt).u8(Number(frame.next !== undefined));
      if (frame.next !== undefined) writeBound(out, frame.next);
      break;
    case "offer":
      break;
    case "ack":
      out.u8(Number(frame.hold));
      writeDigest(out, frame.digest);
      break;
    case "audit":
      out.bytes(frame.salt);
      writeBound(out, frame.from);
      writeBound(out, frame.to);
      out.varint(frame.count).bytes(frame.hash);
      break;
    case "audited":
      out.u8(Number(frame.same));
      break;
    case "hint":
      out.varint(frame.asOfMs).bytes(frame.root);
      break;
    case "bye":
      out.u8(byeReasons.indexOf(frame.reason));
      if (frame.root !== undefined) out.bytes(frame.root);
      break;
  }
  return out.finish();
}

/** Throws `BAD_FORMAT`. Byte fields are views into `bytes`. */
export function decodeFrame(bytes: Uint8Array): Frame {
  if (bytes.length > limits.syncFrameBytesMax) badFormat("frame too large");
  const reader = new Reader(bytes);
  const frame = readFrame(reader, reader.u8());
  reader.end();
  return frame;
}

function readFrame(reader: Reader, kind: number): Frame {
  switch (kind) {
    case kinds.hello:
      return readHello(reader);
    case kinds.neg: {
      const namespace = readNamespace(reader);
      const hold = readFlag(reader);
      return { kind: "neg", namespace, hold, message: reader.bytes(reader.remaining) };
    }
    case kinds.want: {
      const namespace = readNamespace(reader);
      return { kind: "want", namespace, places: readPlaces(reader) };
    }
    case kinds.stream: {
      const namespace = readNamespace(reader);
      const from = readBound(reader);
      const windowBytes = readNumber(reader, limits.syncWindowBytes);
      if (windowBytes === 0) badFormat("a window of nothing");
      return { kind: "stream", namespace, from, windowBytes };
    }
    case kinds.data:
      return readData(reader);
    case kinds.end: {
      const namespace = readNamespace(reader);
      const digest = readDigest(reader);
      const dealt = readNumber(reader, limits.syncIdsPerFrameMax);
      const next = readFlag(reader) ? readBound(reader) : undefined;
      return { kind: "end", namespace, digest, dealt, next };
    }
    case kinds.offer:
      return { kind: "offer", namespace: readNamespace(reader) };
    case kinds.ack: {
      const namespace = readNamespace(reader);
      const hold = readFlag(reader);
      return { kind: "ack", namespace, hold, digest: readDigest(reader) };
    }
    case kinds.audit:
      return readAudit(reader);
    case kinds.audited: {
      const namespace = readNamespace(reader);
      return { kind: "audited", namespace, same: readFlag(reader) };
    }
    case kinds.hint: {
      const asOfMs = readNumber(reader, wallMsMax);
      return { kind: "hint", asOfMs, root: reader.bytes(rootBytes) };
    }
    case kinds.bye: {
      const reason = byeReasons[reader.u8()] ?? badFormat("unknown reason of a goodbye");
      const root = reason === "equal" ? reader.bytes(rootBytes) : undefined;
      return { kind: "bye", reason, root };
    }
    default:
      return badFormat("unknown kind of frame");
  }
}

function readHello(reader: Reader): Frame {
  if (reader.varint() !== sessionVersion) badFormat("another version of sessions");
  const wallMs = readNumber(reader, wallMsMax);
  const digests = readList(reader, limits.namespacesMax, () => {
    const namespace = readNamespace(reader);
    return { namespace, ...readDigest(reader) };
  });
  ascending(digests.map(({ namespace }) => encodeUtf8(namespace)));
  const heard = readList(reader, limits.heardMembersMax, () => ({
    key: reader.bytes(authorBytes),
    ageSeconds: readNumber(reader, ageSecondsMax),
  }));
  ascending(heard.map(({ key }) => key));
  return { kind: "hello", wallMs, digests, heard };
}

function readData(reader: Reader): Frame {
  const more = readFlag(reader);
  const parts: Uint8Array[] = [];
  while (reader.remaining > 0) {
    const part = reader.prefixed(limits.syncFrameBytesMax);
    if (part.length === 0) badFormat("an empty part of a bundle");
    parts.push(part);
  }
  if (parts.length === 0 || parts.length > limits.syncBundlesPerFrameMax) {
    badFormat("number of bundles out of range");
  }
  return { kind: "data", parts, more };
}

function readAudit(reader: Reader): Frame {
  const namespace = readNamespace(reader);
  const salt = reader.bytes(saltBytes);
  const [from, to] = [readBound(reader), readBound(reader)];
  const count = readNumber(reader, limits.syncAuditEntries);
  return { kind: "audit", namespace, salt, from, to, count, hash: reader.bytes(auditHashBytes) };
}

function readDigest(reader: Reader): Digest {
  const count = reader.varint();
  return { count, fingerprint: reader.bytes(fingerprintBytes) };
}

function readNamespace(reader: Reader): string {
  const name = decodeUtf8(reader.prefixed(limits.namespaceBytesMax));
  return isNamespace(name) ? name : badFormat("not a namespace");
}

function readNumber(reader: Reader, max: number): number {
  const value = reader.varint();
  return value <= max ? value : badFormat("number out of range");
}

function readFlag(reader: Reader): boolean {
  const byte = reader.u8();
  return byte <= 1 ? byte === 1 : badFormat("unknown flags");
}

/** Each as how many places it lies behind the one before it. */
function writePlaces(out: Writer, places: readonly number[]): void {
  out.varint(places.length);
  let next = 0;
  for (const place of places) {
    out.varint(place - next);
    next = place + 1;
  }
}

function readPlaces(reader: Reader): number[] {
  let next = 0;
  return readList(reader, limits.syncIdsPerFrameMax, () => {
    const place = next + readNumber(reader, limits.syncFrameBytesMax);
    next = place + 1;
    return place;
  });
}

function readList<T>(reader: Reader, max: number, read: () => T): T[] {
  const count = readNumber(reader, max);
  const list: T[] = [];
  while (list.length < count) list.push(read());
  return list;
}

function readBound(reader: Reader): Bound {
  return { ts: reader.u64(), id: reader.prefixed(hashBytes) };
}

function writeBound(out: Writer, bound: Bound): void {
  out.u64(bound.ts).prefixed(bound.id);
}

function ascending(names: readonly Uint8Array[]): void {
  for (let index = 1; index < names.length; index++) {
    if (compareBytes(names[index - 1]!, names[index]!) >= 0) badFormat("a list out of order");
  }
}
