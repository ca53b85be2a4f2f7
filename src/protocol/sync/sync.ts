/**
 * Reconciliation (anti-entropy) as a machine without I/O: an input and the time in, effects out. It decides with
 * whom to compare states and when (neighbours.ts, hint-clock.ts), and runs the sessions (session.ts and its roles).
 *
 * Invariants:
 *  1. at most `limits.syncSessionsMax` sessions, half of them opened here, and `syncSessionsPerPeerMax` per peer;
 *  2. every session ends by its deadline, and its end frees what it held;
 *  3. no input takes long: it does one slice of one session's work at most, weighs one hint at most, and asks to be
 *     woken for the rest;
 *  4. whatever is due in the future is covered by the last `wakeup`;
 *  5. peers that say nothing keep no others out: while one waits for room, who is silent for long gives its place.
 *
 * A hint is a stream with one frame: a root of digests. Who gets one that differs opens a session with the sender
 * when no other session is bringing entries, and compares once more before it does: so of many neighbours that
 * hint at the same news, one is asked.
 */
import { equalBytes, toHex } from "../../core/codec.ts";
import type { PeerName, Random, Replica } from "../../core/ports.ts";
import { Audits } from "./audits.ts";
import { Cursors } from "./cursors.ts";
import { digestsOf, rootOf } from "./digests.ts";
import type { Now, SyncEffect, SyncInput } from "./effects.ts";
import { isFault } from "./faults.ts";
import { encodeFrame } from "./frames.ts";
import { HintClock, settleMs } from "./hint-clock.ts";
import { HintStreams } from "./hint-streams.ts";
import { type Hint, type Neighbour, Neighbours } from "./neighbours.ts";
import { notAfter } from "./position.ts";
import { Refusals } from "./refusals.ts";
import type { Shared } from "./session.ts";
import { type Entry, SessionTable } from "./session-table.ts";
import { TokenBucket } from "./token-bucket.ts";
import { Turns } from "./turns.ts";

/** Sessions that hints may begin: enough to follow a healed cut, few when states differ all the time under writes. */
const hintedSessions = 8;
const hintedSessionMs = 5_000;
/** A hint is weighed this late even if some session is still bringing entries. */
const hintPatienceMs = 2_000;
/** While neighbours wait for room, it is looked for so often. */
const roomPollMs = 250;
const never = Number.POSITIVE_INFINITY;

export type SyncOptions = {
  readonly self: PeerName;
  readonly replica: Replica;
  /** Entries of a bundle, read without verifying it. */
  readonly entriesIn: (bundle: Uint8Array) => number;
  readonly random: Random;
  readonly heard: Shared["heard"];
  /** Mean time between sessions with random neighbours; may change at run time. */
  readonly intervalMs: () => number;
};

export type SyncStatus = {
  /** Wall clock; null before the first time. */
  readonly lastEqualAt: number | null;
  /** Sessions that ended. */
  readonly sessions: number;
  readonly active: number;
  /** How often an id that a peer announced was asked of it again and missing again. */
  readonly missingTwice: number;
};

export class Sync {
  readonly #random: Random;
  readonly #shared: Shared;
  readonly #neighbours: Neighbours;
  readonly #sessions: SessionTable;
  readonly #hintStreams: HintStreams;
  readonly #hintClock = new HintClock();
  readonly #hinted = new TokenBucket(hintedSessions, hintedSessionMs);
  #effects: SyncEffect[] = [];
  #lastId = 0;
  readonly #meanIntervalMs: () => number;
  #intervalMs: number | undefined;
  #wakeupMs: number | undefined;
  #lastEqualAt: number | null = null;
  #ended = 0;

