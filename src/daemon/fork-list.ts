/** Whose writers forked, from the proofs and closings in namespace `sys`. */
import { bytesName } from "../core/codec.ts";
import { peerNameOf } from "../core/ids.ts";
import type { PeerName } from "../core/ports.ts";
import type { Fork } from "../protocol/membership/roster.ts";
import { closedWriter } from "../protocol/state/closing.ts";
import { authorOfWriter, forkedWriter } from "../protocol/state/fork-proof.ts";

/** A member with a proof against a writer that it did not close is an equivocator, whatever else it closed. */
export function forkList(keys: Iterable<string>): Map<PeerName, Fork> {
  const closed = new Set<string>();
  const forked: Uint8Array[] = [];
  const forks = new Map<PeerName, Fork>();
  for (const key of keys) {
    const proven = forkedWriter(key);
    if (proven !== undefined) forked.push(proven);
    const writer = closedWriter(key);
    if (writer === undefined) continue;
    closed.add(bytesName(writer));
    forks.set(peerOf(writer), "forked");
  }
  for (const writer of forked) {
    if (!closed.has(bytesName(writer))) forks.set(peerOf(writer), "equivocator");
  }
  return forks;
}

function peerOf(writer: Uint8Array): PeerName {
  return peerNameOf(authorOfWriter(writer));
}
