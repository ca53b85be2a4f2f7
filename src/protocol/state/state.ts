/**
 * The replicated state of one node: decides what to accept, what lives and what a key's value is. It reads and writes
 * through the `Store` port only; time and identity are given to it. Everything a write touches (entries, indexes,
 * fingerprints, feed, the writer's position and its stamp mark) is committed in one transaction.
 */
import { Writer } from "../../core/codec.ts";
import { CoterieError } from "../../core/errors.ts";
import { peerNameOf } from "../../core/ids.ts";
import type { Identity } from "../../core/identity.ts";
import { limits } from "../../core/limits.ts";
import type {
  IngestResult,
  PeerName,
  Random,
  Store,
  StoreReader,
  StoreWriter,
} from "../../core/ports.ts";
import { Boundaries } from "./boundaries.ts";
import type { AcceptedBundle } from "./bundle.ts";
import { chainKey, encodeChain } from "./chain.ts";
import { dutiesDue, nextDuties } from "./duties.ts";
import {
  arrivalsAfter,
  changesAfter,
  lastFeedSeq,
  type Change,
  type StoredArrival,
} from "./feed.ts";
import { summarise } from "./fingerprints.ts";
import { ForkWatch, type Findings, type ForkMemory } from "./fork-watch.ts";
import { keepHeader } from "./headers-index.ts";
import { resolveWrites, type Resolved, type Write } from "./intent.ts";
import { liveRows, weigh } from "./live-rows.ts";
import { LiveSet, type Applied } from "./live-set.ts";
import { metaKeys, openMeta } from "./meta.ts";
import { judgeOffer, nothing, notNow, type Offer } from "./offer.ts";
import { OwnWriter } from "./own-writer.ts";
import { Quarantine, type HeldEntry } from "./quarantine.ts";
import { endBound, entryKey, startBound } from "./rows.ts";
import { signBatch, type Hand } from "./sign-batch.ts";
import { StampClock, stampLimit, stampMs } from "./stamp.ts";
import { HashSum } from "./sum.ts";

export type StateOptions = {
  readonly store: Store;
  readonly identity: Identity;
  /** 32 bytes. */
  readonly network: Uint8Array;
  readonly random: Random;
  /** Names the place the store is in; another one than last time means it was copied. */
  readonly origin: string;
};

/** Writes of one writer to one namespace, for one signature. */
export type WriteBatch = { readonly namespace: string; readonly entries: readonly Write[] };

/** A batch that was written here: committed, not yet published. */
export type LocalBatch = {
  readonly namespace: string;
  /** Empty when there was nothing to write. */
  readonly bundle: Uint8Array;
  readonly stamp: bigint;
  readonly entries: number;
  /** Why some of it was not written, by place in the batch; the rest of it was. */
  readonly refused: ReadonlyMap<number, CoterieError>;
};

/** What a listener is told after a transaction. */
export type StateEvents = {
  /** The feed has moved, by entries of these namespaces. */
  changed(namespaces: readonly string[]): void;
  /** A writer signed two headers for one position. */
  forked(author: PeerName): void;
  /** A namespace holds its first entry. */
  namespace(name: string): void;
  /** Somebody else signed as this node's writer (40 bytes): it is closed, and this node goes on under another nonce. */
  closed(writer: Uint8Array): void;
  /** There is something for `perform` to write. */
  duties(): void;
};

/** Bundles of the quarantine applied in one call, so that it takes some milliseconds only. */
const promotionsMax = 32;

export class State {
  readonly #store: Store;
  readonly #options: StateOptions;
  readonly #quarantine = new Quarantine();
  readonly #namespaces = new Set<string>();
  readonly #boundaries: Boundaries;
  readonly #storeId: Uint8Array;
  readonly #clock: StampClock;
  /** The schema version that the store had, if opening it brought it to this program's. */
  readonly migratedFrom: number | undefined;
  readonly #own: OwnWriter;
  #forkMemory: ForkMemory = { waiting: [], proven: new Set() };
  #forks: number;
  #events: StateEvents | undefined;

