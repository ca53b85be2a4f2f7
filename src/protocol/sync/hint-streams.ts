/** Hints under way: a stream each, one frame, and it is closed. */
import { limits } from "../../core/limits.ts";
import type { PeerName } from "../../core/ports.ts";
import type { SessionId, SyncEffect } from "./effects.ts";

type HintStream = { readonly peer: PeerName; readonly frame: Uint8Array; readonly byMs: number };

export class HintStreams {
  readonly #streams = new Map<SessionId, HintStream>();
  readonly #emit: (effect: SyncEffect) => void;

  constructor(emit: (effect: SyncEffect) => void) {
    this.#emit = emit;
  }

  open(session: SessionId, peer: PeerName, frame: Uint8Array, nowMs: number): void {
    this.#streams.set(session, { peer, frame, byMs: nowMs + limits.syncAnswerMs });
    this.#emit({ kind: "open", session, peer });
  }

  opened(session: SessionId): void {
    const stream = this.#streams.get(session);
    if (stream === undefined) return;
    this.#streams.delete(session);
    this.#emit({ kind: "send", session, frame: stream.frame });
    this.#emit({ kind: "close", session });
  }

  /** The peer that a stream was to. */
  failed(session: SessionId): PeerName | undefined {
    const stream = this.#streams.get(session);
    this.#streams.delete(session);
    return stream?.peer;
  }

  isOpening(peer: PeerName): boolean {
    return [...this.#streams.values()].some((stream) => stream.peer === peer);
  }

  /** Gives up what takes too long; answers when to be called again. */
  expire(nowMs: number): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [session, { byMs }] of this.#streams) {
      if (nowMs < byMs) {
        nextMs = Math.min(nextMs, byMs);
        continue;
      }
      this.#streams.delete(session);
      const reason = "a hint took too long";
      this.#emit({ kind: "abort", session, code: "TIMEOUT", reason });
    }
    return nextMs;
  }
}
