/**
 * The side that accepted the session: it answers. Between questions it keeps the namespace that is being reconciled,
 * what it listed last, whether the peer may push, and while it pulls an offered stream, the pull.
 */
import { equalBytes } from "../../core/codec.ts";
import { limits } from "../../core/limits.ts";
import type { ReconItem } from "../../core/ports.ts";
import { type AuditFrame, isSameSlice } from "./audit.ts";
import { digestOf, digestsOf, emptyDigest, type NamespaceDigest, rootOf } from "./digests.ts";
import type { Now } from "./effects.ts";
import { violation } from "./faults.ts";
import { type Frame, negBytesMax } from "./frames.ts";
import { hello, type HelloFrame, learn, sessionBound } from "./hello.ts";
import { respond } from "./reconcile.ts";
import type { Job } from "./job.ts";
import type { Outcome, Role, Session, Shared } from "./session.ts";
import { isWorthPulling, StreamPull } from "./stream-pull.ts";
import { supplyItems, supplyStream } from "./supply.ts";

type FrameOf<K extends Frame["kind"]> = Extract<Frame, { kind: K }>;

export class Responder implements Role {
  readonly #shared: Shared;
  readonly #session: Session;
  readonly #admit: () => boolean;
  #greeted = false;
  #theirs: readonly NamespaceDigest[] = [];
  /** What the initiator's silence after the hellos means. */
  #equalAtHello = false;
  #questions = 0;
  /** Namespace of the question that is being answered, or was last. */
  #namespace = "";
  /** What the last message listed; nothing else may be wanted. */
  #listed: readonly ReconItem[] = [];
  #pushable = false;
  #pull: StreamPull | undefined;

  /** `admit` tells whether there is room for a session; it is asked once, at the hello. */
  constructor(shared: Shared, session: Session, admit: () => boolean) {
    this.#shared = shared;
    this.#session = session;
    this.#admit = admit;
  }

  frame(frame: Frame, now: Now): void {
    if (!this.#greeted) this.#first(frame, now);
    else if (frame.kind === "bye") this.#bye(frame);
    else if (this.#pull !== undefined) this.#pulled(this.#pull, frame, now);
    else this.#answer(frame, now);
  }

  worked(): void {}

  proceed(): undefined {
    return undefined;
  }

  closed(): Outcome {
    return { equal: this.#equalAtHello };
  }

  #first(frame: Frame, now: Now): void {
    if (frame.kind === "hello") this.#hello(frame, now);
    else if (frame.kind === "hint") {
      const { asOfMs, root } = frame;
      this.#session.finish({ equal: false, hint: { asOfMs, root } });
    } else violation("a session begins with hello or hint");
  }

  #hello(frame: HelloFrame, now: Now): void {
    if (!this.#admit()) {
      this.#session.send({ kind: "bye", reason: "busy", root: undefined });
      this.#session.finish({ equal: false, code: "OVERLOADED" });
      return;
    }
    const wallMs = Math.floor(now.wallMs);
    const { replica } = this.#shared;
    replica.promote(wallMs);
    learn(this.#shared, this.#session, frame, wallMs);
    this.#session.lower = sessionBound(wallMs, frame.wallMs);
    const digests = digestsOf(replica, this.#session.lower);
    this.#session.send(hello(this.#shared, wallMs, digests));
    this.#greeted = true;
    this.#theirs = frame.digests;
    this.#equalAtHello = equalBytes(rootOf(digests), rootOf(frame.digests));
  }

  #answer(frame: Frame, now: Now): void {
    this.#equalAtHello = false;
    if (++this.#questions > limits.syncQuestionsMax) violation("questions without end");
    switch (frame.kind) {
      case "neg":
        return this.#neg(frame, now);
      case "want":
        return this.#want(frame);
      case "stream":
        this.#turnTo(frame.namespace);
        return this.#session.run(supplyStream(this.#shared, this.#session, frame));
      case "offer":
        return this.#offer(frame, now);
      case "audit":
        return this.#auditSlice(frame);
      default:
        return violation("not a question");
    }
  }

  #neg({ namespace, message }: FrameOf<"neg">, now: Now): void {
    this.#turnTo(namespace);
    this.#pushable = this.#shared.turns.take(namespace, this.#session.id, now.monotonicMs);
    this.#session.run(this.#respond(namespace, message));
  }

  *#respond(namespace: string, question: Uint8Array): Job<void> {
    const { replica } = this.#shared;
    const scope = { replica, namespace, lower: this.#session.lower, bytesMax: negBytesMax };
    const { message, listed } = yield* respond(scope, question);
    this.#listed = listed;
    this.#openIntake();
    this.#session.send({ kind: "neg", namespace, hold: !this.#pushable, message });
  }

  #want({ namespace, places }: FrameOf<"want">): void {
    if (namespace !== this.#namespace) violation("a want out of turn");
    const items = places.map((place) => this.#listed[place] ?? violation("an id never listed"));
    this.#session.intake.close();
    this.#session.run(this.#supply(namespace, items));
  }

  *#supply(namespace: string, items: readonly ReconItem[]): Job<void> {
    const dealt = yield* supplyItems(this.#shared, this.#session, namespace, items);
    const digest = digestOf(this.#shared.replica, namespace, this.#session.lower);
    this.#openIntake();
    this.#session.send({ kind: "end", namespace, digest, dealt, next: undefined });
  }

  /** For what the peer may push next. */
  #openIntake(): void {
    this.#session.intake.open(this.#pushable ? limits.syncWindowBytes : 0);
  }

  #offer({ namespace }: FrameOf<"offer">, now: Now): void {
    const { turns } = this.#shared;
    this.#turnTo(namespace);
    const theirs = this.#theirs.find((digest) => digest.namespace === namespace) ?? emptyDigest;
    if (!isWorthPulling(this.#shared, this.#session, namespace, theirs)) this.#ack(false);
    else if (!turns.take(namespace, this.#session.id, now.monotonicMs)) this.#ack(true);
    else {
      this.#pull = new StreamPull(this.#shared, this.#session, namespace);
      this.#pull.start(now);
    }
  }

  #pulled(pull: StreamPull, frame: Frame, now: Now): void {
    pull.frame(frame, now);
    if (pull.result === undefined) return;
    this.#pull = undefined;
    this.#ack(false);
  }

  #ack(hold: boolean): void {
    const namespace = this.#namespace;
    const digest = digestOf(this.#shared.replica, namespace, this.#session.lower);
    this.#session.send({ kind: "ack", namespace, hold, digest });
  }

  #auditSlice(frame: AuditFrame): void {
    const { namespace } = frame;
    this.#turnTo(namespace);
    const same = isSameSlice(this.#shared.replica, this.#session.lower, frame);
    this.#session.send({ kind: "audited", namespace, same });
  }

  /** What was granted for one namespace does not hold for the next. */
  #turnTo(namespace: string): void {
    this.#session.intake.close();
    if (namespace !== this.#namespace) this.#shared.turns.release(this.#session.id);
    this.#namespace = namespace;
    this.#listed = [];
    this.#pushable = false;
  }

  #bye({ reason, root }: FrameOf<"bye">): void {
    const { replica } = this.#shared;
    const ours = reason === "equal" ? rootOf(digestsOf(replica, this.#session.lower)) : undefined;
    const equal = ours !== undefined && root !== undefined && equalBytes(ours, root);
    this.#session.finish({ equal });
  }
}
