/**
 * The side that opened the session leads it. After the hellos it goes through the namespaces that differ, smallest
 * first, and for each decides, on every step anew:
 *
 *  1. equal digests: settled;
 *  2. nearly nothing here, at least beyond where the last pull stopped: pull the stream (once);
 *  3. nearly nothing there, or a stream not pulled to its end: offer it (once);
 *  4. else reconcile in rounds, which settles it either way.
 *
 * When none differs, now and then one is audited (audit.ts), and what that finds is reconciled.
 *
 * 2 and 4 wait for the namespace's turn (see turns.ts); while it waits a session holds nothing that another
 * waits for. When all is settled it says goodbye; without any difference it says nothing more than its hello.
 */
import type { Bound } from "../../core/ports.ts";
import { Audit } from "./audit.ts";
import { type Digest, digestOf, digestsOf, emptyDigest, rootOf, sameDigest } from "./digests.ts";
import type { Now } from "./effects.ts";
import { violation } from "./faults.ts";
import type { Frame } from "./frames.ts";
import { hello, type HelloFrame, learn, sessionBound } from "./hello.ts";
import { Offer } from "./offer.ts";
import { Rounds } from "./rounds.ts";
import type { Outcome, Role, Session, Shared } from "./session.ts";
import { isWorthPulling, lacksMuch, StreamPull } from "./stream-pull.ts";
import type { Task } from "./task.ts";

const turnWaitMs = 5_000;
const turnPollMs = 50;

/** The namespace that the session is at. */
type Current = {
  readonly namespace: string;
  task: Task | undefined;
  /** To be audited, its digests being equal. */
  audit: boolean;
  /** Where an audit found other entries. */
  repair: { readonly from: Bound; readonly to: Bound } | undefined;
  streamTried: boolean;
  /** When to give up waiting for the turn. */
  waitUntilMs: number | undefined;
};

export class Initiator implements Role {
  readonly #shared: Shared;
  readonly #session: Session;
  #sent: Now | undefined;
  #greeted = false;
  readonly #theirs = new Map<string, Digest>();
  #queue: string[] = [];
  #audit: string | undefined;
  #current: Current | undefined;
  #allEqual = true;
  /** Something was said after the hellos. */
  #talked = false;

  constructor(shared: Shared, session: Session) {
    this.#shared = shared;
    this.#session = session;
  }

  start(now: Now): void {
    const { replica } = this.#shared;
    const wallMs = Math.floor(now.wallMs);
    replica.promote(wallMs);
    this.#sent = now;
    this.#session.send(hello(this.#shared, wallMs, digestsOf(replica, sessionBound(wallMs))));
  }

  frame(frame: Frame, now: Now): void {
    if (frame.kind === "bye") {
      if (frame.reason !== "busy") violation("a goodbye from the responder");
      this.#session.finish({ equal: false, code: "OVERLOADED" });
    } else if (!this.#greeted) {
      if (frame.kind !== "hello") violation("a session begins with hello");
      this.#greet(frame, now);
    } else {
      const task = this.#current?.task ?? violation("a frame out of turn");
      task.frame(frame, now);
    }
    this.#advance(now);
  }

  worked(now: Now): void {
    this.#advance(now);
  }

  proceed(now: Now): number | undefined {
    const { namespace, waitUntilMs } = this.#current ?? {};
    if (namespace === undefined || waitUntilMs === undefined) return undefined;
    // digests are not for nothing, and are asked for only by who may go on
    const mayGoOn = this.#shared.turns.mayTake(namespace, this.#session.id, now.monotonicMs);
    if (mayGoOn || now.monotonicMs >= waitUntilMs) this.#advance(now);
    return now.monotonicMs + turnPollMs;
  }

  closed(): Outcome {
    return { equal: false, code: "UNREACHABLE" };
  }

