/**
 * One document while it is in use: what is asked of it happens one after the other, edits that wait are written together.
 * An edit is answered when it is on disk, and the next one begins after it: else one that failed would leave a gap in this
 * writer's clock that nobody could ever fill.
 */
import { toHex } from "../core/codec.ts";
import { CoterieError, isErrorCode, toCoterieError } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import type { Clock, Log, Metrics } from "../core/ports.ts";
import { readDocLog, type DocLog } from "./doc-log.ts";
import { DocMirror } from "./doc-mirror.ts";
import type { DocAnswers, DocEdit, EditOutcome } from "./doc-requests.ts";
import type { Driver } from "../driver/driver.ts";
import type { WorkerThread } from "../host/worker-thread.ts";
import { planCheckpoints } from "../protocol/state/doc-compaction.ts";
import { docCheckpoint, docClient, docDelete, docItem } from "../protocol/state/doc.ts";
import type { State } from "../protocol/state/state.ts";

export type DocParts = {
  readonly state: State;
  readonly driver: Pick<Driver, "write">;
  readonly thread: WorkerThread;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Log;
};

export type DocReading = { readonly log: DocLog; readonly text: string };
export type Edited = {
  readonly length: number;
  readonly text: string | undefined;
  readonly stamp: bigint | undefined;
};

type Waiting = {
  readonly edit: DocEdit;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (edited: Edited) => void;
  readonly reject: (reason: unknown) => void;
};

/** Tries of a write whose document was deleted by others while it was made. */
const triesMax = 3;

export class DocRoom {
  readonly mirror: DocMirror;
  readonly #parts: DocParts;
  readonly #namespace: string;
  readonly #key: string;
  #last: Promise<unknown> = Promise.resolve();
  #busy = 0;
  #bytes = 0;
  #reading: Promise<DocReading> | undefined;
  #waiting: Waiting[] = [];
  #restUntilMs = 0;

  constructor(parts: DocParts, namespace: string, key: string) {
    this.#parts = parts;
    this.#namespace = namespace;
    this.#key = key;
    this.mirror = new DocMirror(parts.thread, parts.metrics, namespace, key);
  }

  get isIdle(): boolean {
    return this.#busy === 0;
  }

