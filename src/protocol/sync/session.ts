/**
 * One reconciliation session: a stream of frames with a deadline, what it takes in and what it works on. What the
 * frames mean is up to its role (`Initiator`, `Responder`). The two sides take turns: data is ingested before the frame
 * that follows it is looked at, and while a job answers a frame the peer has nothing to say. Whatever a peer sends is
 * handled within `guard`, which turns a fault into an abort and a charge.
 */
import { type CoterieError, type ErrorCode, toCoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { Bound, PeerName, Replica } from "../../core/ports.ts";
import type { Audits } from "./audits.ts";
import type { Cursors } from "./cursors.ts";
import type { Now, SessionId, SyncEffect } from "./effects.ts";
import { isFault, violation } from "./faults.ts";
import { decodeFrame, encodeFrame, type Frame } from "./frames.ts";
import { Intake } from "./intake.ts";
import type { Job } from "./job.ts";
import { firstBound } from "./position.ts";
import type { Refusals } from "./refusals.ts";
import type { Turns } from "./turns.ts";

/** A session this old begins nothing new, so that it ends well before it is cut off. */
const lateMs = limits.syncSessionMsMax * 0.75;
/** An answer may take longer by what we sent at this rate, for it lies in the transport's queue before it is read. */
const slowestBytesPerMs = 8;

/** What all sessions of a machine share. */
export type Shared = {
  readonly replica: Replica;
  /** Entries of a bundle. */
  readonly entriesIn: (bundle: Uint8Array) => number;
  readonly turns: Turns;
  readonly refusals: Refusals;
  readonly cursors: Cursors;
  readonly audits: Audits;
  /** Members and how long ago we last heard of them. */
  readonly heard: () => readonly { readonly member: PeerName; readonly ageMs: number }[];
  readonly emit: (effect: SyncEffect) => void;
};

export type Outcome = {
  readonly equal: boolean;
  /** Time ran out while entries were still coming. */
  readonly unfinished?: boolean;
  readonly code?: ErrorCode;
  /** The session was a hint: root of the peer's digests of entries not after `asOfMs`. */
  readonly hint?: { readonly asOfMs: number; readonly root: Uint8Array };
};

export interface Role {
  /** Any frame but data. */
  frame(frame: Frame, now: Now): void;
  /** The job given to `Session.run` is done. */
  worked(now: Now): void;
  /** After every input of the machine; answers when to be called again at the latest, if time matters. */
  proceed(now: Now): number | undefined;
  /** The peer ended the stream. */
  closed(): Outcome;
}

export class Session {
  readonly id: SessionId;
  readonly peer: PeerName;
  readonly intake: Intake;
  readonly startedMs: number;
  /** Where entries begin that the slower clock allows for; set by the hellos. */
  lower: Bound = firstBound;
  /** Entries sent. */
  sent = 0;
  outcome: Outcome | undefined;
  readonly #shared: Shared;
  #role: Role | undefined;
  #job: Job<void> | undefined;
  /** The frame after the data that is being ingested. */
  #next: Frame | undefined;
  #answerByMs: number;
  #unansweredBytes = 0;

  constructor(shared: Shared, id: SessionId, peer: PeerName, now: Now) {
    this.#shared = shared;
    this.id = id;
    this.peer = peer;
    this.intake = new Intake(shared.replica, shared.entriesIn, peer);
    this.startedMs = now.monotonicMs;
    this.#answerByMs = now.monotonicMs + limits.syncAnswerMs;
  }

  play(role: Role): void {
    this.#role = role;
  }

  /** True while there is work for another slice. */
  get hasWork(): boolean {
    return this.outcome === undefined && (this.#job !== undefined || this.intake.hasWork);
  }

  /** True while all there is to do is to ingest what came, and more of it is to come. */
  get gathers(): boolean {
    return this.#job === undefined && this.#next === undefined;
  }

  get deadlineMs(): number {
    const endMs = this.startedMs + limits.syncSessionMsMax;
    const answerByMs = this.#answerByMs + this.#unansweredBytes / slowestBytesPerMs;
    return this.hasWork ? endMs : Math.min(endMs, answerByMs);
  }

  /** How long the peer has had nothing to say. */
  idleMs(now: Now): number {
    return this.hasWork ? 0 : now.monotonicMs - (this.#answerByMs - limits.syncAnswerMs);
  }

  late(now: Now): boolean {
    return now.monotonicMs - this.startedMs > lateMs;
  }

  take(bytes: Uint8Array, now: Now): void {
    this.guard(() => {
      const frame = decodeFrame(bytes);
      if (this.#job !== undefined || this.#next !== undefined) violation("a frame out of turn");
      this.#awaitAnswer(now);
      this.#unansweredBytes = 0;
      if (frame.kind === "data") {
        this.intake.take(frame);
        this.#shared.turns.progress(this.id, now.monotonicMs);
      } else if (this.intake.hasWork) this.#next = frame;
      else this.#role?.frame(frame, now);
    });
  }

  proceed(now: Now): number | undefined {
    let atMs: number | undefined;
    this.guard(() => {
      if (now.monotonicMs >= this.deadlineMs) this.fail("TIMEOUT", "no answer in time");
      else atMs = this.#role?.proceed(now);
    });
    return atMs;
  }

  /** The peer ended the stream. */
  closed(): void {
    this.finish(this.#role?.closed() ?? { equal: false });
  }

  /** The stream is gone. */
  lost(): void {
    this.outcome ??= { equal: false, code: "UNREACHABLE" };
  }

  send(frame: Frame): void {
    const encoded = encodeFrame(frame);
    this.#unansweredBytes += encoded.length;
    this.#shared.emit({ kind: "send", session: this.id, frame: encoded });
  }

  /** Begins a job; until it is done the peer has nothing to say. */
  run(job: Job<void>): void {
    this.#job = job;
  }

  /** Does one slice of work. */
  work(now: Now): void {
    this.guard(() => {
      if (this.intake.hasWork) this.#ingest(now);
      else if (this.#job?.next().done === true) {
        this.#job = undefined;
        this.#awaitAnswer(now);
        this.#role?.worked(now);
      }
    });
  }

  #ingest(now: Now): void {
    this.intake.work(now.wallMs);
    this.#awaitAnswer(now);
    const next = this.#next;
    if (this.intake.hasWork || next === undefined) return;
    this.#next = undefined;
    this.#role?.frame(next, now);
  }

  #awaitAnswer(now: Now): void {
    this.#answerByMs = now.monotonicMs + limits.syncAnswerMs;
  }

  /** Ends the session from our side. */
  finish(outcome: Outcome): void {
    if (this.outcome !== undefined) return;
    this.outcome = outcome;
    this.#shared.emit({ kind: "close", session: this.id });
  }

  fail(code: ErrorCode, reason: string): void {
    if (this.outcome !== undefined) return;
    this.outcome = { equal: false, code };
    this.#shared.emit({ kind: "abort", session: this.id, code, reason });
  }

  guard(run: () => void): void {
    try {
      if (this.outcome === undefined) run();
    } catch (thrown) {
      this.#failWith(toCoterieError(thrown));
    }
  }

  #failWith(error: CoterieError): void {
    this.fail(error.code, error.message);
    if (!isFault(error.code)) return;
    const { code, message: reason } = error;
    this.#shared.emit({ kind: "charge", peer: this.peer, code, reason });
  }
}