  #greet(frame: HelloFrame, now: Now): void {
    const sent = this.#sent ?? now;
    this.#greeted = true;
    const travelMs = (now.monotonicMs - sent.monotonicMs) / 2;
    learn(this.#shared, this.#session, frame, sent.wallMs + travelMs);
    this.#session.lower = sessionBound(Math.floor(sent.wallMs), frame.wallMs);
    for (const { namespace, ...digest } of frame.digests) this.#theirs.set(namespace, digest);
    this.#queue = this.#differing();
    if (this.#queue.length > 0) return;
    const names = frame.digests.map(({ namespace }) => namespace);
    this.#audit = this.#shared.audits.next(names, now.monotonicMs);
  }

  /** Namespaces that differ, the smallest first. */
  #differing(): string[] {
    const digests = digestsOf(this.#shared.replica, this.#session.lower);
    const ours = new Map<string, Digest>(digests.map((digest) => [digest.namespace, digest]));
    const pair = (namespace: string): [Digest, Digest] => [
      ours.get(namespace) ?? emptyDigest,
      this.#theirs.get(namespace) ?? emptyDigest,
    ];
    const size = (namespace: string): number =>
      Math.max(...pair(namespace).map(({ count }) => count));
    return [...new Set([...ours.keys(), ...this.#theirs.keys()])]
      .filter((namespace) => !sameDigest(...pair(namespace)))
      .toSorted((a, b) => size(a) - size(b));
  }

  #advance(now: Now): void {
    while (this.#greeted && this.#session.outcome === undefined) {
      this.#current ??= this.#next(now);
      if (this.#current === undefined) return this.#close(now);
      if (!this.#step(this.#current, now)) return;
    }
  }

  #next(now: Now): Current | undefined {
    const audit = this.#audit !== undefined;
    const namespace = this.#session.late(now) ? undefined : (this.#audit ?? this.#queue.shift());
    this.#audit = undefined;
    if (namespace === undefined) return undefined;
    const fresh = {
      task: undefined,
      repair: undefined,
      streamTried: false,
      waitUntilMs: undefined,
    };
    return { namespace, audit, ...fresh };
  }

  /** False when the peer or the turn is to be waited for. */
  #step(current: Current, now: Now): boolean {
    if (current.task === undefined) return this.#begin(current, now);
    const { result } = current.task;
    if (result === undefined) return false;
    current.task = undefined;
    current.audit = false;
    if (result.verdict === "repair") current.repair = result.range;
    else if (result.verdict === "compare") this.#theirs.set(current.namespace, result.digest);
    else this.#settle(result.verdict === "equal");
    return true;
  }

  #begin(current: Current, now: Now): boolean {
    const { namespace, audit, repair } = current;
    const ours = digestOf(this.#shared.replica, namespace, this.#session.lower);
    const theirs = this.#theirs.get(namespace) ?? emptyDigest;
    const same = sameDigest(ours, theirs) && !audit && repair === undefined;
    if (same || this.#session.late(now)) {
      this.#settle(same);
      return true;
    }
    const task = this.#chooseTask(current, ours, theirs);
    const brings = !(task instanceof Offer) && !(task instanceof Audit);
    if (brings && !this.#takeTurn(namespace, now)) {
      return this.#wait(current, now);
    }
    current.task = task;
    current.waitUntilMs = undefined;
    current.streamTried ||= !(task instanceof Rounds);
    this.#talked = true;
    task.start(now);
    return true;
  }

  #chooseTask(
    { namespace, audit, repair, streamTried }: Current,
    ours: Digest,
    theirs: Digest,
  ): Task {
    const shared = this.#shared;
    const session = this.#session;
    if (audit) return new Audit(shared, session, namespace);
    if (repair !== undefined) return new Rounds(shared, session, namespace, repair);
    if (!streamTried) {
      if (isWorthPulling(shared, session, namespace, theirs)) {
        return new StreamPull(shared, session, namespace);
      }
      const serving = shared.cursors.isServing(session.peer, namespace);
      if (serving || lacksMuch(theirs.count, ours.count - theirs.count)) {
        return new Offer(shared, session, namespace);
      }
    }
    return new Rounds(shared, session, namespace);
  }

  #takeTurn(namespace: string, now: Now): boolean {
    return this.#shared.turns.take(namespace, this.#session.id, now.monotonicMs);
  }

  /** True when the wait is over, in vain. */
  #wait(current: Current, now: Now): boolean {
    current.waitUntilMs ??= now.monotonicMs + turnWaitMs;
    if (now.monotonicMs < current.waitUntilMs) return false;
    this.#settle(false);
    return true;
  }

  #settle(equal: boolean): void {
    if (!equal) this.#allEqual = false;
    this.#shared.turns.release(this.#session.id);
    this.#current = undefined;
  }

  #close(now: Now): void {
    const equal = this.#allEqual && this.#queue.length === 0;
    if (this.#talked) {
      const root = equal ? rootOf(digestsOf(this.#shared.replica, this.#session.lower)) : undefined;
      this.#session.send({ kind: "bye", reason: equal ? "equal" : "different", root });
    }
    this.#session.finish({ equal, unfinished: this.#session.late(now) });
  }
}
