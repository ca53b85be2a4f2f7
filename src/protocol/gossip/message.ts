/**
 * What travels on a namespace's topic: one byte of kind, then the body. Kind 1 is a bundle in full. Kind 2 is kept for
 * the announcement of a batch whose body is pulled; a node ignores kinds it does not know.
 */
import { concatBytes } from "../../core/codec.ts";
import { limits } from "../../core/limits.ts";

const bundleKind = 1;

/** Undefined when the bundle is too large for a gossip message; reconciliation carries it then. */
export function encodeBundleMessage(bundle: Uint8Array): Uint8Array | undefined {
  if (bundle.length + 1 > limits.gossipMessageBytesMax) return undefined;
  return concatBytes(Uint8Array.of(bundleKind), bundle);
}

/** The bundle, or undefined for an unknown kind. */
export function decodeBundleMessage(data: Uint8Array): Uint8Array | undefined {
  return data[0] === bundleKind ? data.subarray(1) : undefined;
}
