/**
 * Whom to open a session with, and when: at once with a new neighbour (the smaller peer id opens, the other only if
 * nothing comes), again after a session that left a difference, on a hint, and now and then at random. After
 * sessions that end unequal the pauses double; a neighbour with whom they also move nothing is not hastened by its hints.
 */
import { limits } from "../../core/limits.ts";
import type { PeerName, Random } from "../../core/ports.ts";
import { isFault } from "./faults.ts";
import type { Outcome } from "./session.ts";

const fallbackMs = 2_000;
const continueMs = 100;
const firstBackoffMs = 1_000;
const backoffMsMax = 60_000;
const barrenBackoffMsMax = 300_000;

export type Hint = { readonly asOfMs: number; readonly root: Uint8Array; readonly sinceMs: number };

export type Neighbour = {
  readonly peer: PeerName;
  connected: boolean;
  /** When to open the next session; undefined when no reason is known. */
  dueMs: number | undefined;
  /** 0 when the last session ended equal. */
  backoffMs: number;
  restUntilMs: number;
  /** The last session that we opened failed, or moved nothing and yet ended unequal. */
  barren: boolean;
  /** It broke the rules and has not been found equal since. */
  atFault: boolean;
  /** When our states were last found equal. */
  equalMs: number;
  /** What the neighbour hinted at and we have not looked at yet. */
  hint: Hint | undefined;
  /** Root that we hinted at last. */
  hinted: string | undefined;
};

export class Neighbours {
  readonly #self: PeerName;
  readonly #random: Random;
  readonly #all = new Map<PeerName, Neighbour>();

  constructor(self: PeerName, random: Random) {
    this.#self = self;
    this.#random = random;
  }

  connected(): Neighbour[] {
    return [...this.#all.values()].filter((neighbour) => neighbour.connected);
  }

  get(peer: PeerName): Neighbour {
    const known = this.#all.get(peer);
    if (known !== undefined) return known;
    const neighbour: Neighbour = {
      peer,
      connected: false,
      dueMs: undefined,
      backoffMs: 0,
      restUntilMs: 0,
      barren: false,
      atFault: false,
      equalMs: Number.NEGATIVE_INFINITY,
      hint: undefined,
      hinted: undefined,
    };
    this.#all.set(peer, neighbour);
    this.#forgetOldest();
    return neighbour;
  }

  up(peer: PeerName, nowMs: number): void {
    const neighbour = this.get(peer);
    neighbour.connected = true;
    const delayMs = this.#self < peer ? 0 : fallbackMs;
    neighbour.dueMs = Math.max(nowMs + delayMs, neighbour.restUntilMs);
  }

  /** What failed with the connection is forgotten with it; who broke the rules does not shake that off. */
  down(peer: PeerName): void {
    const neighbour = this.get(peer);
    this.#all.delete(peer);
    if (!neighbour.atFault) return;
    neighbour.connected = false;
    neighbour.dueMs = undefined;
    neighbour.hint = undefined;
    neighbour.hinted = undefined;
    this.#all.set(peer, neighbour);
  }

  /** The neighbour came to us, which spares us going there. */
  came(neighbour: Neighbour): void {
    if (!neighbour.barren) neighbour.dueMs = undefined;
  }

  /** Plans what follows a session that we opened. */
  after(neighbour: Neighbour, outcome: Outcome, moved: boolean, nowMs: number): void {
    if (outcome.equal) return this.equal(neighbour, nowMs);
    if (!neighbour.connected && !isFault(outcome.code)) return;
    if (outcome.unfinished === true && moved) {
      neighbour.dueMs = nowMs + continueMs;
      return;
    }
    if (isFault(outcome.code)) neighbour.atFault = true;
    neighbour.barren = neighbour.atFault || (!moved && outcome.code !== "OVERLOADED");
    this.#rest(neighbour, nowMs);
    neighbour.dueMs = neighbour.restUntilMs;
  }

  equal(neighbour: Neighbour, nowMs: number): void {
    neighbour.dueMs = undefined;
    neighbour.backoffMs = 0;
    neighbour.restUntilMs = 0;
    neighbour.barren = false;
    neighbour.atFault = false;
    neighbour.equalMs = nowMs;
  }

  /** The neighbour broke the rules in a session of its own. */
  fault(neighbour: Neighbour, nowMs: number): void {
    neighbour.atFault = true;
    neighbour.barren = true;
    this.#rest(neighbour, nowMs);
    neighbour.dueMs = undefined;
  }

  #rest(neighbour: Neighbour, nowMs: number): void {
    const max = neighbour.barren ? barrenBackoffMsMax : backoffMsMax;
    neighbour.backoffMs = Math.min(max, Math.max(firstBackoffMs, neighbour.backoffMs * 2));
    neighbour.restUntilMs = nowMs + neighbour.backoffMs * (0.5 + this.#random.float() / 2);
  }

  #forgetOldest(): void {
    if (this.#all.size <= limits.syncPeersRemembered) return;
    for (const [peer, { connected }] of this.#all) {
      if (connected) continue;
      this.#all.delete(peer);
      return;
    }
  }
}
