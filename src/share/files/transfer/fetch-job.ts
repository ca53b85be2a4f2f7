/**
 * What is to be had of one DAG, and who was asked for it. Holders take wants from the same walk, each as much as its window
 * has room for, so that the faster one takes more. When nothing is left to take, an idle holder is given what a slower one
 * has not answered for a while. A want that a holder cannot serve goes to the others; when none is left, that is the end.
 */
import type { CID } from "multiformats/cid";
import { toCoterieError } from "../../../core/errors.ts";
import { limits } from "../../../core/limits.ts";
import type { Clock, PeerName } from "../../../core/ports.ts";
import { isLeaf } from "../block-links.ts";
import type { Blocks } from "../blocks.ts";
import { BlockBuffers } from "./block-buffers.ts";
import { DagWalk, type Links } from "./dag-walk.ts";
import type { HolderSession } from "./holder-session.ts";
import { Intake } from "./intake.ts";

export type Want = {
  readonly cid: CID;
  /** Holders that did not have it, or not whole. */
  readonly without: Set<PeerName>;
  /** Holders that were asked and have not answered. */
  readonly askedOf: Set<PeerName>;
  isSettled: boolean;
};

export type FetchProgress = { readonly blocks: number; readonly bytes: number };

export type FetchJobParts = {
  readonly blocks: Blocks;
  readonly clock: Clock;
  readonly links?: Links;
  readonly onProgress: (progress: FetchProgress) => void;
};

export class FetchJob {
  /** Leaves lie in them until they are stored. */
  readonly buffers = new BlockBuffers();
  readonly #clock: Clock;
  readonly #walk: DagWalk;
  readonly #intake: Intake;
  readonly #stopping = new AbortController();
  readonly #sessions = new Map<PeerName, HolderSession<Want>>();
  /** Given back by holders. */
  readonly #again: Want[] = [];
  #waiting: (() => void)[] = [];
  #blocks = 0;
  #bytes = 0;

  constructor(root: CID, { blocks, clock, links, onProgress }: FetchJobParts) {
    this.#clock = clock;
    this.#walk = new DagWalk(root, {
      blocks,
      ...(links === undefined ? {} : { links }),
      signal: this.#stopping.signal,
      onRead: (error) => (error === undefined ? this.rouse() : this.fail(error)),
    });
    this.#intake = new Intake(
      blocks,
      (batch) => {
        for (const { cid, bytes } of batch) {
          this.#walk.stored(cid);
          this.#blocks++;
          this.#bytes += bytes.length;
          // links of a node may be read out of its bytes later
          if (isLeaf(cid)) this.buffers.giveBack(bytes);
        }
        onProgress({ blocks: this.#blocks, bytes: this.#bytes });
        this.rouse();
      },
      (error) => this.fail(error),
    );
  }

  /** Aborted when the job is over, with the failure if it failed. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  get progress(): FetchProgress {
    return { blocks: this.#blocks, bytes: this.#bytes };
  }

  get isDone(): boolean {
    return this.#walk.isDone && this.#again.length === 0;
  }

  fail(error: unknown): void {
    this.#stopping.abort(toCoterieError(error));
    this.rouse();
  }

  /** Looks for something to get while no holder does; true if there is. */
  prime(): boolean {
    if (this.#again.length > 0) return true;
    try {
      const want = this.#takeNew();
      if (want !== undefined) this.#again.push(want);
    } catch (error) {
      this.fail(error);
    }
    return this.#again.length > 0;
  }

  /** Resolves when anything has changed, or after a while; at once when the job is over. */
  async change(): Promise<void> {
    if (this.isDone || this.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(limits.blockStealMs, resolve);
      this.#waiting.push(() => {
        cancel();
        resolve();
      });
    });
  }

  join(session: HolderSession<Want>): void {
    this.#sessions.set(session.channel.peer, session);
  }

  /** The holder owes nothing, and nothing is wanted. */
  part(session: HolderSession<Want>): void {
    this.#sessions.delete(session.channel.peer);
  }

  /** The holder is out of it; what it owes is for others. */
  leave(session: HolderSession<Want>, reason: Error): void {
    const { peer } = session.channel;
    this.#sessions.delete(peer);
    for (const want of session.giveUp(reason)) this.giveBack(want, peer);
    this.rouse();
  }

  /** What to ask this holder next: at most `max`, none if there is nothing for it now. */
  take(session: HolderSession<Want>, max: number): Want[] {
    const { peer } = session.channel;
    const wants: Want[] = [];
    try {
      while (wants.length < max) {
        const want = this.#takeAgain(peer) ?? this.#takeNew();
        if (want === undefined) break;
        wants.push(want);
      }
    } catch (error) {
      this.fail(error);
    }
    if (wants.length === 0 && session.asked.length === 0) wants.push(...this.#steal(peer, max));
    for (const want of wants) want.askedOf.add(peer);
    return wants;
  }

  /** Resolves when there is room for more. */
  async settle(want: Want, bytes: Uint8Array): Promise<void> {
    if (want.isSettled) return; // two were asked
    want.isSettled = true;
    try {
      this.#walk.arrived(want.cid, bytes);
    } catch (error) {
      this.fail(error);
      return;
    }
    const room = this.#intake.add({ cid: want.cid, bytes });
    this.rouse();
    await room;
  }

  /** The holder cannot serve it. */
  isWithout(want: Want, peer: PeerName): void {
    want.without.add(peer);
    this.giveBack(want, peer);
    this.rouse();
  }

  /** A want that none of these holders can serve, if nothing else is under way. */
  stuckOn(holders: readonly PeerName[]): CID | undefined {
    return this.#again.find(({ without }) => holders.every((peer) => without.has(peer)))?.cid;
  }

  /** The holder will not answer it any more, or its answer was lost. */
  giveBack(want: Want, peer: PeerName): void {
    want.askedOf.delete(peer);
    if (!want.isSettled && want.askedOf.size === 0) this.#again.push(want);
  }

  #takeAgain(peer: PeerName): Want | undefined {
    const index = this.#again.findIndex(({ without }) => !without.has(peer));
    return index === -1 ? undefined : this.#again.splice(index, 1)[0];
  }

  /** None while too many were given back: a holder that has nothing must not walk ahead of the others. */
  #takeNew(): Want | undefined {
    if (this.#again.length >= limits.blockWantsQueuedMax) return undefined;
    const cid = this.#walk.take();
    return cid && { cid, without: new Set(), askedOf: new Set(), isSettled: false };
  }

  /** Of the holder that owes most, the half that it would answer last, if it owes that for long. */
  #steal(peer: PeerName, max: number): Want[] {
    const before = this.#clock.monotonicMs() - limits.blockStealMs;
    const owed = [...this.#sessions.values()].map(({ asked }) =>
      asked.flatMap(({ want, askedAtMs }) =>
        askedAtMs <= before && want.askedOf.size < 2 && !want.without.has(peer) && !want.isSettled
          ? [want]
          : [],
      ),
    );
    const most = owed.toSorted((a, b) => b.length - a.length)[0] ?? [];
    return most.slice(-Math.min(max, Math.ceil(most.length / 2)));
  }

  /** Those who wait for a change look again. */
  rouse(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