  /** Opens the state; throws `STORE_VERSION` when a newer version of the program wrote the store. */
  constructor(options: StateOptions) {
    this.#options = options;
    this.#store = options.store;
    const meta = openMeta(options.store, options.random, options.origin);
    this.#boundaries = new Boundaries(meta.salt);
    this.migratedFrom = meta.migratedFrom;
    this.#storeId = meta.storeId;
    this.#own = new OwnWriter(options.identity.publicKey, meta.nonce);
    this.#forks = meta.forks;
    for (const name of meta.namespaces) this.#namespaces.add(name);
    this.#clock = new StampClock(meta.highestStamp);
  }

  listen(events: StateEvents): void {
    this.#events = events;
  }

  /** Author and nonce of this node, 40 bytes. */
  get writer(): Uint8Array {
    return this.#own.bytes.slice();
  }

  /** Names the store in cursors. */
  get storeId(): Uint8Array {
    return this.#storeId;
  }

  get store(): StoreReader {
    return this.#store;
  }

  get quarantined(): number {
    return this.#quarantine.size;
  }

  /** What is held of a key until its time has come, of whatever type. */
  heldOf(namespace: string, key: string): readonly HeldEntry[] {
    return this.#quarantine.of(namespace, key);
  }

  get forks(): number {
    return this.#forks;
  }

