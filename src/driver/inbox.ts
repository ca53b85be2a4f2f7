/**
 * State gossip on its way into the store. A message is judged at once, from its bytes, so that the relay need not wait for
 * the disk; what is accepted is applied with whatever else has come, in one transaction a turn of the loop. So a burst
 * costs one flush of the disk and not one each, which is what a slow disk can bear.
 */
import { bytesName } from "../core/codec.ts";
import { toCoterieError, type CoterieError } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import type { Clock, Log, Metrics, PeerName, Verdict } from "../core/ports.ts";
import type { Fault } from "./conduct.ts";
import type { Admission } from "../protocol/gossip/admission.ts";
import type { AcceptedBundle } from "../protocol/state/bundle.ts";
import { peekBundle } from "../protocol/state/bundle-head.ts";
import { stampMs } from "../protocol/state/stamp.ts";
import type { State } from "../protocol/state/state.ts";

export type InboxParts = {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly state: State;
  readonly admission: Admission;
  readonly charge: (peer: PeerName, fault: Fault) => void;
  /** Hears how each transaction went; undefined for well. */
  readonly outcome: (error: CoterieError | undefined) => void;
};

type Waiting = { readonly accepted: AcceptedBundle; readonly bytes: number };

const promoteMsMin = 10;
/** A commit keeps the loop busy, so what is relayed goes out before it. */
const relayMs = 2;

export class Inbox {
  readonly #parts: InboxParts;
  #waiting: Waiting[] = [];
  #bytes = 0;
  #cancelApply: (() => void) | undefined;
  #cancelPromote: (() => void) | undefined;
  #stopped = false;

  constructor(parts: InboxParts) {
    this.#parts = parts;
  }

  /** Judges a bundle that came in a message, within the budgets of its author and of the peer it came from. */
  take(namespace: string, bundle: Uint8Array, from: PeerName): Verdict {
    const head = peekBundle(bundle);
    if (head !== undefined) {
      const load = { author: bytesName(head.author), entries: head.entries };
      const why = this.#parts.admission.gossip(from, load, this.#parts.clock.monotonicMs());
      if (why !== undefined) return this.#ignored(why);
    }
    return this.judge(namespace, bundle, from);
  }

  /** `namespace` is the topic's; a bundle of another is refused, or one bundle could be relayed on every topic. */
  judge(namespace: string, bundle: Uint8Array, from: PeerName): Verdict {
    const { state, clock, admission } = this.#parts;
    const wallMs = clock.wallMs();
    const { result, accepted } = state.offer(bundle, from, wallMs);
    if (accepted !== undefined && accepted.header.namespace !== namespace) {
      this.#parts.metrics.count("gossip.wrong_topic");
      return this.rejected(from, { code: "REFUSED", reason: "a batch on another's topic" });
    }
    if (result.quarantined > 0) this.#schedulePromote();
    const hasRoom = accepted === undefined || this.#keep(accepted, bundle.length);
    if (result.invalid) {
      return this.rejected(from, { code: "REFUSED", reason: result.reason ?? "invalid" });
    }
    if (!hasRoom) return "ignore";
    if (accepted === undefined) return this.#ignored("quarantined");
    admission.sound(bytesName(accepted.header.author));
    const isFresh = wallMs - stampMs(accepted.header.stamp) <= limits.freshMs;
    return isFresh || state.isNews(accepted) ? "accept" : this.#ignored("stale");
  }

  /** A message with a fault that every node would see. Its sender relayed or made it unread; gossip's score knows too. */
  rejected(from: PeerName, fault: Fault): Verdict {
    this.#parts.metrics.count("gossip.invalid");
    this.#parts.charge(from, { ...fault, code: "REFUSED" });
    return "reject";
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelApply?.();
    this.#cancelPromote?.();
  }

  #ignored(why: string): Verdict {
    this.#parts.metrics.count(`gossip.${why}`);
    return "ignore";
  }

  /** False when there is no room for it. */
  #keep(accepted: AcceptedBundle, bytes: number): boolean {
    if (this.#bytes + bytes > limits.inboxBytesMax) {
      this.#parts.metrics.count("gossip.inbox_full");
      return false;
    }
    this.#waiting.push({ accepted, bytes });
    this.#bytes += bytes;
    this.#schedule();
    return true;
  }

  #schedule(): void {
    if (this.#waiting.length === 0 || this.#cancelApply !== undefined || this.#stopped) return;
    this.#cancelApply = this.#parts.clock.after(relayMs, () => {
      this.#cancelApply = undefined;
      this.#apply(this.#nextTurn());
      this.#schedule();
    });
  }

  #nextTurn(): AcceptedBundle[] {
    let entries = 0;
    let count = 0;
    for (const { accepted, bytes } of this.#waiting) {
      if (count > 0 && entries + accepted.entries.length > limits.inboxEntriesPerTurn) break;
      entries += accepted.entries.length;
      this.#bytes -= bytes;
      count++;
    }
    return this.#waiting.splice(0, count).map(({ accepted }) => accepted);
  }

  #apply(bundles: readonly AcceptedBundle[]): void {
    try {
      this.#parts.state.apply(bundles);
      this.#parts.outcome(undefined);
    } catch (error) {
      this.#parts.outcome(toCoterieError(error));
    }
  }

  #schedulePromote(): void {
    const { clock, state } = this.#parts;
    const dueMs = state.nextDueMs();
    this.#cancelPromote?.();
    if (dueMs === undefined || this.#stopped) return;
    const delay = Math.min(Math.max(promoteMsMin, dueMs - clock.wallMs()), limits.syncIntervalMs);
    this.#cancelPromote = clock.after(delay, () => {
      try {
        state.promote(clock.wallMs());
      } catch (error) {
        this.#parts.outcome(toCoterieError(error));
      }
      this.#schedulePromote();
    });
  }
}
