/**
 * How far bulk transfers came, by peer and namespace, so that one that was cut off goes on where it stopped. The
 * position is with the one who pulls; the other keeps only the fact, so that whoever opens the next session goes on.
 */
import { limits } from "../../core/limits.ts";
import type { Bound, PeerName } from "../../core/ports.ts";

export class Cursors {
  readonly #pulls = new Map<string, Bound>();
  readonly #served = new Map<string, true>();

  /** Where to go on with pulling; undefined when no pull is unfinished. */
  position(peer: PeerName, namespace: string): Bound | undefined {
    return this.#pulls.get(keyOf(peer, namespace));
  }

  /** `position` undefined ends the pull. */
  moved(peer: PeerName, namespace: string, position: Bound | undefined): void {
    put(this.#pulls, keyOf(peer, namespace), position);
  }

  /** True when the peer has not pulled to the end what it began to. */
  isServing(peer: PeerName, namespace: string): boolean {
    return this.#served.has(keyOf(peer, namespace));
  }

  served(peer: PeerName, namespace: string, unfinished: boolean): void {
    put(this.#served, keyOf(peer, namespace), unfinished || undefined);
  }
}

function put<T>(map: Map<string, T>, key: string, value: T | undefined): void {
  map.delete(key);
  if (value === undefined) return;
  if (map.size >= limits.syncCursorsMax) {
    const oldest = map.keys().next();
    if (!oldest.done) map.delete(oldest.value);
  }
  map.set(key, value);
}

function keyOf(peer: PeerName, namespace: string): string {
  return `${peer}/${namespace}`;
}
