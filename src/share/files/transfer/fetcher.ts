/**
 * Gets the blocks of a DAG from those who hold them: from several at once, each block checked against its CID before
 * anything else is done with it, to the disk as they come. A holder that lies is dropped and charged, one that does not
 * answer is dropped, and the others carry on. What is in the store already is not asked for.
 */
import type { CID } from "multiformats/cid";
import { CoterieError, toCoterieError, type ErrorCode } from "../../../core/errors.ts";
import { limits } from "../../../core/limits.ts";
import type {
  Budget,
  Bulk,
  BulkChannel,
  Clock,
  Hasher,
  Log,
  Metrics,
  PeerName,
} from "../../../core/ports.ts";
import type { Blocks } from "../blocks.ts";
import type { Links } from "./dag-walk.ts";
import { TaskPool } from "../task-pool.ts";
import { FetchJob, type FetchProgress, type Want } from "./fetch-job.ts";
import { blocksProtocol } from "./frames.ts";
import { HolderSession, type Answer } from "./holder-session.ts";
import { isDigestOf, matches } from "./verify.ts";

export type FetcherParts = {
  readonly bulk: Bulk;
  readonly blocks: Blocks;
  /** Of what comes down. */
  readonly budget: Budget;
  readonly hasher: Hasher;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** The holder sent what no honest one could. */
  charge(peer: PeerName, reason: string): void;
};

export type FetchOptions = {
  /** Who may have it, as they are found; each is tried once it is its turn. */
  readonly sources: Iterable<PeerName> | AsyncIterable<PeerName>;
  /** Which links to follow, for a part of a DAG; all if not given. */
  readonly links?: Links;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: FetchProgress) => void;
  readonly lane?: "libp2p";
};

/** What became of one holder. */
export type SourceReport = {
  readonly peer: PeerName;
  blocks: number;
  bytes: number;
  lane?: BulkChannel["lane"];
  /** Blocks it was asked for and does not have, or has damaged. */
  absent: number;
  damaged: number;
  /** Why it was dropped: `CORRUPT` for a liar, `TIMEOUT`, `UNREACHABLE`, `REFUSED`, `OVERLOADED`, `BAD_FORMAT`. */
  failure?: { readonly code: ErrorCode; readonly message: string };
};

export type FetchReport = FetchProgress & { readonly sources: readonly SourceReport[] };

/** With what each holder did, for those who want to know why. */
export class FetchError extends CoterieError {
  readonly sources: readonly SourceReport[];

  constructor(code: ErrorCode, message: string, sources: readonly SourceReport[], cause?: unknown) {
    super(code, message, cause === undefined ? {} : { cause });
    this.sources = sources;
  }
}

/** Another try at such a holder is of no use. */
const finalCodes: ReadonlySet<ErrorCode> = new Set(["CORRUPT", "BAD_FORMAT", "REFUSED"]);

export class Fetcher {
  readonly #parts: FetcherParts;

  constructor(parts: FetcherParts) {
    this.#parts = parts;
  }

  /**
   * Resolves when all blocks are in the store and flushed. Throws a `FetchError`: the signal's reason; `NOT_FOUND` when
   * nobody gives a block, or the code of the only thing that went wrong with the holders; what the store refused with;
   * `BAD_BLOCK`, `TOO_LARGE` or `UNSUPPORTED_TYPE` for a DAG that no holder could mend.
   */
  async fetch(root: CID, options: FetchOptions): Promise<FetchReport> {
    const { blocks } = this.#parts;
    const run = new Run(root, options, this.#parts);
    await run.untilOver();
    await blocks.flush();
    return run.report();
  }
}

class Run {
  readonly #options: FetchOptions;
  readonly #parts: FetcherParts;
  readonly #job: FetchJob;
  readonly #reports = new Map<PeerName, SourceReport>();
  readonly #active = new Map<PeerName, Promise<void>>();
  #recruiting = true;

