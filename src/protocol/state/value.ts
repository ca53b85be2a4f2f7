/**
 * Bodies of `register` entries: one byte of kind, then the value. `text` is UTF-8, `json` is JSON text exactly as
 * written, `bytes` is anything. A kind that this version does not know reads as bytes.
 */
import { concatBytes } from "../../core/codec.ts";

const kinds = ["bytes", "text", "json"] as const;
export type ValueKind = (typeof kinds)[number];
export type RegisterValue = { readonly kind: ValueKind; readonly bytes: Uint8Array };

export function encodeValue(value: RegisterValue): Uint8Array {
  return concatBytes(Uint8Array.of(kinds.indexOf(value.kind)), value.bytes);
}

export function decodeValue(body: Uint8Array): RegisterValue {
  const kind = kinds[body[0] ?? 0];
  return kind === undefined
    ? { kind: "bytes", bytes: body.slice() }
    : { kind, bytes: body.slice(1) };
}
