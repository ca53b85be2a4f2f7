/** What this node keeps of its own about life and death: its incarnation, and whom its person told it to forget. */
import { decodeUtf8, encodeUtf8, Reader, Writer } from "../core/codec.ts";
import { limits } from "../core/limits.ts";
import type { PeerName, Store } from "../core/ports.ts";
import { metaKey } from "../protocol/state/rows.ts";

const incarnationKey = metaKey("incarnation");
const forgottenKey = metaKey("forgotten");

/** 0 before the first. */
export function readIncarnation(store: Store): number {
  const row = store.get(incarnationKey);
  return row === undefined ? 0 : new Reader(row).varint();
}

export function writeIncarnation(store: Store, incarnation: number): void {
  const row = new Writer().varint(incarnation).finish();
  store.transaction((tx) => tx.put(incarnationKey, row));
}

export function readForgotten(store: Store): PeerName[] {
  const row = store.get(forgottenKey);
  return row === undefined
    ? []
    : decodeUtf8(row)
        .split(" ")
        .filter((peer) => peer !== "");
}

/** Of too many the first are remembered again. */
export function writeForgotten(store: Store, peers: Iterable<PeerName>): void {
  const kept = [...peers].slice(-limits.forgottenMembersMax);
  store.transaction((tx) => tx.put(forgottenKey, encodeUtf8(kept.join(" "))));
}
