/** Members that this node's person does not want to see while they are not alive. Kept here only; nobody else hears of it. */
import { readForgotten, writeForgotten } from "./life-memory.ts";
import type { PeerName, Store } from "../core/ports.ts";
import type { Roster } from "../protocol/membership/roster.ts";

export type ForgottenParts = { readonly store: Store; readonly roster: Roster };

export class Forgotten {
  readonly #parts: ForgottenParts;
  readonly #peers: Set<PeerName>;

  constructor(parts: ForgottenParts) {
    this.#parts = parts;
    this.#peers = new Set(readForgotten(parts.store));
    parts.roster.setForgotten(this.#peers);
  }

  /** Throws what the store throws. */
  forget(peer: PeerName): void {
    this.#peers.delete(peer);
    this.#peers.add(peer);
    this.#keep();
  }

  /** It is back. */
  remember(peer: PeerName): void {
    if (this.#peers.delete(peer)) this.#keep();
  }

  #keep(): void {
    writeForgotten(this.#parts.store, this.#peers);
    this.#parts.roster.setForgotten(this.#peers);
  }
}
