/**
 * When to audit, what, and how far it came. Equal digests mean equal states so far as nobody collided the sums they are
 * made of; so now and then, with a neighbour whose digests are equal, a few slices of a namespace are compared by hashes
 * under a salt that was not known when the entries were made. The position outlives the session.
 */
import { limits } from "../../core/limits.ts";
import type { Bound, PeerName, Random } from "../../core/ports.ts";
import { Cursors } from "./cursors.ts";

export class Audits {
  readonly #random: Random;
  readonly #positions = new Cursors();
  #dueMs: number | undefined;
  #count = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** The namespace to audit now, in turn, if it is time for one; asking sets the time for the next. */
  next(namespaces: readonly string[], nowMs: number): string | undefined {
    const isFirst = this.#dueMs === undefined;
    if (namespaces.length === 0 || nowMs < (this.#dueMs ?? nowMs)) return undefined;
    this.#dueMs = nowMs + limits.syncAuditIntervalMs * (0.75 + this.#random.float() / 2);
    return isFirst ? undefined : namespaces[this.#count++ % namespaces.length];
  }

  salt(bytes: number): Uint8Array {
    return this.#random.bytes(bytes);
  }

  position(peer: PeerName, namespace: string): Bound | undefined {
    return this.#positions.position(peer, namespace);
  }

  /** `position` undefined: the end was reached, and the next audit begins anew. */
  moved(peer: PeerName, namespace: string, position: Bound | undefined): void {
    this.#positions.moved(peer, namespace, position);
  }
}
