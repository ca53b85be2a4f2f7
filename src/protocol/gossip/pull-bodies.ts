/**
 * Bodies that neighbours may pull: those written here and those pulled and found sound, for as long as news of them
 * travels. Bounded by bytes and number; the oldest go first. A body is given to each peer once, since what a peer makes
 * us send is bounded too.
 */
import { limits } from "../../core/limits.ts";
import type { PeerName } from "../../core/ports.ts";

type Kept = { readonly body: Uint8Array; readonly untilMs: number; readonly given: Set<PeerName> };

export class PullBodies {
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  keep(name: string, body: Uint8Array, nowMs: number): void {
    this.expire(nowMs);
    if (this.#kept.has(name) || body.length > limits.bodiesBytesMax) return;
    this.#kept.set(name, { body, untilMs: nowMs + limits.bodyKeptMs, given: new Set() });
    this.#bytes += body.length;
    for (const oldest of this.#kept.keys()) {
      const fits = this.#bytes <= limits.bodiesBytesMax && this.#kept.size <= limits.bodiesMax;
      if (fits) return;
      this.#drop(oldest);
    }
  }

  /** Undefined when it is not here (any more), or was given to this peer before. */
  give(name: string, peer: PeerName, nowMs: number): Uint8Array | undefined {
    this.expire(nowMs);
    const kept = this.#kept.get(name);
    if (kept === undefined || kept.given.has(peer)) return undefined;
    kept.given.add(peer);
    return kept.body;
  }

  /** Forgets what is too old; answers when to be called again, or undefined when nothing is left. */
  expire(nowMs: number): number | undefined {
    for (const [name, { untilMs }] of this.#kept) {
      if (nowMs < untilMs) return untilMs;
      this.#drop(name);
    }
    return undefined;
  }

  #drop(name: string): void {
    this.#bytes -= this.#kept.get(name)?.body.length ?? 0;
    this.#kept.delete(name);
  }
}
