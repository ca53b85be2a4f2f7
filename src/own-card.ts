/**
 * This node's card: written when the network has another, again and again until the store takes it, and for a change of
 * its capacity no oftener than that is worth to others.
 */
import { toCoterieError } from "./core/errors.ts";
import { limits } from "./core/limits.ts";
import type { Clock, Log } from "./core/ports.ts";
import { soundTags, type Tags } from "./core/tags.ts";
import {
  decodeCard,
  encodeCard,
  type Capacity,
  type MemberCard,
} from "./protocol/membership/card.ts";

export type OwnCardParts = {
  readonly clock: Clock;
  readonly log: Log;
  /** As the network has it. */
  read(): Uint8Array | undefined;
  /** Rejects when the store takes no writes. */
  write(card: Uint8Array): Promise<unknown>;
};

export type Announcement = {
  /** Undefined when nothing is lent any more. */
  readonly capacity: Capacity | undefined;
};

const retryMs = 2_000;

export class OwnCard {
  readonly #parts: OwnCardParts;
  /** Undefined before the start and after the end. */
  #card: MemberCard | undefined;
  #toldMs = Number.NEGATIVE_INFINITY;
  #cancelRetry: (() => void) | undefined;
  #cancelTold: (() => void) | undefined;

  constructor(parts: OwnCardParts) {
    this.#parts = parts;
  }

  async start(name: string, version: string, tags: Tags): Promise<void> {
    this.#card = cardOf({ name, version, left: false }, tags, undefined);
    const before = this.#parts.read();
    const known = before === undefined ? undefined : decodeCard(before);
    if (JSON.stringify(known) !== JSON.stringify(this.#card)) await this.#put();
  }

  async setTags(tags: Tags): Promise<void> {
    const card = this.#card;
    if (card === undefined) return;
    this.#card = cardOf(card, tags, card.capacity);
    await this.#put();
  }

  /** What this node offers others: large changes are told at once, others within a minute of the last time. */
  announce({ capacity }: Announcement): void {
    this.#cancelTold?.();
    const told = this.#card?.capacity;
    if (this.#card === undefined || isSame(told, capacity)) return;
    const { clock } = this.#parts;
    const nowMs = clock.monotonicMs();
    const dueMs = isLarge(told, capacity) ? nowMs : this.#toldMs + limits.capacityIntervalMs;
    if (nowMs >= dueMs) this.#tell(capacity);
    else this.#cancelTold = clock.after(dueMs - nowMs, () => this.#tell(capacity));
  }

  /** The last word; nothing is written after it. Rejects when the store takes no writes. */
  async leave(): Promise<void> {
    const card = this.#card;
    this.#card = undefined;
    this.#cancelRetry?.();
    this.#cancelTold?.();
    if (card !== undefined) await this.#write({ ...card, left: true });
  }

  #tell(capacity: Capacity | undefined): void {
    const card = this.#card;
    if (card === undefined) return;
    this.#toldMs = this.#parts.clock.monotonicMs();
    this.#card = cardOf(card, card.tags ?? {}, capacity);
    void this.#put();
  }

  /** A store that takes no writes does not keep the daemon from running: it says so again until it is heard. */
  async #put(): Promise<void> {
    const { clock, log } = this.#parts;
    this.#cancelRetry?.();
    if (this.#card === undefined) return;
    try {
      await this.#write(this.#card);
    } catch (error) {
      const { code, message: reason } = toCoterieError(error);
      log.warn("could not say that this node is here, or what it is", { code, reason });
      if (this.#card === undefined) return;
      this.#cancelRetry?.();
      this.#cancelRetry = clock.after(retryMs, () => void this.#put());
    }
  }

  #write(card: MemberCard): Promise<unknown> {
    return this.#parts.write(encodeCard(card, this.#parts.read()));
  }
}

function cardOf(
  { name, version, left }: MemberCard,
  tags: Tags,
  capacity: Capacity | undefined,
): MemberCard {
  const sound = soundTags(tags);
  const own = Object.keys(sound).length === 0 ? {} : { tags: sound };
  return { name, version, left, ...own, ...(capacity === undefined ? {} : { capacity }) };
}

function isSame(one: Capacity | undefined, other: Capacity | undefined): boolean {
  return one?.quota === other?.quota && one?.free === other?.free;
}

function isLarge(from: Capacity | undefined, to: Capacity | undefined): boolean {
  if (from === undefined || to === undefined) return true;
  const least = Math.max(from.quota, to.quota) * limits.capacityChangeMin;
  return Math.abs(to.free - from.free) > least || Math.abs(to.quota - from.quota) > least;
}
