/**
 * Reconciles one namespace with the responder, round by round: a message, its response, then the transfer of what
 * either side lacks in the ranges that were listed, and only then the next message, from what is here by then. A
 * transfer is our bundles as data, a `want` that closes them and names what we lack, and the peer's bundles and `end`;
 * so it costs one round trip for both directions, each bounded by a window.
 */
import { limits } from "../../core/limits.ts";
import type { Bound, ReconItem } from "../../core/ports.ts";
import { digestOf, sameDigest, type Digest } from "./digests.ts";
import type { Now } from "./effects.ts";
import { violation } from "./faults.ts";
import { type Frame, negBytesMax } from "./frames.ts";
import type { Tally } from "./intake.ts";
import {
  firstMessage,
  listingMessage,
  nextMessage,
  type OpenRange,
  putOff,
  type Needed,
  readResponse,
  type Scope,
} from "./reconcile.ts";
import type { Job } from "./job.ts";
import type { Session, Shared } from "./session.ts";
import { supplyItems } from "./supply.ts";
import type { Task, TaskResult } from "./task.ts";

type Range = { readonly from: Bound; readonly to: Bound };

export class Rounds implements Task {
  readonly #shared: Shared;
  readonly #session: Session;
  readonly #scope: Scope;
  #awaiting: "neg" | "end" = "neg";
  /** Our first message, until the response. */
  #first: Uint8Array | undefined;
  #open: readonly OpenRange[] = [];
  /** What waits until all of `#open` is settled. */
  #later: OpenRange | undefined;
  #need: readonly Needed[] = [];
  #have: readonly ReconItem[] = [];
  /** What the last `want` named. */
  #wanted: readonly Needed[] = [];
  /** The peer's, as of the last transfer. */
  #digest: Digest | undefined;
  /** Some difference is left for another session. */
  #left = false;
  #rounds = 0;
  #barrenRounds = 0;
  readonly #range: Range | undefined;
  result: TaskResult | undefined;

  /** With a range: begins by listing what is in it, whatever the digests say. */
  constructor(shared: Shared, session: Session, namespace: string, range?: Range) {
    this.#shared = shared;
    this.#session = session;
    const { replica } = shared;
    this.#scope = { replica, namespace, lower: session.lower, bytesMax: negBytesMax };
    this.#range = range;
  }

  start(): void {
    this.#session.run(this.#begin());
  }

  frame(frame: Frame, now: Now): void {
    if (frame.kind !== this.#awaiting || frame.namespace !== this.#scope.namespace) {
      violation("not the answer that is due");
    }
    this.#session.run(frame.kind === "neg" ? this.#response(frame, now) : this.#end(frame, now));
  }

  *#begin(): Job<void> {
    const range = this.#range;
    this.#first =
      range === undefined
        ? yield* firstMessage(this.#scope)
        : listingMessage(this.#scope, range.from, range.to, limits.syncAuditEntries);
    this.#ask(this.#first);
  }

  #ask(message: Uint8Array): void {
    this.#awaiting = "neg";
    this.#rounds++;
    this.#barrenRounds++;
    this.#session.send({ kind: "neg", namespace: this.#scope.namespace, hold: false, message });
  }

  *#response({ message, hold }: Extract<Frame, { kind: "neg" }>, now: Now): Job<void> {
    const { peer } = this.#session;
    const { need, have, open } = yield* readResponse(this.#scope, message);
    const { refusals } = this.#shared;
    if (this.#first !== undefined) {
      const { now: newest, later } = putOff(this.#scope, this.#first, open);
      this.#open = newest;
      this.#later = later;
      this.#first = undefined;
    } else this.#open = open;
    this.#need = need.filter(({ id }) => !refusals.blocks(peer, id, now.monotonicMs));
    this.#have = hold ? [] : have;
    if (this.#need.length < need.length || this.#have.length < have.length) this.#left = true;
    yield* this.#proceed(now);
  }

  /** What is to be done next, in order of precedence. */
  *#proceed(now: Now): Job<void> {
    if (this.#need.length > 0 || this.#have.length > 0) yield* this.#transfer();
    else if (this.#exhausted(now)) this.result = { verdict: "different" };
    else yield* this.#continue();
  }

  #exhausted(now: Now): boolean {
    return (
      this.#session.late(now) ||
      this.#rounds >= limits.syncRoundsMax ||
      this.#barrenRounds >= limits.syncBarrenRoundsMax
    );
  }

  #compare(): void {
    const { replica, namespace, lower } = this.#scope;
    // without a transfer the peer's answers said that nothing differs
    const same =
      this.#digest === undefined || sameDigest(digestOf(replica, namespace, lower), this.#digest);
    this.result = { verdict: same && !this.#left ? "equal" : "different" };
  }

  *#continue(): Job<void> {
    let message = yield* nextMessage(this.#scope, this.#open);
    if (message === undefined && this.#later !== undefined) {
      message = yield* nextMessage(this.#scope, [this.#later]);
      this.#later = undefined;
    }
    if (message === undefined) this.#compare();
    else this.#ask(message);
  }

  *#transfer(): Job<void> {
    const { namespace } = this.#scope;
    this.#awaiting = "end";
    const dealt = yield* supplyItems(this.#shared, this.#session, namespace, this.#have);
    if (dealt > 0) this.#barrenRounds = 0;
    this.#have = dealt === 0 ? [] : this.#have.slice(dealt);
    this.#wanted = this.#need.slice(0, limits.syncIdsPerFrameMax);
    this.#session.intake.open(this.#wanted.length > 0 ? limits.syncWindowBytes : 0);
    this.#session.send({ kind: "want", namespace, places: this.#wanted.map(({ place }) => place) });
  }

  *#end({ digest, dealt }: Extract<Frame, { kind: "end" }>, now: Now): Job<void> {
    if (dealt > this.#wanted.length) violation("more answers than questions");
    const tally = this.#session.intake.close();
    this.#noteMissing(tally, this.#wanted.slice(0, dealt), now);
    if (tally.applied + tally.known > 0) this.#barrenRounds = 0;
    this.#digest = digest;
    const stuck = dealt === 0 && this.#wanted.length > 0;
    if (stuck) this.#left = true;
    this.#need = stuck ? [] : this.#need.slice(dealt);
    yield* this.#proceed(now);
  }

  /** Bundles are opaque here, so a transfer that came short puts all its ids off; those that did come are not asked for again. */
  #noteMissing(tally: Tally, wanted: readonly Needed[], now: Now): void {
    const came = tally.applied + tally.known + tally.quarantined;
    if (tally.refused === 0 && came >= wanted.length) return;
    for (const { id } of wanted)
      this.#shared.refusals.note(this.#session.peer, id, now.monotonicMs);
  }
}
