/**
 * A whole batch in two parts, for gossip: the head is what its writer signed, the body its entries. Entries of a batch
 * are alike where they are dull (class, type, length of the key, often the key's beginning), so each is written as what
 * differs from the one before it (front coding): about 14 bytes less for each register. Layout: docs/formats.md,
 * "Gossip".
 */
import { badFormat, concatBytes, Reader, Writer } from "../../core/codec.ts";
import { limits } from "../../core/limits.ts";
import { decodeHeader, headerBytesMax, signatureBytes, type Header } from "./header.ts";
import { LeafSet } from "./merkle.ts";

export type BatchHead = {
  readonly header: Header;
  /** As signed. */
  readonly encoded: Uint8Array;
  readonly signature: Uint8Array;
};

/** Splits a bundle that holds all entries of its batch; throws `BAD_FORMAT` for any other. */
export function splitBatch(bundle: Uint8Array): { head: Uint8Array; body: Uint8Array } {
  const reader = new Reader(bundle);
  const { count } = decodeHeader(reader.prefixed(headerBytesMax));
  reader.bytes(signatureBytes);
  const head = bundle.subarray(0, reader.offset);
  if (LeafSet.decode(count, reader.bytes(Math.ceil(count / 8))).size !== count) {
    badFormat("not a whole batch");
  }
  const out = new Writer();
  let before: Uint8Array = new Uint8Array(0);
  for (let index = 0; index < count; index++) {
    const entry = reader.prefixed(bundle.length);
    const shared = sharedLength(before, entry);
    out.varint(shared).prefixed(entry.subarray(shared));
    before = entry;
  }
  reader.end();
  return { head, body: out.finish() };
}

/** Throws `BAD_FORMAT`. */
export function decodeBatchHead(head: Uint8Array): BatchHead {
  const reader = new Reader(head);
  const encoded = reader.prefixed(headerBytesMax);
  const signature = reader.bytes(signatureBytes);
  reader.end();
  return { header: decodeHeader(encoded), encoded, signature };
}

/** The bundle again; throws `BAD_FORMAT`. What a body grows to is bounded before it is made. */
export function joinBatch(head: Uint8Array, body: Uint8Array): Uint8Array {
  const { count } = decodeBatchHead(head).header;
  const reader = new Reader(body);
  const out = new Writer().bytes(LeafSet.all(count).bits);
  let before: Uint8Array = new Uint8Array(0);
  for (let index = 0; index < count; index++) {
    const shared = reader.varint();
    if (shared > before.length) badFormat("more is shared than there is");
    const rest = reader.prefixed(limits.entryBytesMax);
    const length = shared + rest.length;
    if (length > limits.entryBytesMax || out.length + length > limits.syncBundleBytesMax) {
      badFormat("a batch over the limit");
    }
    const entry: Uint8Array = concatBytes(before.subarray(0, shared), rest);
    if (sharedLength(before, entry) !== shared) badFormat("an entry not in its shortest form");
    out.prefixed(entry);
    before = entry;
  }
  reader.end();
  return concatBytes(head, out.finish());
}

function sharedLength(a: Uint8Array, b: Uint8Array): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a[length] === b[length]) length++;
  return length;
}
