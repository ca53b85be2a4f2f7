/** Digests of namespaces over a bounded range, as hello and end frames carry them; a root stands for all of them. */
import { compareBytes, encodeUtf8, equalBytes, Writer } from "../../core/codec.ts";
import { sha256, tag } from "../../core/identity.ts";
import { limits } from "../../core/limits.ts";
import type { Bound, Replica } from "../../core/ports.ts";
import { fingerprintOf } from "./negentropy.ts";
import { endBound } from "./position.ts";

/** Number of live entries and their Negentropy fingerprint (16 bytes). */
export type Digest = { readonly count: number; readonly fingerprint: Uint8Array };
export type NamespaceDigest = Digest & { readonly namespace: string };

export const rootBytes = 16;
const rootTag = tag("coterie/sync/root");
export const emptyDigest: Digest = {
  count: 0,
  fingerprint: fingerprintOf({ count: 0, sum: new Uint8Array(32) }),
};

export function digestOf(replica: Replica, namespace: string, from: Bound): Digest {
  const summary = replica.summary(namespace, from, endBound);
  return { count: summary.count, fingerprint: fingerprintOf(summary) };
}

/** Digests of all namespaces that hold something at or after `from`, in bytewise order of their names. */
export function digestsOf(replica: Replica, from: Bound): NamespaceDigest[] {
  return replica
    .namespaces()
    .slice(0, limits.namespacesMax)
    .map((namespace) => ({ namespace, ...digestOf(replica, namespace, from) }))
    .filter((digest) => digest.count > 0)
    .toSorted((a, b) => compareBytes(encodeUtf8(a.namespace), encodeUtf8(b.namespace)));
}

export function sameDigest(a: Digest, b: Digest): boolean {
  return a.count === b.count && equalBytes(a.fingerprint, b.fingerprint);
}

export function writeDigest(out: Writer, digest: Digest): void {
  out.varint(digest.count).bytes(digest.fingerprint);
}

export function writeDigests(out: Writer, digests: readonly NamespaceDigest[]): void {
  out.varint(digests.length);
  for (const digest of digests) {
    out.prefixed(encodeUtf8(digest.namespace));
    writeDigest(out, digest);
  }
}

/** First 16 bytes of the hash of a list of digests; equal roots mean equal states, so far as fingerprints do. */
export function rootOf(digests: readonly NamespaceDigest[]): Uint8Array {
  const out = new Writer();
  out.bytes(rootTag);
  writeDigests(out, digests);
  return sha256(out.view()).subarray(0, rootBytes);
}
