/**
 * Ed25519 keys and SHA-256, from `node:crypto`'s synchronous functions (deterministic, so the simulator may use them).
 * Key objects are costly to make (about 30 us), so those of authors are cached.
 */
import {
  createPrivateKey,
  createPublicKey,
  hash as oneShotHash,
  sign as cryptoSign,
  verify as cryptoVerify,
  type KeyObject,
} from "node:crypto";
import { bytesName, concatBytes, encodeUtf8, piece } from "./codec.ts";
import { CoterieError } from "./errors.ts";
import { hashBytes, peerNameOf } from "./ids.ts";
import { limits } from "./limits.ts";
import type { PeerName } from "./ports.ts";

/** PKCS #8 and SubjectPublicKeyInfo headers of a raw Ed25519 key (RFC 8410). */
const pkcs8Prefix = Uint8Array.from([
  0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
]);
const spkiPrefix = Uint8Array.from([
  0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
]);

/** As a string it costs a fifth of what a buffer does to come back from native code. */
export function sha256(bytes: Uint8Array): Uint8Array {
  const text = oneShotHash("sha256", bytes, "binary");
  const hash = piece(hashBytes);
  for (let index = 0; index < hashBytes; index++) hash[index] = text.charCodeAt(index);
  return hash;
}

/** A domain tag as it opens every hashed or signed message: one length byte, then ASCII. */
export function tag(name: string): Uint8Array {
  const ascii = encodeUtf8(name);
  return concatBytes(Uint8Array.of(ascii.length), ascii);
}

/** A signing key with its public half in both forms. */
export type Identity = {
  /** 32 bytes, the Ed25519 seed (RFC 8032). */
  readonly seed: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly peer: PeerName;
  sign(message: Uint8Array): Uint8Array;
};

/** The identity of a 32-byte seed; throws `BAD_IDENTITY` for another length. */
export function identityFromSeed(seed: Uint8Array): Identity {
  if (seed.length !== 32) {
    throw new CoterieError("BAD_IDENTITY", `an Ed25519 seed has 32 bytes, not ${seed.length}`);
  }
  const key = createPrivateKey({
    key: Buffer.from(concatBytes(pkcs8Prefix, seed)),
    format: "der",
    type: "pkcs8",
  });
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  const publicKey = new Uint8Array(spki.subarray(spkiPrefix.length));
  return {
    seed: seed.slice(),
    publicKey,
    peer: peerNameOf(publicKey),
    sign: (message) => new Uint8Array(cryptoSign(null, message, key)),
  };
}

const publicKeys = new Map<string, KeyObject>();

function publicKeyObject(publicKey: Uint8Array): KeyObject {
  const name = bytesName(publicKey);
  const cached = publicKeys.get(name);
  if (cached !== undefined) return cached;
  const key = createPublicKey({
    key: Buffer.from(concatBytes(spkiPrefix, publicKey)),
    format: "der",
    type: "spki",
  });
  if (publicKeys.size >= limits.authorKeysCached) {
    const oldest = publicKeys.keys().next().value;
    if (oldest !== undefined) publicKeys.delete(oldest);
  }
  publicKeys.set(name, key);
  return key;
}

/** False for a wrong signature and for bytes that are no key at all. */
export function verifySignature(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  try {
    return cryptoVerify(null, message, publicKeyObject(publicKey), signature);
  } catch {
    return false; // OpenSSL refuses a point that is not on the curve by throwing
  }
}
