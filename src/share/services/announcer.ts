/** Keeps what this node says of its services in the shared state equal to what it exposes; tries again until it is. */
import { toCoterieError } from "../../core/errors.ts";
import type { Clock, Log } from "../../core/ports.ts";
import type { Directory } from "./directory.ts";
import { formatNotice, type Notice } from "./notice.ts";
import type { Notices } from "./ports.ts";

const retryMs = 2_000;

export type AnnouncerParts = {
  readonly clock: Clock;
  readonly log: Log;
  readonly notices: Notices;
  readonly directory: Directory;
  /** What is to be said now, by service. */
  readonly wanted: () => ReadonlyMap<string, Notice>;
};

export class Announcer {
  readonly #parts: AnnouncerParts;
  #work: Promise<void> = Promise.resolve();
  #cancelRetry: (() => void) | undefined;
  #stopped = false;

  constructor(parts: AnnouncerParts) {
    this.#parts = parts;
  }

  /** Resolves when what was to be said at the call is written; rejects when it could not be, and goes on trying. */
  settle(): Promise<void> {
    const work = this.#work.then(() => this.#settle());
    this.#work = work.catch(() => undefined); // whoever asked hears of it; the next one begins anew
    return work;
  }

  /** The same for nobody in particular. */
  settleSoon(): void {
    this.settle().catch((error: unknown) => {
      const { code, message: reason } = toCoterieError(error);
      this.#parts.log.warn("could not say what this node exposes", { code, reason });
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelRetry?.();
  }

  async #settle(): Promise<void> {
    if (this.#stopped) return;
    const { clock, directory, notices, wanted } = this.#parts;
    const [said, toSay] = [directory.own(), wanted()];
    try {
      for (const name of said.keys()) if (!toSay.has(name)) await notices.write(name, undefined);
      for (const [name, notice] of toSay) {
        const text = formatNotice(notice);
        const known = said.get(name);
        if (known === undefined || formatNotice(known) !== text) await notices.write(name, text);
      }
    } catch (error) {
      this.#cancelRetry?.();
      this.#cancelRetry = clock.after(retryMs, () => this.settleSoon());
      throw error;
    }
  }
}