  constructor({ self, replica, entriesIn, random, heard, intervalMs }: SyncOptions) {
    this.#meanIntervalMs = intervalMs;
    this.#random = random;
    this.#shared = {
      replica,
      entriesIn,
      heard,
      turns: new Turns(),
      refusals: new Refusals(),
      cursors: new Cursors(),
      audits: new Audits(random),
      emit: (effect) => this.#effects.push(effect),
    };
    this.#neighbours = new Neighbours(self, random);
    this.#sessions = new SessionTable(this.#shared);
    this.#hintStreams = new HintStreams(this.#shared.emit);
  }

  status(): SyncStatus {
    return {
      lastEqualAt: this.#lastEqualAt,
      sessions: this.#ended,
      active: this.#sessions.active().length,
      missingTwice: this.#shared.refusals.missingTwice,
    };
  }

  handle(input: SyncInput, now: Now): SyncEffect[] {
    this.#effects = [];
    const nowMs = now.monotonicMs;
    this.#take(input, now);
    this.#collect(now);
    const proceedMs = this.#sessions.proceed(now, input.kind === "frame");
    const roomMs = this.#makeRoom(now);
    this.#collect(now);
    this.#wake(
      Math.min(
        proceedMs,
        roomMs,
        this.#weighHints(nowMs),
        this.#interval(nowMs),
        this.#openDue(now),
        this.#sendHints(now),
        this.#hintStreams.expire(nowMs),
      ),
      nowMs,
    );
    return this.#effects;
  }

  #take(input: SyncInput, now: Now): void {
    switch (input.kind) {
      case "peer":
        if (input.up) return this.#neighbours.up(input.peer, now.monotonicMs);
        this.#sessions.drop(input.peer);
        return this.#neighbours.down(input.peer);
      case "opened":
        this.#hintStreams.opened(input.session);
        return this.#sessions.opened(input.session, now);
      case "accepted":
        return this.#sessions.accept(input.session, input.peer, now, () => {
          this.#neighbours.came(this.#neighbours.get(input.peer));
        });
      case "frame":
        return this.#sessions.get(input.session)?.take(input.bytes, now);
      case "closed":
        return this.#sessions.get(input.session)?.closed();
      case "failed":
        return this.#failed(input.session);
      case "changed":
        return this.#hintClock.news(now.monotonicMs);
      case "behind":
        return this.#catchUp(this.#neighbours.get(input.peer), now.monotonicMs);
      case "wakeup":
        // a timer may fire early: then the same time is asked for once more
        this.#wakeupMs = undefined;
        return undefined;
    }
  }

  /** Like a hint that differs: within the same rate, and not with one that gave nothing lately. */
  #catchUp(neighbour: Neighbour, nowMs: number): void {
    if (!neighbour.connected || neighbour.barren || !this.#hinted.has(nowMs)) return;
    this.#hinted.take(nowMs);
    neighbour.dueMs = Math.min(neighbour.dueMs ?? nowMs, nowMs);
  }

  #failed(session: number): void {
    this.#sessions.get(session)?.lost();
    const peer = this.#hintStreams.failed(session);
    if (peer !== undefined) this.#neighbours.get(peer).hinted = undefined;
  }

  #collect(now: Now): void {
    for (const entry of this.#sessions.takeEnded()) {
      const { outcome, peer } = entry.session;
      if (outcome?.hint !== undefined) {
        this.#neighbours.get(peer).hint = { ...outcome.hint, sinceMs: now.monotonicMs };
      }
      if (entry.active) this.#settle(entry, now);
      else if (isFault(outcome?.code)) {
        this.#neighbours.fault(this.#neighbours.get(peer), now.monotonicMs);
      }
    }
  }

  #settle({ session, initiator }: Entry, now: Now): void {
    const { peer, sent, outcome = { equal: false } } = session;
    const { brought } = session.intake;
    const { equal, code } = outcome;
    const nowMs = now.monotonicMs;
    const opened = initiator !== undefined;
    const neighbour = this.#neighbours.get(peer);
    if (opened) this.#neighbours.after(neighbour, outcome, brought + sent > 0, nowMs);
    else if (equal) this.#neighbours.equal(neighbour, nowMs);
    else if (isFault(code)) this.#neighbours.fault(neighbour, nowMs);
    if (brought > 0) this.#hintClock.news(nowMs);
    this.#ended++;
    if (equal) {
      this.#lastEqualAt = now.wallMs;
      this.#shared.emit({ kind: "equal", peer });
    }
    const ms = nowMs - session.startedMs;
    const report = { session: session.id, peer, opened, brought, sent, ms, equal, code };
    this.#shared.emit({ kind: "report", report });
  }

  /** Looks at one hint; the others wait for the next input. */
  #weighHints(nowMs: number): number {
    let nextMs = never;
    let weighed = false;
    for (const neighbour of this.#neighbours.connected()) {
      const { hint, peer } = neighbour;
      if (hint === undefined || this.#sessions.busyWith(peer)) continue;
      const patientUntilMs = hint.sinceMs + hintPatienceMs;
      if (this.#shared.turns.busy && nowMs < patientUntilMs) {
        nextMs = Math.min(nextMs, patientUntilMs);
      } else if (!this.#hinted.has(nowMs)) {
        nextMs = Math.min(nextMs, this.#hinted.nextMs);
      } else if (weighed) {
        nextMs = nowMs;
      } else {
        weighed = true;
        this.#weigh(neighbour, hint, nowMs);
      }
    }
    return nextMs;
  }

  #weigh(neighbour: Neighbour, { asOfMs, root }: Hint, nowMs: number): void {
    neighbour.hint = undefined;
    const ours = rootOf(digestsOf(this.#shared.replica, notAfter(asOfMs)));
    if (!equalBytes(ours, root)) this.#catchUp(neighbour, nowMs);
  }

  /** Now and then a session with any neighbour that none is planned with. */
  #interval(nowMs: number): number {
    const first = this.#intervalMs === undefined;
    if (this.#intervalMs !== undefined && nowMs < this.#intervalMs) return this.#intervalMs;
    this.#intervalMs = nowMs + this.#meanIntervalMs() * (0.75 + this.#random.float() / 2);
    if (first) return this.#intervalMs;
    const idle = this.#neighbours.connected().filter(({ peer, dueMs, restUntilMs }) => {
      return dueMs === undefined && restUntilMs <= nowMs && !this.#sessions.busyWith(peer);
    });
    const chosen = idle[Math.floor(this.#random.float() * idle.length)];
    if (chosen !== undefined) chosen.dueMs = nowMs;
    return this.#intervalMs;
  }

  #makeRoom(now: Now): number {
    const nowMs = now.monotonicMs;
    if (this.#sessions.mayOpen) return never;
    const waits = this.#neighbours
      .connected()
      .some(({ dueMs, peer }) => (dueMs ?? never) <= nowMs && !this.#sessions.busyWith(peer));
    if (!waits) return never;
    this.#sessions.makeRoom(now);
    return nowMs + roomPollMs;
  }

  /** What is due and finds no room, or another session with the peer, is looked at again when a session ends. */
  #openDue(now: Now): number {
    const nowMs = now.monotonicMs;
    let nextMs = never;
    const planned = this.#neighbours.connected().filter(({ dueMs }) => dueMs !== undefined);
    for (const neighbour of planned.toSorted(byPromise)) {
      const { dueMs = nowMs, peer } = neighbour;
      if (dueMs > nowMs) nextMs = Math.min(nextMs, dueMs);
      else if (this.#sessions.mayOpen && !this.#sessions.busyWith(peer)) {
        neighbour.dueMs = undefined;
        const session = ++this.#lastId;
        this.#sessions.open(session, peer, now);
        this.#shared.emit({ kind: "open", session, peer });
        nextMs = Math.min(nextMs, this.#sessions.get(session)?.deadlineMs ?? never);
      }
    }
    return nextMs;
  }

  #sendHints(now: Now): number {
    const clock = this.#hintClock;
    const nowMs = now.monotonicMs;
    if (clock.strikes(nowMs)) {
      const asOfMs = Math.max(0, Math.floor(now.wallMs) - settleMs);
      const root = rootOf(digestsOf(this.#shared.replica, notAfter(asOfMs)));
      const frame = encodeFrame({ kind: "hint", asOfMs, root });
      for (const neighbour of this.#neighbours.connected()) {
        if (this.#hasNews(neighbour, toHex(root))) this.#hint(neighbour, toHex(root), frame, nowMs);
      }
    }
    return clock.nextMs ?? never;
  }

  #hasNews({ peer, equalMs, hinted }: Neighbour, root: string): boolean {
    const knows = equalMs >= this.#hintClock.newsMs || hinted === root;
    return !knows && !this.#sessions.busyWith(peer) && !this.#hintStreams.isOpening(peer);
  }

  #hint(neighbour: Neighbour, root: string, frame: Uint8Array, nowMs: number): void {
    neighbour.hinted = root;
    this.#hintStreams.open(++this.#lastId, neighbour.peer, frame, nowMs);
  }

  /** Effects replace each other, so one is enough as long as its time is right. */
  #wake(atMs: number, nowMs: number): void {
    if (this.#wakeupMs !== undefined && this.#wakeupMs <= nowMs) this.#wakeupMs = undefined;
    if (atMs === never || atMs === this.#wakeupMs) return;
    this.#wakeupMs = atMs;
    this.#shared.emit({ kind: "wakeup", atMs });
  }
}

/** Those with whom sessions come to something first, then by when they are due. */
function byPromise(a: Neighbour, b: Neighbour): number {
  return Number(a.barren) - Number(b.barren) || (a.dueMs ?? 0) - (b.dueMs ?? 0);
}
