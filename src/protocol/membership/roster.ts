/**
 * Who is in the network: the roster entries that members write of themselves in namespace `sys`, and when this node last
 * heard of each. Heard of means connected, or told by a neighbour that was connected lately (unsigned hearsay with its
 * age, exchanged at the start of reconciliation sessions). Whether a member is alive is said by the machine of life.ts.
 */
import { limits } from "../../core/limits.ts";
import type { PeerName } from "../../core/ports.ts";
import type { MemberCard } from "./card.ts";
import type { Standing } from "./effects.ts";

/**
 * `forked`: a writer of the member's forked, and the member closed it, as a node does that was copied or put back.
 * `equivocator`: it is proven to have signed two headers for one place, and has not said that this writer is closed.
 */
export type Fork = "forked" | "equivocator";

export type MemberView = MemberCard & {
  readonly peer: PeerName;
  readonly status: Standing;
  readonly lastHeardAt: number | undefined;
  readonly connected: boolean;
  readonly self: boolean;
  readonly fork: Fork | undefined;
};

const noCard: MemberCard = { name: "", version: "", left: false };

export class Roster {
  readonly #self: PeerName;
  readonly #cards = new Map<PeerName, MemberCard>();
  readonly #heardAt = new Map<PeerName, number>();
  readonly #connected = new Set<PeerName>();
  readonly #standings = new Map<PeerName, Standing>();
  readonly #listeners = new Set<() => void>();
  #forgotten: ReadonlySet<PeerName> = new Set();
  #forks: ReadonlyMap<PeerName, Fork> = new Map();

  constructor(self: PeerName) {
    this.#self = self;
  }

  setCard(peer: PeerName, card: MemberCard | undefined): void {
    if (card === undefined) this.#cards.delete(peer);
    else this.#cards.set(peer, card);
  }

  setStanding(peer: PeerName, standing: Standing): void {
    this.#standings.set(peer, standing);
    if (this.#standings.size > this.#cards.size + limits.strangersMax) this.#forgetStandings();
    this.changed();
  }

  /** Members that are not shown while they are not alive. */
  setForgotten(peers: ReadonlySet<PeerName>): void {
    this.#forgotten = peers;
    this.changed();
  }

  /** Calls back after each change of a card, a standing or a connection; the returned function ends it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  changed(): void {
    for (const listener of this.#listeners) listener();
  }

  standing(peer: PeerName): Standing {
    if (this.#cards.get(peer)?.left === true) return "left";
    return peer === this.#self ? "alive" : (this.#standings.get(peer) ?? "suspect");
  }

  /** Forgotten by this node's person, and not back. */
  isHidden(peer: PeerName): boolean {
    return this.#forgotten.has(peer) && this.standing(peer) !== "alive";
  }

  /** Everybody with a card that does not say that its member has left. */
  present(): PeerName[] {
    return [...this.#cards].flatMap(([peer, { left }]) => (left ? [] : [peer]));
  }

  /** Everybody whose writers forked. */
  setForks(forks: ReadonlyMap<PeerName, Fork>): void {
    this.#forks = forks;
  }

  setConnected(peer: PeerName, up: boolean, wallMs: number): void {
    if (up) this.#connected.add(peer);
    else this.#connected.delete(peer);
    this.#heardAt.set(peer, wallMs);
    this.#forgetStrangers();
    this.changed();
  }

  /** A neighbour was connected to this member `ageMs` ago. */
  heard(peer: PeerName, ageMs: number, wallMs: number): void {
    if (!this.#cards.has(peer) || ageMs < 0 || ageMs > limits.heardWithinMs) return;
    const at = wallMs - ageMs;
    const known = this.#heardAt.get(peer) ?? 0;
    const isStale = known > wallMs; // from before our clock was set back
    if (at > known || isStale) this.#heardAt.set(peer, at);
  }

  card(peer: PeerName): MemberCard | undefined {
    return this.#cards.get(peer);
  }

  name(peer: PeerName): string | undefined {
    return this.#cards.get(peer)?.name;
  }

  /** Members heard of lately with the age of the news, newest first; for neighbours. */
  lately(wallMs: number): { peer: PeerName; ageMs: number }[] {
    const news: { peer: PeerName; ageMs: number }[] = [];
    for (const [peer, at] of this.#heardAt) {
      const ageMs = this.#connected.has(peer) ? 0 : wallMs - at;
      if (ageMs >= 0 && ageMs <= limits.heardWithinMs) news.push({ peer, ageMs });
    }
    return news.toSorted((a, b) => a.ageMs - b.ageMs).slice(0, limits.heardMembersMax);
  }

  /** Members, and those without a card whose writers forked. */
  list(wallMs: number): MemberView[] {
    const peers = new Set([...this.#cards.keys(), ...this.#forks.keys()]);
    return [...peers]
      .map((peer) => this.#view(peer, this.#cards.get(peer) ?? noCard, wallMs))
      .filter(({ peer, status }) => status === "alive" || !this.#forgotten.has(peer))
      .toSorted((a, b) => (a.peer < b.peer ? -1 : 1));
  }

  #view(peer: PeerName, card: MemberCard, wallMs: number): MemberView {
    const self = peer === this.#self;
    const connected = this.#connected.has(peer);
    const lastHeardAt = self || connected ? wallMs : this.#heardAt.get(peer);
    const status = this.standing(peer);
    return { ...card, peer, status, lastHeardAt, connected, self, fork: this.#forks.get(peer) };
  }

  #forgetStandings(): void {
    for (const peer of this.#standings.keys()) {
      if (!this.#cards.has(peer)) this.#standings.delete(peer);
    }
  }

  /** Peers that never became members are kept only while they are connected. */
  #forgetStrangers(): void {
    for (const peer of this.#heardAt.keys()) {
      if (!this.#cards.has(peer) && !this.#connected.has(peer)) this.#heardAt.delete(peer);
    }
  }
}
