/**
 * Takes back the space of what nothing needs, in small steps between which others write and read. A step either judges
 * some candidates (`BlockIndex`), or copies what lives of a stretch of a pack elsewhere, so that the pack can be removed
 * whole. In the background it rests three times as long as it worked, or as long as it worked once space gets tight: so
 * early that a writer seldom has to wait for room, which it does without rests.
 */
import { limits } from "../../core/limits.ts";
import { toCoterieError } from "../../core/errors.ts";
import type { Clock, Log } from "../../core/ports.ts";
import { codecs } from "./block-key.ts";
import { linksOf } from "./block-links.ts";
import type { Place } from "./pack-files.ts";
import type { PackLog } from "./pack-log.ts";
import { Turns } from "./turns.ts";

const everything = 2 ** 48 - 1;
/** A pack is rewritten in the background when so much of it is dead; when space is tight, and for `gc`, when this. */
const deadEnough = 0.5;
const deadAtAll = 1 / 32;
/** Packs rewritten for one writer before it is told that there is no room. */
const packsPerWriterMax = 16;

/** Of `collectBytes` each. */
const stepsPerFlush = 4;

export type CollectorParts = {
  readonly packs: PackLog;
  readonly clock: Clock;
  readonly log: Log;
  /** The least epoch of an open session; undefined when none is open. */
  oldestSession(): number | undefined;
  quotaBytes(): number;
  /** Called with blocks that are gone. */
  onGone(keys: readonly Uint8Array[]): void;
};

type Judged = { key: Uint8Array; place: Place | undefined; links: readonly Uint8Array[] };

export class Collector {
  readonly #parts: CollectorParts;
  readonly #steps = new Turns();
  readonly #stopped = new AbortController();
  #running: Promise<void> | undefined;
  #isAsked = false;
  /** Packs that hold something that could not be copied. */
  readonly #stuck = new Set<number>();
  /** One pack at a time stands beside its copy: who waits for room helps to end what was begun in the background. */
  #rewritten: number | undefined;

  constructor(parts: CollectorParts) {
    this.#parts = parts;
  }