  namespaces(): readonly string[] {
    return [...this.#namespaces].toSorted();
  }

  /** Milliseconds by which this state's stamps lead the wall clock. */
  leadMs(wallMs: number): number {
    return this.#clock.leadMs(wallMs);
  }

  summary(namespace: string): HashSum {
    return summarise(this.#store, namespace, startBound, endBound);
  }

  feedSeq(): bigint {
    return lastFeedSeq(this.#store);
  }

  changesAfter(seq: bigint, limit: number): Change[] {
    return changesAfter(this.#store, seq, limit);
  }

  /**
   * What to copy of the store so that another one becomes equal: everything that lives at the call that finds nothing
   * more lived when it was passed or came later, and what was passed and is dead by then is superseded there, too.
   */
  arrivalsAfter(arrival: number, maxBytes: number): StoredArrival[] {
    return arrivalsAfter(this.#store, arrival, maxBytes);
  }

  /**
   * Writes batches under this node's signature, in one transaction. Keys within a batch are distinct and each batch is
   * within the limits (the coalescing of protocol/gossip sees to it). What is refused by itself is told with its batch
   * and keeps nothing else from being written. Throws `CLOCK_AHEAD` or what the store throws; then nothing was written.
   */
  write(
    batches: readonly WriteBatch[],
    wallMs: number,
    alongside?: (tx: StoreWriter) => void,
  ): LocalBatch[] {
    const known = new Set(this.#namespaces);
    const { written, signed, outcomes } = this.#transact((tx, live) => {
      const parts = batches.map((batch) => this.#writeBatch(tx, live, known, batch, wallMs));
      tx.put(metaKeys.stamp, new Writer().u64(this.#clock.last).finish());
      alongside?.(tx);
      const made = parts.flatMap((part) => part.made ?? []);
      return {
        written: parts.map(({ batch }) => batch),
        signed: made.map((one) => one.signed),
        outcomes: made.map(({ applied }) => applied),
      };
    });
    this.#settle(signed, outcomes);
    return written;
  }

  dutiesDue(): ReturnType<typeof dutiesDue> {
    return dutiesDue(this.#store);
  }

  /** Writes what this node owes the others because writers forked (duties.ts), some of it a call. Throws like `write`. */
  perform(wallMs: number): LocalBatch | undefined {
    const due = nextDuties(this.#store);
    if (due === undefined) return undefined;
    const [batch] = this.write([due], wallMs, (tx) => {
      for (const key of due.keys) tx.remove(key);
    });
    return batch;
  }

  #writeBatch(
    tx: StoreWriter,
    live: LiveSet,
    known: Set<string>,
    { namespace, entries: writes }: WriteBatch,
    wallMs: number,
  ): { batch: LocalBatch; made?: { signed: AcceptedBundle; applied: Applied } } {
    const stamp = this.#clock.next(wallMs);
    const at = { writer: this.writer, stamp };
    const { entries, refused } = admits(known, namespace)
      ? resolveWrites(tx, namespace, writes, at)
      : oneTooMany(known, writes);
    const batch = { namespace, bundle: nothingToSend, stamp, entries: entries.length, refused };
    if (entries.length === 0) return { batch };
    const signed = signBatch(tx, this.#hand(), namespace, entries, stamp);
    tx.put(chainKey(namespace, this.#own.nonce), encodeChain(signed));
    this.#own.writes(tx, namespace, entries, stamp);
    const applied = live.apply(signed);
    keepHeader(tx, signed);
    return { batch: { ...batch, bundle: signed.bytes }, made: { signed, applied } };
  }

  /** See `ingestAll`. */
  ingest(bundle: Uint8Array, from: PeerName, wallMs: number): IngestResult {
    const [result = nothing] = this.ingestAll([bundle], from, wallMs);
    return result;
  }

  /**
   * Offers bundles from a peer and applies them in one transaction, since each costs a flush of the disk; the outcomes
   * stand in the same order. Never throws for what is in the bytes; throws what the store throws.
   */
  ingestAll(bundles: readonly Uint8Array[], from: PeerName, wallMs: number): IngestResult[] {
    const offers = bundles.map((bundle) => this.offer(bundle, from, wallMs));
    const accepted = offers.flatMap((offer) => offer.accepted ?? []);
    const outcomes = (accepted.length === 0 ? [] : this.apply(accepted)).values();
    return offers.map((offer) => {
      if (offer.accepted === undefined) return offer.result;
      const { applied, known } = outcomes.next().value ?? nothing;
      if (applied + known === 0) return notNow(offer.result, offer.accepted, "too many namespaces");
      return { ...offer.result, applied, known };
    });
  }

  /**
   * Decides about a bundle from its bytes and the time, without touching the store: `accepted` is what `apply` is to
   * be called with, if anything; what lies in the future is held back.
   */
  offer(bundle: Uint8Array, from: PeerName, wallMs: number): Offer {
    return judgeOffer(bundle, from, {
      network: this.#options.network,
      wallMs,
      held: this.#quarantine,
    });
  }

  /** Applies accepted bundles in one transaction; the outcomes stand in the same order. Throws what the store throws. */
  apply(bundles: readonly AcceptedBundle[]): Applied[] {
    const known = new Set(this.#namespaces);
    const { outcomes, findings } = this.#transact((_tx, live, watch) => ({
      outcomes: bundles.map((accepted) => {
        if (!admits(known, accepted.header.namespace)) return nothingApplied;
        watch.look(accepted);
        const applied = live.apply(accepted);
        watch.applied(accepted, applied);
        return applied;
      }),
      findings: watch.finish(this.#options.random),
    }));
    this.#settle(bundles, outcomes);
    this.#takeIn(findings);
    return outcomes;
  }

  #takeIn({ nonce, duties, waiting, proven }: Findings): void {
    const closed = this.#own.bytes;
    this.#forkMemory.waiting = waiting;
    if (this.#forkMemory.proven.size > limits.forkMemoryMax) this.#forkMemory.proven.clear();
    for (const writer of proven) this.#forkMemory.proven.add(writer);
    if (nonce !== undefined) this.#own.become(nonce);
    if (nonce !== undefined) this.#events?.closed(closed);
    if (duties.length > 0) this.#events?.duties();
  }

  /** True when some entry of it would come to live here. Reads only. */
  isNews({ header, writer, entries }: AcceptedBundle): boolean {
    const { namespace, stamp } = header;
    return entries.some(({ entry, hash, index }) => {
      const subject = { namespace, class: entry.class, type: entry.type, key: entry.key };
      const key = entryKey({ subject, writer, range: entry.range, stamp, index, hash });
      return weigh(this.#store, subject, { key, entry, writer, stamp, hash }) !== undefined;
    });
  }

  #transact<T extends { readonly outcomes: readonly Applied[] }>(
    work: (tx: StoreWriter, live: LiveSet, watch: ForkWatch) => T,
  ): T {
    return this.#store.transaction((tx) => {
      const watch = new ForkWatch(tx, this.#own, this.#forkMemory);
      const isOwn = (writer: Uint8Array): boolean => this.#own.is(writer);
      const live = new LiveSet(tx, this.#boundaries, isOwn, (...pair) => watch.superseded(...pair));
      const result = work(tx, live, watch);
      live.finish();
      const forks = result.outcomes.filter(({ forked }) => forked).length;
      if (forks > 0) {
        const sum = BigInt(this.#forks + forks);
        tx.put(metaKeys.forks, new Writer().u64(sum).finish());
      }
      return result;
    });
  }

  /** Takes into memory what a committed transaction changed, and tells the listener. */
  #settle(bundles: readonly AcceptedBundle[], outcomes: readonly Applied[]): void {
    const changed = new Set<string>();
    for (const [index, { header }] of bundles.entries()) {
      const { applied, forked } = outcomes[index]!;
      this.#clock.observe(header.stamp);
      if (forked) {
        this.#forks++;
        this.#events?.forked(peerNameOf(header.author));
      }
      if (applied > 0) changed.add(header.namespace);
    }
    if (changed.size === 0) return;
    this.#welcome([...changed]);
    this.#events?.changed([...changed]);
  }

  /** Applies what was held and is due, some of it a call; the rest stays due. What the store refuses stays held. */
  promote(wallMs: number): void {
    const due = this.#quarantine.due(stampLimit(wallMs), promotionsMax);
    if (due.length === 0) return;
    const offers = due.map(({ bundle, from }) => this.offer(bundle, from, wallMs));
    this.apply(offers.flatMap(({ accepted }) => accepted ?? []));
    for (const held of due) this.#quarantine.release(held);
  }

  /** When (wall clock) the next held bundle is due, or undefined. */
  nextDueMs(): number | undefined {
    const stamp = this.#quarantine.earliest();
    return stamp === undefined ? undefined : stampMs(stamp) - limits.futureToleranceMs;
  }

  /** The live entries of a key with their writers and stamps. */
  live(subject: Parameters<typeof liveRows>[1]): ReturnType<typeof liveRows> {
    return liveRows(this.#store, subject);
  }

  /** What this node signs with. */
  #hand(): Hand {
    const { identity, network } = this.#options;
    return { identity, network, nonce: this.#own.nonce };
  }

  #welcome(namespaces: readonly string[]): void {
    for (const name of namespaces) {
      if (this.#namespaces.has(name)) continue;
      this.#namespaces.add(name);
      this.#events?.namespace(name);
    }
  }
}

/** Takes note of a namespace; false when it would be one too many. */
function admits(known: Set<string>, namespace: string): boolean {
  if (known.size >= limits.namespacesMax && !known.has(namespace)) return false;
  known.add(namespace);
  return true;
}

function oneTooMany(known: ReadonlySet<string>, writes: readonly Write[]): Resolved {
  const reason = new CoterieError("OVERLOADED", `there are ${known.size} namespaces already`);
  return { entries: [], refused: new Map(writes.map((_, index) => [index, reason])) };
}

const nothingToSend = new Uint8Array(0);

const nothingApplied: Applied = { applied: 0, known: 0, forked: false };
