/**
 * One session at a time brings a namespace's entries here, so that neighbours who hold the same news do not all send
 * it. A holder that makes no progress, or is at it for long, loses its turn to the next that asks: a slow or
 * dead peer delays nobody for more than a moment.
 */
const stalledMs = 2_000;
const heldMsMax = 30_000;

type Holder = { readonly session: number; readonly sinceMs: number; progressMs: number };

export class Turns {
  readonly #holders = new Map<string, Holder>();

  /** True when the session would be given the turn now. */
  mayTake(namespace: string, session: number, nowMs: number): boolean {
    const holder = this.#holders.get(namespace);
    if (holder === undefined || holder.session === session) return true;
    return nowMs - holder.progressMs >= stalledMs || nowMs - holder.sinceMs >= heldMsMax;
  }

  /** True when the session may bring entries of the namespace now. */
  take(namespace: string, session: number, nowMs: number): boolean {
    if (!this.mayTake(namespace, session, nowMs)) return false;
    const holder = this.#holders.get(namespace);
    if (holder?.session === session) holder.progressMs = nowMs;
    else this.#holders.set(namespace, { session, sinceMs: nowMs, progressMs: nowMs });
    return true;
  }

  /** True while any session brings entries. */
  get busy(): boolean {
    return this.#holders.size > 0;
  }

  progress(session: number, nowMs: number): void {
    for (const holder of this.#holders.values()) {
      if (holder.session === session) holder.progressMs = nowMs;
    }
  }

  release(session: number): void {
    for (const [namespace, holder] of this.#holders) {
      if (holder.session === session) this.#holders.delete(namespace);
    }
  }
}