  /** Of the updates in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Readers who wait for their turn share one reading. */
  read(): Promise<DocReading> {
    this.#reading ??= this.#inTurn(async () => {
      this.#reading = undefined;
      const log = await this.#synced();
      return { log, text: await this.mirror.text() };
    });
    return this.#reading;
  }

  /** The document as one update, and the client id under which this node writes in it. */
  state(): Promise<{ readonly client: number; readonly update: Uint8Array }> {
    return this.#inTurn(async () => {
      await this.#synced();
      const client = docClient(this.#parts.state.writer, this.#key);
      return { client, update: await this.mirror.state() };
    });
  }

  edit(edit: DocEdit, signal: AbortSignal | undefined): Promise<Edited> {
    if (this.#waiting.length >= limits.docEditsWaitingMax) {
      const message = "too many edits of this document are waiting";
      return Promise.reject(new CoterieError("OVERLOADED", message, { hint: "try again" }));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ edit, signal, resolve, reject });
      if (this.#waiting.length === 1) void this.#inTurn(() => this.#writeWaiting());
    });
  }

  delete(): Promise<bigint> {
    return this.#inTurn(() => {
      return this.#parts.driver.write(this.#namespace, [docDelete(this.#key)]);
    });
  }

  async drop(): Promise<void> {
    await this.#inTurn(() => this.mirror.drop());
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.#busy++;
    const done = this.#last.then(work).catch((error: unknown) => {
      this.#failed(error);
      throw error;
    });
    const over = (): void => void this.#busy--;
    this.#last = done.then(over, over);
    return done;
  }

  /** What broke a limit of the thread is not tried again at once. */
  #failed(error: unknown): void {
    const { code } = toCoterieError(error);
    if (code !== "TIMEOUT" && code !== "TOO_LARGE") return;
    this.#parts.metrics.count("doc.too_costly");
    this.#restUntilMs = this.#parts.clock.monotonicMs() + limits.docRestMs;
  }

  async #synced(): Promise<DocLog> {
    const { state, clock } = this.#parts;
    if (clock.monotonicMs() < this.#restUntilMs) {
      throw new CoterieError("TOO_LARGE", "this document took too long or too much memory", {
        hint: "see who wrote it with: coterie explain KEY",
      });
    }
    const log = await readDocLog(state, clock, this.#namespace, this.#key);
    this.#bytes = log.bytes;
    await this.mirror.sync(log);
    return log;
  }

  /** Never rejects: those who wait are told. */
  async #writeWaiting(): Promise<void> {
    const waiting = this.#waiting.splice(0);
    const isWanted = ({ signal, reject }: Waiting): boolean => {
      if (signal?.aborted === true) reject(signal.reason);
      return signal?.aborted !== true;
    };
    const wanted = waiting.filter(isWanted);
    try {
      const { log, stamp, outcomes } = await this.#write(wanted.map(({ edit }) => edit));
      for (const [index, outcome] of outcomes.entries()) settle(wanted[index]!, outcome, stamp);
      await this.#compact(log);
    } catch (error) {
      for (const { reject } of wanted) reject(error);
      this.#failed(error);
    }
  }

  async #write(
    edits: readonly DocEdit[],
    tries = 1,
  ): Promise<{
    log: DocLog;
    stamp: bigint | undefined;
    outcomes: DocAnswers["edit"]["outcomes"];
  }> {
    const { state, driver } = this.#parts;
    const log = await this.#synced();
    const basis = { epoch: log.epoch, writer: state.writer };
    const client = docClient(basis.writer, this.#key);
    const { updates, outcomes } = await this.mirror.edit(client, edits, log);
    if (updates.length === 0) return { log, stamp: undefined, outcomes };
    let isStale = false;
    const stale = (): void => void (isStale = true);
    const items = updates.map((update) => docItem(this.#key, basis, update, stale));
    const stamp = await driver.write(this.#namespace, items);
    if (!isStale) return { log, stamp, outcomes };
    if (tries < triesMax) return this.#write(edits, tries + 1);
    throw new CoterieError("OVERLOADED", "others delete this document all the time", {
      hint: "try again",
    });
  }

  /** Puts many items of this writer's into checkpoints. What goes wrong is logged: nothing is lost without them. */
  async #compact(log: DocLog): Promise<void> {
    const { state, driver, thread } = this.#parts;
    const basis = { epoch: log.epoch, writer: state.writer };
    const plans = planCheckpoints(log.own, log.pieces, basis.writer);
    if (plans.length === 0) return;
    try {
      const runs = plans.flatMap((plan) => plan.runs);
      const client = docClient(basis.writer, this.#key);
      const bytes = runs.map((run) => run.map(({ update }) => update));
      const answer = await thread.ask({ kind: "join", client, runs: bytes });
      const joined = (answer as DocAnswers["join"]).updates.values();
      for (const { range, runs: parts } of plans) {
        const pieces = parts.map(([first]) => ({ ...first!, update: joined.next().value! }));
        // one by one: each takes a share of the items out of the store, and the loop rests between
        await driver.write(this.#namespace, [docCheckpoint(this.#key, basis, range, pieces)]);
        this.#parts.metrics.count("doc.checkpoints");
      }
    } catch (error) {
      const { code, message } = toCoterieError(error);
      const writer = toHex(basis.writer);
      this.#parts.log.warn("a document was not compacted", { code, reason: message, writer });
    }
  }
}

function settle(waiting: Waiting, outcome: EditOutcome, stamp: bigint | undefined): void {
  if ("length" in outcome) {
    waiting.resolve({ ...outcome, stamp });
    return;
  }
  const { code, message, hint } = outcome;
  const options = hint === undefined ? {} : { hint };
  waiting.reject(new CoterieError(isErrorCode(code) ? code : "INTERNAL", message, options));
}