  constructor(root: CID, options: FetchOptions, parts: FetcherParts) {
    this.#options = options;
    this.#parts = parts;
    this.#job = new FetchJob(root, {
      ...parts,
      ...(options.links === undefined ? {} : { links: options.links }),
      onProgress: options.onProgress ?? (() => undefined),
    });
  }

  report(): FetchReport {
    return { ...this.#job.progress, sources: [...this.#reports.values()] };
  }

  async untilOver(): Promise<void> {
    const { signal, sources } = this.#options;
    const job = this.#job;
    const onAbort = (): void => job.fail(abortion(signal));
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    try {
      // nobody is asked when all of it is here
      while (!this.#isOver && !job.prime()) await job.change();
      if (!this.#isOver) void this.#recruit(sources);
      while (!this.#isOver) {
        this.#checkHope();
        await job.change();
      }
      if (job.signal.aborted) throw this.#failure(toCoterieError(job.signal.reason));
      job.fail(new CoterieError("ABORTED", "all of it is here"));
      await Promise.all(this.#active.values());
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  get #isOver(): boolean {
    return this.#job.isDone || this.#job.signal.aborted;
  }

  /** Fails when what is missing can come from nobody any more. */
  #checkHope(): void {
    if (this.#recruiting) return;
    const holders = [...this.#active.keys()];
    if (holders.length === 0) this.#job.prime();
    const stuck = this.#job.stuckOn(holders);
    if (stuck === undefined) return;
    this.#job.fail(new CoterieError("NOT_FOUND", `no holder gives ${stuck.toString()}`));
  }

  /** Each source once, `fetchSourcesMax` of them at once. */
  async #recruit(sources: FetchOptions["sources"]): Promise<void> {
    const { signal } = this.#job;
    try {
      for await (const peer of sources) {
        if (this.#reports.has(peer)) continue;
        while (this.#active.size >= limits.fetchSourcesMax && !signal.aborted) {
          await this.#job.change();
        }
        if (signal.aborted) return;
        this.#reports.set(peer, { peer, blocks: 0, bytes: 0, absent: 0, damaged: 0 });
        this.#active.set(peer, this.#draw(peer));
      }
    } catch (error) {
      this.#parts.log.debug("looking for holders ended early", {
        reason: toCoterieError(error).message,
      });
    } finally {
      this.#recruiting = false;
      this.#job.rouse();
    }
  }

  /** Resolves when the holder is of no more use. */
  async #draw(peer: PeerName): Promise<void> {
    const job = this.#job;
    const { signal } = job;
    const report = this.#reports.get(peer)!;
    let pauseMs: number = limits.fetchRetryMs;
    for (let tries = 1; tries <= limits.fetchTriesMax && !signal.aborted; tries++) {
      const before = report.blocks;
      try {
        await this.#session(peer, report);
        break;
      } catch (error) {
        if (signal.aborted || job.isDone) break;
        const { code, message } = toCoterieError(error);
        report.failure = { code, message };
        this.#parts.metrics.count("files.holders_failed");
        if (finalCodes.has(code)) break;
      }
      if (report.blocks > before) [tries, pauseMs] = [1, limits.fetchRetryMs];
      if (tries === limits.fetchTriesMax) break;
      await this.#parts.clock.sleep(pauseMs, signal).catch(() => undefined); // the loop's head sees it
      pauseMs *= 2;
    }
    this.#active.delete(peer);
    this.#job.rouse();
  }

  async #session(peer: PeerName, report: SourceReport): Promise<void> {
    const { bulk, clock } = this.#parts;
    const job = this.#job;
    const channel = await bulk.open(peer, blocksProtocol, job.signal, this.#options.lane);
    report.lane = channel.lane;
    const session = new HolderSession<Want>(channel, clock, job.buffers);
    const onAbort = (): void => job.leave(session, toCoterieError(job.signal.reason));
    job.signal.addEventListener("abort", onAbort, { once: true });
    job.join(session);
    try {
      await this.#exchange(session, report);
      if (session.asked.length > 0) {
        throw new CoterieError("ABORTED", "others have answered what it was asked");
      }
      await session.end();
      job.part(session);
    } catch (error) {
      job.leave(session, toCoterieError(error));
      throw error;
    } finally {
      job.signal.removeEventListener("abort", onAbort);
    }
  }

  /** Large blocks are checked beside the loop while the next ones come; what goes wrong with one ends the session. */
  async #exchange(session: HolderSession<Want>, report: SourceReport): Promise<void> {
    const job = this.#job;
    const broken = new AbortController();
    const breakOff = (error: unknown): void => {
      broken.abort(toCoterieError(error));
      session.channel.abort(toCoterieError(error));
      job.rouse();
    };
    const pool = new TaskPool(limits.blockChecksMax);
    const checks = new Set<Promise<void>>();
    try {
      while (!job.isDone && !job.signal.aborted && !broken.signal.aborted) {
        const wants = session.room > 0 ? job.take(session, session.room) : [];
        if (wants.length > 0) await session.ask(wants);
        if (session.asked.length === 0) {
          await job.change();
          continue;
        }
        const answer = await session.next();
        if (!job.buffers.isOwn(answer.bytes)) {
          await this.#answered(answer, report);
          continue;
        }
        const { done } = await pool.start(() => this.#answered(answer, report));
        const check: Promise<void> = done.catch(breakOff).finally(() => checks.delete(check));
        checks.add(check);
      }
    } catch (error) {
      broken.abort(error);
    }
    await Promise.all(checks);
    broken.signal.throwIfAborted();
  }

  async #answered({ want, head, bytes }: Answer<Want>, report: SourceReport): Promise<void> {
    const { budget, metrics } = this.#parts;
    const { peer } = report;
    const job = this.#job;
    if (head.kind !== "block") {
      report[head.kind]++;
      job.isWithout(want, peer);
      return;
    }
    if (want.isSettled) {
      metrics.count("files.blocks_twice");
      return;
    }
    const checked = await this.#checked(want, bytes, peer);
    if (checked === undefined) {
      const lie = new CoterieError("CORRUPT", `it gave other bytes for ${want.cid.toString()}`);
      metrics.count("files.lies");
      // once, whatever else of it was being checked
      if (report.failure?.code !== "CORRUPT")
        this.#parts.charge(peer, "a block that does not match its CID");
      report.failure = { code: lie.code, message: lie.message };
      job.isWithout(want, peer);
      throw lie;
    }
    report.blocks++;
    report.bytes += checked.length;
    metrics.count("files.bytes_in", checked.length);
    await job.settle(want, checked);
    await budget.spend(peer, checked.length, job.signal);
  }

  /** The bytes, if they are what was wanted. */
  async #checked(want: Want, bytes: Uint8Array, peer: PeerName): Promise<Uint8Array | undefined> {
    const { buffers } = this.#job;
    if (!buffers.isOwn(bytes)) return matches(want.cid, bytes) ? bytes : undefined;
    try {
      const hashed = await this.#parts.hasher.sha256(bytes);
      buffers.adopt(hashed.bytes);
      return isDigestOf(want.cid, hashed.digest) ? hashed.bytes : undefined;
    } catch (error) {
      this.#job.giveBack(want, peer);
      throw error;
    }
  }

  #failure(reason: CoterieError): FetchError {
    const sources = [...this.#reports.values()];
    const codes = new Set(sources.map(({ failure }) => failure?.code));
    const [only] = codes;
    const isTheirs = reason.code === "NOT_FOUND" && codes.size === 1 && only !== undefined;
    const told = sources.map(({ peer, failure, absent, damaged }) => {
      const why =
        failure?.message ?? (damaged > 0 ? "has it damaged" : absent > 0 ? "has it not" : "");
      return why === "" ? "" : `; ${peer} ${why}`;
    });
    const code = isTheirs ? only : reason.code;
    return new FetchError(code, `${reason.message}${told.join("")}`, sources, reason);
  }
}

function abortion({ reason }: AbortSignal): CoterieError {
  if (reason instanceof CoterieError) return reason;
  const isLate = reason instanceof Error && reason.name === "TimeoutError";
  return isLate
    ? new CoterieError("TIMEOUT", "the blocks did not come in time")
    : new CoterieError("ABORTED", "the transfer was cancelled");
}
