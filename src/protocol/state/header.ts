/**
 * Batch headers: what a writer signs. `seq` and `prev` count and chain a writer's headers in one namespace; `root` is
 * the Merkle root over the batch's entry hashes. Layout: docs/formats.md, "Header".
 */
import {
  badFormat,
  bytesName,
  concatBytes,
  decodeUtf8,
  encodeUtf8,
  Reader,
  Writer,
} from "../../core/codec.ts";
import { authorBytes, hashBytes, isNamespace, nonceBytes } from "../../core/ids.ts";
import { sha256, tag, verifySignature, type Identity } from "../../core/identity.ts";
import { limits } from "../../core/limits.ts";
import { encodeEntry, type Entry } from "./entry.ts";
import { stampMax } from "./stamp.ts";

export const formatVersion = 1;
export const signatureBytes = 64;

export type Header = {
  readonly network: Uint8Array;
  readonly namespace: string;
  readonly author: Uint8Array;
  readonly nonce: Uint8Array;
  /** From 1. */
  readonly seq: bigint;
  /** Hash of the writer's previous header in this namespace; zero for the first. */
  readonly prev: Uint8Array;
  readonly stamp: bigint;
  readonly count: number;
  readonly root: Uint8Array;
  /** Empty in this version of the network; later issues put the right to write here. */
  readonly capability: Uint8Array;
};

const headerTag = tag("coterie/header");
const leafTag = tag("coterie/leaf");
export const noHash = new Uint8Array(hashBytes);

export function encodeHeader(header: Header): Uint8Array {
  return new Writer()
    .u8(formatVersion)
    .bytes(header.network)
    .prefixed(encodeUtf8(header.namespace))
    .bytes(header.author)
    .bytes(header.nonce)
    .u64(header.seq)
    .bytes(header.prev)
    .u64(header.stamp)
    .u16(header.count)
    .bytes(header.root)
    .prefixed(header.capability)
    .finish();
}

/** Decodes and checks everything but the network and the signature; throws `BAD_FORMAT`. */
export function decodeHeader(bytes: Uint8Array): Header {
  const reader = new Reader(bytes);
  const version = reader.u8();
  if (version !== formatVersion) badFormat(`format version ${version} is not known`);
  const header: Header = {
    network: reader.bytes(hashBytes),
    namespace: decodeUtf8(reader.prefixed(limits.namespaceBytesMax)),
    author: reader.bytes(authorBytes),
    nonce: reader.bytes(nonceBytes),
    seq: reader.u64(),
    prev: reader.bytes(hashBytes),
    stamp: reader.u64(),
    count: reader.u16(),
    root: reader.bytes(hashBytes),
    capability: reader.prefixed(limits.capabilityBytesMax),
  };
  reader.end();
  if (!isNamespace(header.namespace)) badFormat("bad namespace");
  if (header.count < 1 || header.count > limits.batchEntriesMax) badFormat("bad batch size");
  if (header.stamp === 0n || header.stamp === stampMax) badFormat("bad stamp");
  if (header.seq === 0n) badFormat("bad sequence number");
  if (header.prev.every((byte) => byte === 0) !== (header.seq === 1n)) {
    badFormat("the first header, and no other, has no predecessor");
  }
  return header;
}

/** The largest encoding of a header. */
export const headerBytesMax = 320 + limits.capabilityBytesMax;

function signedMessage(encoded: Uint8Array): Uint8Array {
  return new Writer().bytes(headerTag).bytes(encoded).finish();
}

/** Names the header: SHA-256 of what is signed. The signature is no part of it. */
export function headerHash(encoded: Uint8Array): Uint8Array {
  return sha256(signedMessage(encoded));
}

export function signHeader(encoded: Uint8Array, identity: Identity): Uint8Array {
  return identity.sign(signedMessage(encoded));
}

/** Names of signed headers found right lately: an announced one is judged once more with its body, and may come by sync. */
const foundRight = new Set<string>();
const foundRightMax = 1_024;

export function verifyHeader(
  encoded: Uint8Array,
  author: Uint8Array,
  signature: Uint8Array,
): boolean {
  const name = bytesName(sha256(concatBytes(author, signature, encoded)));
  if (foundRight.has(name)) return true;
  if (!verifySignature(author, signedMessage(encoded), signature)) return false;
  if (foundRight.size >= foundRightMax) foundRight.clear();
  foundRight.add(name);
  return true;
}

export function writerOf(header: Header): Uint8Array {
  return new Writer().bytes(header.author).bytes(header.nonce).finish();
}

type LeafContext = Pick<
  Header,
  "network" | "namespace" | "author" | "nonce" | "seq" | "stamp" | "capability"
>;

/**
 * Hashes entries under one header: SHA-256(tag, version, network, namespace, writer, seq, stamp, index,
 * SHA-256(capability), entry), variable fields behind their lengths.
 */
export function leafHasher(context: LeafContext): (index: number, entry: Uint8Array) => Uint8Array {
  const prefix = new Writer()
    .bytes(leafTag)
    .u8(formatVersion)
    .bytes(context.network)
    .prefixed(encodeUtf8(context.namespace))
    .bytes(context.author)
    .bytes(context.nonce)
    .u64(context.seq)
    .u64(context.stamp)
    .finish();
  const capability = sha256(context.capability);
  const fixedBytes = prefix.length + 2 + capability.length + 4;
  let message: Uint8Array = new Uint8Array(fixedBytes + 512);
  message.set(prefix);
  message.set(capability, prefix.length + 2);
  let view = new DataView(message.buffer);
  return (index, entry) => {
    const length = fixedBytes + entry.length;
    if (length > message.length) {
      message = concatBytes(message.subarray(0, fixedBytes), new Uint8Array(2 * entry.length));
      view = new DataView(message.buffer);
    }
    view.setUint16(prefix.length, index);
    view.setUint32(fixedBytes - 4, entry.length);
    message.set(entry, fixedBytes);
    return sha256(message.subarray(0, length));
  };
}

export function encodeEntries(entries: readonly Entry[]): Uint8Array[] {
  return entries.map(encodeEntry);
}