  /** Something may have died: looks for it in the background. */
  wake(): void {
    if (this.#stopped.signal.aborted) return;
    this.#isAsked = true;
    this.#running ??= this.#run();
  }

  /** The packs grew: begins early to take back what a writer would have to wait for. */
  grown(): void {
    if (this.#isTight()) this.wake();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  /** Takes back all there is, and returns the bytes freed on disk. */
  async collectAll(signal: AbortSignal): Promise<number> {
    const before = this.#parts.packs.diskBytes;
    const pause = async (): Promise<void> => signal.throwIfAborted();
    await this.#sweep(pause);
    this.#stuck.clear();
    await this.#parts.packs.rollDead(deadAtAll);
    while (await this.#compact(deadAtAll, pause));
    return Math.max(0, before - this.#parts.packs.diskBytes);
  }

  /** True when so many bytes may be written: then their place is within the quota, or soon will be. */
  async makeRoom(bytes: number): Promise<boolean> {
    const { packs } = this.#parts;
    const pause = async (): Promise<void> => undefined;
    for (let rewritten = 0; !this.#fits(bytes);) {
      await this.#sweep(pause);
      if (this.#fits(bytes)) break;
      if (packs.liveBytes + bytes > this.#parts.quotaBytes()) {
        if (!this.#evict()) return false;
        continue;
      }
      if (++rewritten > packsPerWriterMax) return false;
      if (await this.#compact(deadAtAll, pause)) continue;
      if (!(await packs.rollDead(deadAtAll))) return false;
    }
    return true;
  }

  #fits(bytes: number): boolean {
    const { packs, quotaBytes } = this.#parts;
    return packs.liveBytes + bytes <= quotaBytes() && packs.diskBytes + bytes <= this.#diskMax();
  }

  /** With what is dead and waits to be collected. */
  #diskMax(): number {
    const quota = this.#parts.quotaBytes();
    return quota + Math.min(limits.filesSlackBytes, quota / 4);
  }

  /** Little is left until writers have to wait, and there is something to gain. */
  #isTight(): boolean {
    const { packs, quotaBytes } = this.#parts;
    const aheadBytes = Math.min(limits.collectAheadBytes, quotaBytes() / 8);
    const dead = packs.diskBytes - packs.liveBytes;
    return dead > aheadBytes && packs.diskBytes > this.#diskMax() - aheadBytes;
  }

  /** Gives up the root that is only cached and was not used for longest. */
  #evict(): boolean {
    const { index } = this.#parts.packs;
    const key = index.oldestCached();
    if (key === undefined) return false;
    index.setRoot(key, () => ({ held: [], whole: false, usedAt: 0, bytes: 0 }));
    return true;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    const { clock } = this.#parts;
    let sinceMs = clock.monotonicMs();
    const pause = async (): Promise<void> => {
      const rests = this.#isTight() ? 1 : 3;
      await clock.sleep(Math.max(1, rests * (clock.monotonicMs() - sinceMs)), signal);
      sinceMs = clock.monotonicMs();
    };
    try {
      while (this.#isAsked) {
        this.#isAsked = false;
        await this.#sweep(pause);
        while (await this.#compact(this.#isTight() ? deadAtAll : deadEnough, pause));
      }
    } catch (error) {
      if (signal.aborted) return;
      const { code, message } = toCoterieError(error);
      this.#parts.log.warn("space could not be taken back", { code, reason: message });
    } finally {
      this.#running = undefined;
    }
  }

  /** Judges all candidates, and those that become candidates by it. */
  async #sweep(pause: () => Promise<void>): Promise<void> {
    for (let gone = -1; gone !== 0;) {
      gone = 0;
      await this.#parts.packs.commit();
      for (let from: Uint8Array | undefined; ;) {
        const step = await this.#steps.take(() => this.#judge(from));
        gone += step.gone;
        from = step.next;
        if (from === undefined) break;
        await pause();
      }
    }
    await this.#parts.packs.removeEmpty();
  }

  async #judge(from: Uint8Array | undefined): Promise<{ gone: number; next?: Uint8Array }> {
    const { packs, oldestSession } = this.#parts;
    const limit = limits.collectBlocks;
    const { keys, next } = packs.index.candidates(oldestSession() ?? everything, from, limit);
    const judged: Judged[] = [];
    let links = 0;
    for (const key of keys) {
      if (links > limits.indexGroupLinks) return this.#finish(judged, key);
      const one = await this.#look(key);
      links += one.links.length;
      judged.push(one);
    }
    return this.#finish(judged, next);
  }

  #finish(judged: Judged[], next: Uint8Array | undefined): { gone: number; next?: Uint8Array } {
    const { packs, oldestSession, onGone } = this.#parts;
    // in one turn of the loop with the transaction: nobody takes up a block in between
    const idle = judged.filter(({ key }) => !packs.isBusy(key));
    const gone = idle.length === 0 ? [] : packs.index.collect(idle, oldestSession() ?? everything);
    onGone(gone);
    return next === undefined ? { gone: gone.length } : { gone: gone.length, next };
  }

  async #look(key: Uint8Array): Promise<Judged> {
    const { packs } = this.#parts;
    const row = packs.index.block(key);
    const mayDie = row?.refs === 0 && row.place !== undefined && row.linked;
    if (!mayDie || key[0] !== codecs.dagPb) return { key, place: row?.place, links: [] };
    const bytes = await packs.read(key);
    const place = packs.index.block(key)?.place;
    return { key, place, links: bytes === undefined ? [] : linksOf(key, bytes) };
  }

  /** Rewrites the pack of which most is dead, if that is at least so much of it. */
  async #compact(deadMin: number, pause: () => Promise<void>): Promise<boolean> {
    const { packs } = this.#parts;
    const pack = this.#deadest(deadMin);
    if (pack === undefined) return false;
    this.#rewritten = pack;
    let steps = 0;
    for (let at: number | undefined = 0; at !== undefined;) {
      const from: number = at;
      at = await this.#steps.take(() => packs.evacuate(pack, from));
      // or the flush of a writer would have to wait for the copy of a whole pack
      if (++steps % stepsPerFlush === 0) await packs.sync();
      await pause();
    }
    await packs.commit();
    await packs.removeEmpty();
    this.#rewritten = undefined;
    if ([...packs.sealed()].some(({ id }) => id === pack)) this.#stuck.add(pack);
    return true;
  }

  #deadest(deadMin: number): number | undefined {
    let best: { id: number; dead: number } | undefined;
    for (const { id, size, live } of this.#parts.packs.sealed()) {
      if (id === this.#rewritten && !this.#stuck.has(id)) return id;
      const dead = size === 0 ? 1 : (size - live) / size;
      if (dead < deadMin || this.#stuck.has(id) || dead <= (best?.dead ?? -1)) continue;
      best = { id, dead };
    }
    return best?.id;
  }
}
