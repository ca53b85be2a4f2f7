/**
 * This node's own statement. Whatever claims to be its own at or above its incarnation, or accuses it there, makes it go
 * on from there + 1; not more than some times a second, or two copies of a node would chase each other.
 */
import type { Identity } from "../../core/identity.ts";
import { limits } from "../../core/limits.ts";
import type { News } from "./news.ts";
import { isGenuine, signStatement, type Statement } from "./statement.ts";

export type OwnLifeParts = {
  readonly identity: Identity;
  readonly network: Uint8Array;
  /** The highest incarnation that this node ever had; 0 before the first. */
  readonly incarnation: number;
};

export class OwnLife {
  readonly #parts: OwnLifeParts;
  #statement: Statement;
  /** The incarnation to go beyond, if one was met. */
  #met: number | undefined;
  #restUntilMs = Number.NEGATIVE_INFINITY;

  constructor(parts: OwnLifeParts) {
    this.#parts = parts;
    this.#statement = this.#sign(parts.incarnation + 1, false);
  }

  get statement(): Statement {
    return this.#statement;
  }

  /** False for a forgery. What is to be refuted already is not checked again: that costs more than sending it does. */
  meet({ statement, accused }: News): boolean {
    const { incarnation, left } = this.#statement;
    const isOlder = statement.incarnation < incarnation;
    const isOurs = statement.incarnation === incarnation && statement.left === left && !accused;
    const isMet = this.#met !== undefined && statement.incarnation <= this.#met;
    if (isOlder || isOurs || isMet || left) return true;
    if (!isGenuine(statement, this.#parts.network)) return false;
    this.#met = Math.max(this.#met ?? 0, statement.incarnation);
    return true;
  }

  /** When `refute` is to be called; infinity when there is nothing to refute. */
  nextMs(): number {
    return this.#met === undefined ? Number.POSITIVE_INFINITY : this.#restUntilMs;
  }

  /** The new statement, if there is something to refute and it is time. */
  refute(nowMs: number): Statement | undefined {
    if (this.#met === undefined || nowMs < this.#restUntilMs) return undefined;
    const beyond = Math.max(this.#met, this.#statement.incarnation);
    this.#met = undefined;
    this.#restUntilMs = nowMs + limits.refuteMs;
    this.#statement = this.#sign(beyond + 1, false);
    return this.#statement;
  }

  leave(): Statement {
    this.#met = undefined;
    this.#statement = this.#sign(this.#statement.incarnation + 1, true);
    return this.#statement;
  }

  #sign(incarnation: number, left: boolean): Statement {
    return signStatement({ incarnation, left }, this.#parts.identity, this.#parts.network);
  }
}
