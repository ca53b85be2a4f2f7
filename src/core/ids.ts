/**
 * Names of things as bytes and as text. An author is a raw Ed25519 public key (32 bytes) whose text form is the
 * libp2p peer id: base58btc of the identity multihash of the protobuf-encoded key (libp2p specs, peer-ids).
 * A writer is an author and a 64-bit nonce (40 bytes in all).
 */
import { base58btc } from "multiformats/bases/base58";
import { badFormat, compareBytes, concatBytes, encodeUtf8 } from "./codec.ts";
import type { PeerName } from "./ports.ts";
import { limits } from "./limits.ts";

export const authorBytes = 32;
export const nonceBytes = 8;
export const writerBytes = authorBytes + nonceBytes;
export const hashBytes = 32;

/** identity multihash, 36 bytes: protobuf {1: Ed25519 (1), 2: 32 bytes} */
const peerIdPrefix = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20);

export function peerNameOf(author: Uint8Array): PeerName {
  return base58btc.baseEncode(concatBytes(peerIdPrefix, author));
}

/** The public key inside a peer id; throws `BAD_FORMAT` for anything but an Ed25519 identity. */
export function authorOf(peer: PeerName): Uint8Array {
  if (peer.length > 64) badFormat("not an Ed25519 peer id");
  let bytes: Uint8Array;
  try {
    bytes = base58btc.baseDecode(peer);
  } catch {
    return badFormat("not a peer id in base58btc");
  }
  const prefix = bytes.subarray(0, peerIdPrefix.length);
  if (
    bytes.length !== peerIdPrefix.length + authorBytes ||
    compareBytes(prefix, peerIdPrefix) !== 0
  ) {
    badFormat("not an Ed25519 peer id");
  }
  return bytes.slice(peerIdPrefix.length);
}

export function isPeerName(text: string): boolean {
  try {
    authorOf(text);
    return true;
  } catch {
    return false;
  }
}

/** Lower-case letters, digits and inner hyphens, 1 to 63 bytes: a DNS label. */
export function isNamespace(name: string): boolean {
  return name.length <= limits.namespaceBytesMax && /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(name);
}

/** Label of a value's type: a lower-case letter, then letters, digits, dots, hyphens; 1 to 32 bytes. */
export function isTypeLabel(label: string): boolean {
  return label.length <= limits.typeBytesMax && /^[a-z][a-z0-9.-]*$/.test(label);
}

/** Why a text cannot be a key, or undefined when it can: 1 to 1,024 bytes of well-formed UTF-8 without U+0000. */
export function keyFault(key: string): string | undefined {
  if (key === "") return "a key cannot be empty";
  if (!key.isWellFormed()) return "a key must be well-formed Unicode (it has a lone surrogate)";
  if (key.includes("\0")) return "a key cannot contain U+0000";
  const length = encodeUtf8(key).length;
  if (length > limits.keyBytesMax) {
    return `a key is at most ${limits.keyBytesMax} bytes; this one has ${length}`;
  }
  return undefined;
}
