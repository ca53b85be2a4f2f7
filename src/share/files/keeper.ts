/**
 * Keeps shares in as many copies as they want: looks at all shares when something changed and now and then, and does what
 * `dutyOf` says is this member's. Who drops says so first and removes later, so that two that drop at once see it in time;
 * who holds says so only when the whole of it is on its disk.
 */
import type { CID } from "multiformats/cid";
import { toCoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { Clock, Log, Metrics, Random } from "../../core/ports.ts";
import type { BlockStore } from "./block-store.ts";
import { dutyOf } from "./placement.ts";
import type { Candidate, Candidates, Fetcher, Providers, Share, ShareState } from "./ports.ts";
import { parseRoot } from "./share-record.ts";

export type KeeperParts = {
  readonly blocks: Pick<BlockStore, "hold" | "release" | "root" | "roots" | "session">;
  readonly shares: ShareState;
  readonly candidates: Candidates;
  readonly fetcher: Fetcher;
  readonly providers: Providers;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  /** How many shares are fetched at once; may change at any time. */
  concurrent(): number;
};

/** Where shares are many and change all the time, looking at them takes about a tenth of it. */
const restTimes = 9;

export class Keeper {
  readonly #parts: KeeperParts;
  readonly #stopped = new AbortController();
  readonly #fetching = new Map<string, Promise<void>>();
  /** When a share that could not be fetched is tried again, by the monotonic clock. */
  readonly #restUntil = new Map<string, { readonly ms: number; readonly times: number }>();
  readonly #stops: (() => void)[] = [];
  #lookAtMs = Number.POSITIVE_INFINITY;
  /** How long the last one took. */
  #lookMs = 0;
  #cancelLook: (() => void) | undefined;
  /** Roots that stand in the DHT, or wait for it. */
  readonly #provided = new Map<string, CID>();
  #providing: Promise<void> = Promise.resolve();
  #looking: Promise<void> | undefined;
  /** When each share was last brought here, for `status`. */
  readonly repairedAt = new Map<string, number>();

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  start(): void {
    const { shares, candidates } = this.#parts;
    this.#stops.push(
      shares.onChange(() => this.#soon()),
      candidates.onChange(() => this.#soon()),
    );
    this.#soon();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#cancelLook?.();
    for (const stop of this.#stops.splice(0)) stop();
    await this.#looking;
    await this.#providing;
    await Promise.allSettled(this.#fetching.values());
  }

  /** A moment later, so that many changes are one look, and members do not act all at once on the same news. */
  #soon(): void {
    if (this.#stopped.signal.aborted) return;
    const { clock, random } = this.#parts;
    const restMs = Math.max(limits.keeperDelayMs, restTimes * this.#lookMs);
    const delayMs = restMs * (0.5 + random.float());
    if (this.#lookAtMs > clock.monotonicMs() + delayMs) this.#lookAfter(delayMs);
  }

  #lookAfter(delayMs: number): void {
    const { clock } = this.#parts;
    this.#cancelLook?.();
    this.#lookAtMs = clock.monotonicMs() + delayMs;
    this.#cancelLook = clock.after(delayMs, () => {
      this.#lookAtMs = Number.POSITIVE_INFINITY;
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined;
        if (!this.#stopped.signal.aborted) this.#lookAfter(limits.keeperIntervalMs);
      });
    });
  }

  async #look(): Promise<void> {
    const { shares, candidates, clock, log } = this.#parts;
    const beganMs = clock.monotonicMs();
    const members = candidates.list();
    const wanted = new Set<string>();
    const own = new Set<string>();
    try {
      for (const page of shares.pages()) {
        for (const share of page) {
          wanted.add(share.root);
          if (share.owner === candidates.self) own.add(share.root);
          await this.#lookAt(share, members);
        }
        await clock.sleep(0, this.#stopped.signal);
      }
      await this.#forget(wanted, own);
      this.#tellDht();
    } catch (error) {
      const { code, message } = toCoterieError(error);
      if (!this.#stopped.signal.aborted)
        log.warn("shares could not be looked after", { code, reason: message });
    }
    this.#lookMs = clock.monotonicMs() - beganMs;
  }

  async #lookAt(share: Share, members: readonly Candidate[]): Promise<void> {
    const { shares, candidates } = this.#parts;
    const holders = shares.holders(share.root);
    await this.#say(share, holders);
    const duty = dutyOf(candidates.self, share.owner, share, holders, members);
    if (duty === "fetch" || this.#isDamaged(share.root)) this.#fetch(share);
    if (duty === "drop") await this.#drop(share.root);
    if (duty === "stay") this.#giveUpPart(share.root);
  }

  /**
   * Nothing is kept, or said to be held, of what is shared no more. What this member added and another removed or replaced
   * is one of those; what was taken up just now may be about to be shared.
   */
  async #forget(wanted: ReadonlySet<string>, own: ReadonlySet<string>): Promise<void> {
    const { blocks, shares, clock } = this.#parts;
    const settled = clock.wallMs() - limits.shareSettleMs;
    for (const { cid, held, usedAt } of Array.from(blocks.roots())) {
      const root = cid.toString();
      const isSettled = usedAt < settled;
      if (held.includes("shared") && !own.has(root) && isSettled) {
        await blocks.hold(cid, "kept");
        blocks.release(cid, "shared");
      }
      if (wanted.has(root)) continue;
      if (isSettled) await shares.setHeld(root, false);
      await this.#drop(root);
    }
  }

  /** Of what this member added, all was here once. */
  #isDamaged(root: string): boolean {
    const row = this.#parts.blocks.root(parseRoot(root));
    return row?.whole === false && row.held.includes("shared");
  }

  /** A statement of ours that is not true, or is wanting, is put right: the store may have been restored. */
  async #say(share: Share, holders: readonly string[]): Promise<void> {
    const { blocks, shares, candidates } = this.#parts;
    const row = blocks.root(parseRoot(share.root));
    const holds = row?.whole === true && row.held.some((holding) => holding !== "cached");
    if (holds !== holders.includes(candidates.self)) await shares.setHeld(share.root, holds);
  }

  #fetch(share: Share): void {
    const { clock, concurrent } = this.#parts;
    if (this.#fetching.has(share.root) || this.#fetching.size >= concurrent()) return;
    if ((this.#restUntil.get(share.root)?.ms ?? 0) > clock.monotonicMs()) return;
    const done = this.#bring(share).finally(() => {
      this.#fetching.delete(share.root);
      this.#soon();
    });
    this.#fetching.set(share.root, done);
  }

  async #bring(share: Share): Promise<void> {
    const { blocks, shares, fetcher, log, metrics, clock } = this.#parts;
    const root = parseRoot(share.root);
    const session = blocks.session();
    const { signal } = this.#stopped;
    try {
      await blocks.hold(root, "kept", { whole: false, bytes: share.bytes });
      const holders = shares.holders(share.root);
      await fetcher.fetch(root, { holders, signal, onProgress: () => undefined });
      await blocks.hold(root, "kept", { whole: true });
      await shares.setHeld(share.root, true);
      this.#restUntil.delete(share.root);
      this.repairedAt.set(share.root, clock.wallMs());
      metrics.count("files.repaired");
    } catch (error) {
      if (!signal.aborted) this.#rest(share.root, error);
    } finally {
      session.end();
    }
    log.debug("a share was looked after", { root: share.root });
  }

  /** What is whole here is to be found through the DHT, whoever holds it for what; and nothing else. */
  #tellDht(): void {
    const { blocks, providers } = this.#parts;
    const whole = new Map<string, CID>();
    for (const { cid, whole: isWhole } of blocks.roots()) {
      if (isWhole) whole.set(cid.toString(), cid);
    }
    for (const [name, root] of this.#provided) {
      if (whole.has(name)) continue;
      this.#provided.delete(name);
      providers.withdraw(root);
    }
    for (const [name, root] of whole) {
      if (this.#provided.has(name)) continue;
      this.#provided.set(name, root);
      this.#providing = this.#providing.then(() => this.#provide(name, root));
    }
  }

  async #provide(name: string, root: CID): Promise<void> {
    if (this.#stopped.signal.aborted || !this.#provided.has(name)) return;
    try {
      await this.#parts.providers.provide(root, this.#stopped.signal);
    } catch (error) {
      const { code } = toCoterieError(error);
      this.#parts.log.debug("a root could not be announced", { root: name, code });
    }
  }

  #rest(root: string, error: unknown): void {
    const { clock, log, metrics } = this.#parts;
    const times = (this.#restUntil.get(root)?.times ?? 0) + 1;
    const restMs = Math.min(limits.keeperRestMsMax, limits.keeperRestMs * 2 ** (times - 1));
    this.#restUntil.set(root, { ms: clock.monotonicMs() + restMs, times });
    const { code, message } = toCoterieError(error);
    metrics.count("files.repair_failed");
    log.warn("a share could not be fetched", { root, code, reason: message, restMs });
  }

  /** What an interrupted fetch left, when others have made the copy meanwhile. */
  #giveUpPart(root: string): void {
    const { blocks } = this.#parts;
    const cid = parseRoot(root);
    const row = blocks.root(cid);
    const isPart = row?.whole === false && row.held.includes("kept");
    if (isPart && !this.#fetching.has(root)) blocks.release(cid, "kept");
  }

  async #drop(root: string): Promise<void> {
    const { blocks, shares, metrics } = this.#parts;
    const cid = parseRoot(root);
    const row = blocks.root(cid);
    if (row === undefined || !row.held.includes("kept")) return;
    const isOwn = row.held.some((holding) => holding === "pinned" || holding === "shared");
    if (isOwn) return; // what this member wants for itself counts as a copy, and stays one
    await shares.setHeld(root, false);
    blocks.release(cid, "kept");
    metrics.count("files.dropped");
  }
}
