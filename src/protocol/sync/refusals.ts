/**
 * Ids that a peer announced and that we did not get from it: it sent nothing, or something that was refused. They
 * are not asked for again at once. Bounded; the oldest are forgotten first, which costs a repeated question.
 */
import { limits } from "../../core/limits.ts";
import type { PeerName } from "../../core/ports.ts";
import { idKey } from "./position.ts";

const firstBackoffMs = 30_000;
const backoffMsMax = 3_600_000;

export class Refusals {
  readonly #ids = new Map<string, { times: number; untilMs: number }>();
  /** How often an id was asked for again and missing again. */
  missingTwice = 0;

  blocks(peer: PeerName, id: Uint8Array, nowMs: number): boolean {
    const known = this.#ids.get(keyOf(peer, id));
    return known !== undefined && nowMs < known.untilMs;
  }

  note(peer: PeerName, id: Uint8Array, nowMs: number): void {
    const key = keyOf(peer, id);
    const times = (this.#ids.get(key)?.times ?? 0) + 1;
    if (times > 1) this.missingTwice++;
    this.#ids.delete(key);
    if (this.#ids.size >= limits.refusalsRemembered) {
      const oldest = this.#ids.keys().next();
      if (!oldest.done) this.#ids.delete(oldest.value);
    }
    const backoffMs = Math.min(backoffMsMax, firstBackoffMs * 2 ** (times - 1));
    this.#ids.set(key, { times, untilMs: nowMs + backoffMs });
  }
}

function keyOf(peer: PeerName, id: Uint8Array): string {
  return `${peer}/${idKey(id)}`;
}
