/**
 * The certificate of the bulk lane: X.509 v3 (RFC 5280), Ed25519 (RFC 8410), signed by its own key. It stands for nobody:
 * each side learns the SHA-256 of the other's over a connection that is authenticated already, and accepts that one only.
 */
import { generateKeyPairSync, sign } from "node:crypto";
import { encodeUtf8 } from "../../core/codec.ts";
import { sha256 } from "../../core/identity.ts";
import { limits } from "../../core/limits.ts";
import type { Clock, Random } from "../../core/ports.ts";

export type Certificate = {
  /** PEM, as `node:tls` wants them. */
  readonly cert: string;
  readonly key: string;
  readonly fingerprint: Uint8Array;
};

const types = {
  bitString: 0x03,
  integer: 0x02,
  oid: 0x06,
  utf8String: 0x0c,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  version: 0xa0,
} as const;
const ed25519 = Uint8Array.of(0x2b, 0x65, 0x70);
const commonName = Uint8Array.of(0x55, 0x04, 0x03);
const clockSkewMs = 3_600_000;

/** Valid for `limits.bulkCertificateMs` from now. */
export function makeCertificate(clock: Clock, random: Random): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const algorithm = der(types.sequence, der(types.oid, ed25519));
  const label = der(types.sequence, der(types.oid, commonName), utf8("coterie"));
  const name = der(types.sequence, der(types.set, label));
  const nowMs = clock.wallMs();
  const validity = der(
    types.sequence,
    time(nowMs - clockSkewMs),
    time(nowMs + limits.bulkCertificateMs),
  );
  const body = der(
    types.sequence,
    der(types.version, der(types.integer, Uint8Array.of(2))),
    der(types.integer, Uint8Array.of(1, ...random.bytes(8))),
    algorithm,
    name,
    validity,
    name,
    publicKey.export({ type: "spki", format: "der" }),
  );
  const signature = der(types.bitString, Uint8Array.of(0), sign(null, body, privateKey));
  const bytes = der(types.sequence, body, algorithm, signature);
  return {
    cert: pem("CERTIFICATE", bytes),
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    fingerprint: sha256(bytes),
  };
}

function der(type: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat(parts);
  const { length } = body;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Uint8Array.of(type, ...size), body]);
}

function utf8(text: string): Uint8Array {
  return der(types.utf8String, encodeUtf8(text));
}

function time(ms: number): Uint8Array {
  const digits = new Date(ms).toISOString().replaceAll(/[-:T]/g, "").slice(0, 14);
  return der(types.generalizedTime, encodeUtf8(`${digits}Z`));
}

function pem(label: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
