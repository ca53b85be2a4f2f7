/**
 * Proof that a writer forked: two of its headers for one place, signed. It is the body of a register in namespace `sys`
 * under a key that names the writer, and verifies itself: nothing else is accepted under such a key, so that nobody can
 * overwrite or delete it. Layout: docs/formats.md, "Forks".
 */
import {
  badFormat,
  compareBytes,
  equalBytes,
  fromHex,
  Reader,
  toHex,
  Writer,
} from "../../core/codec.ts";
import { CoterieError } from "../../core/errors.ts";
import { authorBytes, writerBytes } from "../../core/ids.ts";
import { classes, type Entry } from "./entry.ts";
import {
  decodeHeader,
  headerBytesMax,
  headerHash,
  signatureBytes,
  verifyHeader,
  writerOf,
  type Header,
} from "./header.ts";
import { decodeValue, encodeValue } from "./value.ts";

/** A header as it was signed. */
export type Signed = { readonly encoded: Uint8Array; readonly signature: Uint8Array };

const keyPrefix = "forks/";
const registerType = "register";

export function forkKey(writer: Uint8Array): string {
  return keyPrefix + toHex(writer);
}

/** Begins the keys of all proofs against an author, or against anybody. */
export function forkKeys(author: Uint8Array = new Uint8Array(0)): string {
  return keyPrefix + toHex(author);
}

/** The writer that a key of `sys` is about, or undefined. */
export function forkedWriter(key: string): Uint8Array | undefined {
  const hex = key.slice(keyPrefix.length);
  const isOne = key.startsWith(keyPrefix) && /^[0-9a-f]+$/.test(hex);
  return isOne && hex.length === 2 * writerBytes ? fromHex(hex) : undefined;
}

export function authorOfWriter(writer: Uint8Array): Uint8Array {
  return writer.subarray(0, authorBytes);
}

/** The headers in the order of their hashes, so that one pair is one body. */
export function forkProof(writer: Uint8Array, pair: readonly [Signed, Signed]): Entry {
  const out = new Writer();
  const ordered = pair.toSorted((a, b) =>
    compareBytes(headerHash(a.encoded), headerHash(b.encoded)),
  );
  for (const { encoded, signature } of ordered) out.prefixed(encoded).bytes(signature);
  const body = encodeValue({ kind: "bytes", bytes: out.finish() });
  return { class: classes.last, type: registerType, key: forkKey(writer), body };
}

/** Why an entry of `sys` under such a key is refused, or undefined. */
export function forkProofFault(network: Uint8Array, entry: Entry): string | undefined {
  if (!entry.key.startsWith(keyPrefix)) return undefined;
  const writer = forkedWriter(entry.key);
  if (writer === undefined) return "not the key of a fork's proof";
  const isRegister = entry.class === classes.last && entry.type === registerType;
  if (!isRegister || entry.body === undefined || entry.expires !== undefined) {
    return "not a proof of a fork";
  }
  try {
    const headers = forkedHeaders(entry.body).map(({ header, hash, encoded, signature }) => {
      const isWriters = equalBytes(writerOf(header), writer) && equalBytes(header.network, network);
      if (!isWriters) badFormat("a fork's proof with another writer's header");
      if (!verifyHeader(encoded, header.author, signature)) badFormat("a fork's proof not signed");
      return { header, hash };
    });
    return isFork(headers) ? undefined : "two headers that prove no fork";
  } catch (error) {
    if (error instanceof CoterieError && error.code === "BAD_FORMAT") return error.message;
    throw error;
  }
}

export type ForkedHeader = Signed & { readonly header: Header; readonly hash: Uint8Array };

/** The two headers of a proof; throws `BAD_FORMAT`. */
export function forkedHeaders(body: Uint8Array): readonly ForkedHeader[] {
  const { kind, bytes } = decodeValue(body);
  if (kind !== "bytes" || body[0] !== 0) badFormat("a fork's proof is bytes");
  const reader = new Reader(bytes);
  const headers = [0, 1].map(() => {
    const encoded = reader.prefixed(headerBytesMax);
    const signature = reader.bytes(signatureBytes);
    return { encoded, signature, header: decodeHeader(encoded), hash: headerHash(encoded) };
  });
  reader.end();
  return headers;
}

function isFork([a, b]: readonly Pick<ForkedHeader, "header" | "hash">[]): boolean {
  if (a === undefined || b === undefined || compareBytes(a.hash, b.hash) >= 0) return false;
  const isOnePlace = a.header.seq === b.header.seq || a.header.stamp === b.header.stamp;
  return isOnePlace && a.header.namespace === b.header.namespace;
}
