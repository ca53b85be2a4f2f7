/** A writer's position in one namespace: its last sequence number and the hash of that header. */
import { Reader, toHex, Writer } from "../../core/codec.ts";
import { hashBytes } from "../../core/ids.ts";
import type { StoreReader } from "../../core/ports.ts";
import type { SignedHeader } from "./bundle.ts";
import { noHash } from "./header.ts";
import { metaKey } from "./rows.ts";

export type ChainPosition = { readonly seq: bigint; readonly hash: Uint8Array };

export function chainKey(namespace: string, nonce: Uint8Array): Uint8Array {
  return metaKey(`chain/${toHex(nonce)}/${namespace}`);
}

export function encodeChain(signed: SignedHeader): Uint8Array {
  return new Writer().u64(signed.header.seq).bytes(signed.hash).finish();
}

export function readChain(store: StoreReader, namespace: string, nonce: Uint8Array): ChainPosition {
  const row = store.get(chainKey(namespace, nonce));
  if (row === undefined) return { seq: 0n, hash: noHash };
  const reader = new Reader(row);
  return { seq: reader.u64(), hash: reader.bytes(hashBytes).slice() };
}
