/** This node's own row in the roster, and the roster's view of namespace `sys`. */
import type { Clock, Log, PeerName } from "./core/ports.ts";
import { toCoterieError } from "./core/errors.ts";
import type { Driver } from "./driver/driver.ts";
import { forkList } from "./daemon/fork-list.ts";
import {
  decodeCard,
  encodeCard,
  memberKey,
  memberOfKey,
  type MemberCard,
  type Roster,
} from "./protocol/membership/roster.ts";
import { forkKeys } from "./protocol/state/fork-proof.ts";
import { listRegisters, registerEntry, type RegisterRecord } from "./protocol/state/register.ts";
import type { State } from "./protocol/state/state.ts";

const namespace = "sys";
const cardsPerPage = 1_000;
/** Time for the news that we leave to go out before connections close. */
const farewellMs = 150;
const retryMs = 2_000;

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
  #card: MemberCard | undefined;
  #cancelRetry: (() => void) | undefined;

  constructor(parts: MembershipParts) {
    this.#parts = parts;
  }

  /** Reads the roster, keeps it up to date, and says that this node is here if the network does not know. */
  async start(name: string): Promise<void> {
    const { driver, self, version } = this.#parts;
    this.#readRoster();
    driver.onChange((namespaces) => {
      if (namespaces.includes(namespace)) this.#readRoster();
    });
    this.#card = { name, version, left: false };
    const known = this.#parts.roster.card(self);
    const same = JSON.stringify(known) === JSON.stringify(this.#card);
    if (!same) await this.#arrive(this.#card);
  }

  /** A store that takes no writes does not keep the daemon from running: it says so again until it is heard. */
  async #arrive(card: MemberCard): Promise<void> {
    const { clock, log } = this.#parts;
    try {
      await this.#write(card);
    } catch (error) {
      const { code, message: reason } = toCoterieError(error);
      log.warn("could not say that this node is here", { code, reason });
      this.#cancelRetry = clock.after(retryMs, () => void this.#arrive(card));
    }
  }

  /** Says goodbye, by its life's last statement and on its card. */
  async leave(): Promise<void> {
    const { clock, driver, log } = this.#parts;
    this.#cancelRetry?.();
    driver.leave();
    if (this.#card === undefined) return;
    try {
      await this.#write({ ...this.#card, left: true });
      await clock.sleep(farewellMs);
    } catch (error) {
      log.warn("could not say goodbye", { reason: toCoterieError(error).message });
    }
  }

  #write(card: MemberCard): Promise<bigint> {
    const value = { kind: "json" as const, bytes: encodeCard(card) };
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
