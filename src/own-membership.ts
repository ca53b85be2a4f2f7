/** This node's own row in the roster, and the roster's view of namespace `sys`. */
import type { Clock, Log, PeerName } from "./core/ports.ts";
import { toCoterieError } from "./core/errors.ts";
import type { Tags } from "./core/tags.ts";
import type { Driver } from "./driver/driver.ts";
import { forkList } from "./daemon/fork-list.ts";
import { OwnCard, type Announcement } from "./own-card.ts";
import { decodeCard, memberKey, memberOfKey } from "./protocol/membership/card.ts";
import type { Roster } from "./protocol/membership/roster.ts";
import { forkKeys } from "./protocol/state/fork-proof.ts";
import {
  getRegister,
  listRegisters,
  registerEntry,
  type RegisterRecord,
} from "./protocol/state/register.ts";
import type { State } from "./protocol/state/state.ts";

const namespace = "sys";
const cardsPerPage = 1_000;
/** Time for the news that we leave to go out before connections close. */
const farewellMs = 150;

export type MembershipParts = {
  readonly driver: Driver;
  readonly state: State;
  readonly roster: Roster;
  readonly self: PeerName;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
};

export class Membership {
  readonly #parts: MembershipParts;
  readonly #card: OwnCard;

  constructor(parts: MembershipParts) {
    this.#parts = parts;
    const { clock, log } = parts;
    this.#card = new OwnCard({
      clock,
      log,
      read: () => this.#ownCard(),
      write: (card) => this.#write(card),
    });
  }

  /** Reads the roster, keeps it up to date, and says that this node is here if the network does not know. */
  async start(name: string, tags: Tags): Promise<void> {
    const { driver, version } = this.#parts;
    this.#readRoster();
    driver.onChange((namespaces) => {
      if (namespaces.includes(namespace)) this.#readRoster();
    });
    await this.#card.start(name, version, tags);
  }

  setTags(tags: Tags): Promise<void> {
    return this.#card.setTags(tags);
  }

  /** See `OwnCard.announce`. */
  announce(announcement: Announcement): void {
    this.#card.announce(announcement);
  }

  /** Says goodbye, by its life's last statement and on its card. */
  async leave(): Promise<void> {
    const { clock, driver, log } = this.#parts;
    driver.leave();
    try {
      await this.#card.leave();
      await clock.sleep(farewellMs);
    } catch (error) {
      log.warn("could not say goodbye", { reason: toCoterieError(error).message });
    }
  }

  #ownCard(): Uint8Array | undefined {
    const { state, self } = this.#parts;
    return getRegister(state, namespace, memberKey(self), Number.POSITIVE_INFINITY)?.value.bytes;
  }

  #write(card: Uint8Array): Promise<bigint> {
    const value = { kind: "json" as const, bytes: card };
    return this.#parts.driver.write(namespace, [registerEntry(memberKey(this.#parts.self), value)]);
  }

  #readRoster(): void {
    const { roster } = this.#parts;
    const keys: string[] = [];
    for (const { key, value } of this.#registers(memberKey(""))) {
      const peer = memberOfKey(key);
      if (peer === undefined) keys.push(key);
      else roster.setCard(peer, decodeCard(value.bytes));
    }
    for (const { key } of this.#registers(forkKeys())) keys.push(key);
    roster.setForks(forkList(keys));
    roster.changed();
    this.#parts.driver.membersChanged();
  }

  *#registers(prefix: string): Generator<RegisterRecord> {
    let after: string | undefined;
    do {
      const page = listRegisters(
        this.#parts.state,
        namespace,
        { prefix, after, limit: cardsPerPage },
        Number.POSITIVE_INFINITY,
      );
      yield* page.items;
      after = page.next;
    } while (after !== undefined);
  }
}
