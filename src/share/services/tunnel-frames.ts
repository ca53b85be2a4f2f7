/**
 * How a tunnel begins. The asker sends which service it wants, the provider whether it gives it; after an `ok` the bytes
 * of target and client follow, untouched. The provider opens its target only for those it lets in, and answers `ok` only
 * once the target has taken the connection, so that whoever is refused may go elsewhere: nothing has been sent yet.
 */
import { concatBytes, decodeUtf8, encodeUtf8 } from "../../core/codec.ts";
import { CoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import { isServiceName } from "./service-name.ts";

const version = 1;

/** Why a provider does not give a service; the byte on the wire is the place in this list, from 1. */
export const refusals = ["unknown", "forbidden", "busy", "unhealthy", "draining"] as const;
export type Refusal = (typeof refusals)[number];
export type Answer = "ok" | Refusal;

export const answerBytes = 2;

/** `version, u8 | length of the name, u8 | name`. */
export function encodeRequest(service: string): Uint8Array {
  const name = encodeUtf8(service);
  return concatBytes(Uint8Array.of(version, name.length), name);
}

/** Undefined until it is whole; `size` is what of `bytes` it takes. Throws `BAD_FORMAT`. */
export function decodeRequest(bytes: Uint8Array): { service: string; size: number } | undefined {
  const [given, length] = bytes;
  if (given !== undefined && given !== version) bad(`a tunnel of version ${given}`);
  if (length === undefined) return undefined;
  if (length === 0 || length > limits.serviceNameBytesMax) bad("a name of no service");
  const size = 2 + length;
  if (bytes.length < size) return undefined;
  const service = decodeUtf8(bytes.subarray(2, size));
  if (!isServiceName(service)) bad("a name of no service");
  return { service, size };
}

/** `version, u8 | 0 for ok, else why not, u8`. */
export function encodeAnswer(answer: Answer): Uint8Array {
  return Uint8Array.of(version, answer === "ok" ? 0 : refusals.indexOf(answer) + 1);
}

/** A reason that this version does not know counts as `busy`: another provider may do. */
export function decodeAnswer(bytes: Uint8Array): { answer: Answer; size: number } | undefined {
  const [given, code] = bytes;
  if (given !== undefined && given !== version) bad(`a tunnel of version ${given}`);
  if (code === undefined) return undefined;
  return { answer: code === 0 ? "ok" : (refusals[code - 1] ?? "busy"), size: answerBytes };
}

function bad(what: string): never {
  throw new CoterieError("BAD_FORMAT", `the peer asked for ${what}`);
}
