/**
 * Which values a key may have after a crash. A write is in force from some moment between its beginning and its end; it
 * ends when it is acknowledged, or else at the crash. What is found under a key must come from a write that no
 * acknowledged one followed: none that began after it had ended. (This is linearizability of a register, for one read:
 * Herlihy and Wing, TOPLAS 12(3), 1990.) What was found once must stay, so the next judgement starts from it.
 */
export type Write = {
  /** Undefined for a deletion. */
  readonly value: string | undefined;
  readonly begun: number;
  ended: number | undefined;
  acknowledged: boolean;
};

export class WriteHistory {
  readonly #writes = new Map<string, Write[]>();
  #tick = 0;
  #acknowledged = 0;

  get acknowledged(): number {
    return this.#acknowledged;
  }

  begin(key: string, value: string | undefined): Write {
    const write: Write = { value, begun: ++this.#tick, ended: undefined, acknowledged: false };
    const known = this.#writes.get(key);
    if (known === undefined) this.#writes.set(key, [nothingAtFirst(), write]);
    else known.push(write);
    return write;
  }

  acknowledge(write: Write): void {
    write.ended = ++this.#tick;
    write.acknowledged = true;
    this.#acknowledged++;
  }

  /** The store's process is gone: what was in flight has taken effect or never will. */
  crashed(): void {
    const now = ++this.#tick;
    for (const writes of this.#writes.values()) {
      for (const write of writes) write.ended ??= now;
    }
  }

  /** Keys under which the store holds what it must not, with what it holds; what it holds is then taken as given. */
  judge(found: ReadonlyMap<string, string>): string[] {
    const wrong: string[] = [];
    for (const key of new Set([...this.#writes.keys(), ...found.keys()])) {
      const value = found.get(key);
      const writes = this.#writes.get(key) ?? [nothingAtFirst()];
      const fits = writes.some((write) => write.value === value && !isFollowed(write, writes));
      if (!fits) wrong.push(`${key}: ${value === undefined ? "nothing" : value.slice(0, 40)}`);
      const now = ++this.#tick;
      this.#writes.set(key, [{ value, begun: now, ended: now, acknowledged: true }]);
    }
    return wrong;
  }
}

function nothingAtFirst(): Write {
  return { value: undefined, begun: 0, ended: 0, acknowledged: true };
}

function isFollowed(
  { ended = Number.POSITIVE_INFINITY }: Write,
  writes: readonly Write[],
): boolean {
  return writes.some((other) => other.acknowledged && other.begun > ended);
}
