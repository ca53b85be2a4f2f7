/** The sessions under way, within their limits, and the order in which they get to work. */
import { limits } from "../../core/limits.ts";
import type { PeerName } from "../../core/ports.ts";
import type { Now, SessionId } from "./effects.ts";
import { Initiator } from "./initiator.ts";
import { Responder } from "./responder.ts";
import { Session, type Shared } from "./session.ts";

const openedMax = limits.syncSessionsMax / 2;

/** A session whose peer is silent for so long gives its place to another peer's. */
const idleMsMax = 1_000;

/** Accepted streams become active, that is, count as sessions, with their hello. */
export type Entry = {
  readonly session: Session;
  readonly initiator: Initiator | undefined;
  active: boolean;
};

export class SessionTable {
  readonly #shared: Shared;
  readonly #entries = new Map<SessionId, Entry>();

  constructor(shared: Shared) {
    this.#shared = shared;
  }

  get(id: SessionId): Session | undefined {
    return this.#entries.get(id)?.session;
  }

  active(): Entry[] {
    return [...this.#entries.values()].filter(
      ({ active, session }) => active && session.outcome === undefined,
    );
  }

  busyWith(peer: PeerName): boolean {
    return this.active().some(({ session }) => session.peer === peer);
  }

  get mayOpen(): boolean {
    const active = this.active();
    const opened = active.filter(({ initiator }) => initiator !== undefined);
    return opened.length < openedMax && active.length < limits.syncSessionsMax;
  }

  /** The caller opens the stream. */
  open(id: SessionId, peer: PeerName, now: Now): void {
    const session = new Session(this.#shared, id, peer, now);
    const initiator = new Initiator(this.#shared, session);
    session.play(initiator);
    this.#entries.set(id, { session, initiator, active: true });
  }

  /** The stream of `open` is there. */
  opened(id: SessionId, now: Now): void {
    const entry = this.#entries.get(id);
    entry?.session.guard(() => entry.initiator?.start(now));
  }

  /** `admitted` is called when the peer's hello makes a session of the stream. */
  accept(id: SessionId, peer: PeerName, now: Now, admitted: () => void): void {
    const session = new Session(this.#shared, id, peer, now);
    const entry: Entry = { session, initiator: undefined, active: false };
    const admit = (): boolean => {
      entry.active = this.#hasRoomFor(peer) || this.#makesRoomFor(peer, now);
      if (entry.active) admitted();
      return entry.active;
    };
    session.play(new Responder(this.#shared, session, admit));
    this.#entries.set(id, entry);
    if (this.#silent(peer) > limits.syncSessionsPerPeerMax) {
      session.fail("OVERLOADED", "too many streams at once");
    }
  }

  /** Ends the session opened here whose peer is silent longest, if it has been for a while. */
  makeRoom(now: Now): void {
    this.#evict(now, ({ initiator }) => initiator !== undefined);
  }

  #makesRoomFor(peer: PeerName, now: Now): boolean {
    if (this.busyWith(peer)) return false;
    this.#evict(now, () => true);
    return this.#hasRoomFor(peer);
  }

  #evict(now: Now, among: (entry: Entry) => boolean): void {
    const [idlest] = this.active()
      .filter(among)
      .toSorted((a, b) => b.session.idleMs(now) - a.session.idleMs(now));
    if (idlest === undefined || idlest.session.idleMs(now) < idleMsMax) return;
    idlest.session.fail("TIMEOUT", "silent while others wait");
  }

  drop(peer: PeerName): void {
    for (const { session } of this.#entries.values()) {
      if (session.peer === peer) session.fail("UNREACHABLE", "the connection is gone");
    }
  }

  /**
   * Lets sessions go on as time passes, and one of them do a slice of its work; answers when to be called again. With
   * `gathering` what merely came in waits for the next call, with what else has come by then: a commit costs a flush.
   */
  proceed(now: Now, gathering: boolean): number {
    let wakeupMs = Number.POSITIVE_INFINITY;
    for (const { session } of this.#entries.values()) {
      wakeupMs = Math.min(wakeupMs, session.proceed(now) ?? session.deadlineMs, session.deadlineMs);
    }
    this.#work(now, gathering);
    const more = [...this.#entries.values()].some(({ session }) => session.hasWork);
    return more ? now.monotonicMs : wakeupMs;
  }

  #work(now: Now, gathering: boolean): void {
    for (const [id, entry] of this.#entries) {
      if (!entry.session.hasWork || (gathering && entry.session.gathers)) continue;
      this.#entries.delete(id); // to the end of the queue
      this.#entries.set(id, entry);
      return entry.session.work(now);
    }
  }

  /** Takes out the sessions that have ended. */
  takeEnded(): Entry[] {
    const ended = [...this.#entries.values()].filter(({ session }) => session.outcome);
    for (const { session } of ended) {
      this.#entries.delete(session.id);
      this.#shared.turns.release(session.id);
    }
    return ended;
  }

  #hasRoomFor(peer: PeerName): boolean {
    const active = this.active();
    const same = active.filter(({ session }) => session.peer === peer);
    return active.length < limits.syncSessionsMax && same.length < limits.syncSessionsPerPeerMax;
  }

  #silent(peer: PeerName): number {
    const entries = [...this.#entries.values()];
    return entries.filter(({ active, session }) => !active && session.peer === peer).length;
  }
}
