/**
 * What travels on a namespace's topic: one byte of kind, then the body. Kind 1 is a bundle in full; kind 2 announces a
 * batch whose body is pulled (announcement.ts). A node ignores kinds it does not know.
 */
import { concatBytes } from "../../core/codec.ts";
import { limits } from "../../core/limits.ts";

export const messageKinds = { bundle: 1, announcement: 2 } as const;

/** Undefined when the bundle is too large for a gossip message; it is announced then. */
export function encodeBundleMessage(bundle: Uint8Array): Uint8Array | undefined {
  if (bundle.length + 1 > limits.gossipMessageBytesMax) return undefined;
  return concatBytes(Uint8Array.of(messageKinds.bundle), bundle);
}

/** The bundle, or undefined for another kind. */
export function decodeBundleMessage(data: Uint8Array): Uint8Array | undefined {
  return data[0] === messageKinds.bundle ? data.subarray(1) : undefined;
}
