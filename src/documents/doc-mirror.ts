/**
 * One document in the worker thread, and what is known here of it. The thread's copy is always the live updates applied in
 * their order, then edits made here that the store has not shown yet. When updates are no longer those applied with more
 * at the end (others' come late, a checkpoint takes the place of items), it is made anew.
 */
import { equalBytes } from "../core/codec.ts";
import { CoterieError } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import type { Metrics } from "../core/ports.ts";
import type { DocLog } from "./doc-log.ts";
import type { DocAnswers, DocEdit, DocRequest } from "./doc-requests.ts";
import type { WorkerThread } from "../host/worker-thread.ts";
import { docClient, type DocPiece } from "../protocol/state/doc.ts";

type Place = Pick<DocPiece, "stamp" | "index" | "hash">;

export class DocMirror {
  readonly #thread: WorkerThread;
  readonly #metrics: Metrics;
  readonly #doc: string;
  readonly #key: string;
  #generation = -1;
  #applied: Place[] = [];
  /** Updates of edits made here, in the thread's copy already. */
  #ahead: Uint8Array[] = [];
  #known = false;
  #refused = 0;
  #partly = 0;

  constructor(thread: WorkerThread, metrics: Metrics, namespace: string, key: string) {
    this.#thread = thread;
    this.#metrics = metrics;
    this.#doc = `${namespace}\0${key}`;
    this.#key = key;
  }

  /** Updates that are not of their writer's own text, and those that could not be applied whole at their turn. */
  get faults(): { readonly refused: number; readonly partly: number } {
    return { refused: this.#refused, partly: this.#partly };
  }

  /** Brings the thread's copy to the state of the log. */
  async sync({ pieces }: DocLog): Promise<void> {
    let next = this.#continues(pieces);
    const fresh = next === undefined;
    if (fresh) {
      this.#reset();
      this.#generation = this.#thread.generation;
      this.#metrics.count("doc.rebuilds");
    }
    next ??= 0;
    if (!fresh && next === pieces.length) return;
    this.#known = false;
    let isFirst = fresh;
    for (const page of pages(pieces, next)) {
      await this.#apply(page, isFirst);
      isFirst = false;
    }
    this.#known = true;
  }

  async text(): Promise<string> {
    const { text } = await this.#ask({ kind: "text", doc: this.#doc });
    return text;
  }

  async state(): Promise<Uint8Array> {
    const { update } = await this.#ask({ kind: "state", doc: this.#doc });
    return update;
  }

  /** The copy is ahead of the store by what is returned; it is made anew if the store does not come to show just that. */
  async edit(
    client: number,
    edits: readonly DocEdit[],
    { exists }: DocLog,
  ): Promise<DocAnswers["edit"]> {
    this.#known = false;
    const answer = await this.#ask({ kind: "edit", doc: this.#doc, client, exists, edits });
    this.#ahead.push(...answer.updates);
    this.#known = true;
    return answer;
  }

  async drop(): Promise<void> {
    this.#known = false;
    await this.#ask({ kind: "forget", doc: this.#doc });
  }

  /** Where in the pieces to go on applying; undefined when they do not continue what the thread has. */
  #continues(pieces: readonly DocPiece[]): number | undefined {
    if (!this.#known || this.#generation !== this.#thread.generation) return undefined;
    if (!this.#applied.every((place, index) => samePlace(place, pieces[index]))) return undefined;
    let next = this.#applied.length;
    for (const update of this.#ahead) {
      const piece = pieces[next++];
      if (piece === undefined || !equalBytes(piece.update, update)) return undefined;
      this.#applied.push(placeOf(piece));
    }
    this.#ahead = [];
    return next;
  }

  #reset(): void {
    this.#applied = [];
    this.#ahead = [];
    this.#refused = 0;
    this.#partly = 0;
  }

  async #apply(page: readonly DocPiece[], fresh: boolean): Promise<void> {
    const updates = page.map(({ writer, update }) => {
      return { client: docClient(writer, this.#key), update };
    });
    const { outcomes } = await this.#ask({ kind: "apply", doc: this.#doc, fresh, updates });
    for (const outcome of outcomes) {
      if (outcome === "refused") this.#refused++;
      if (outcome === "partly") this.#partly++;
    }
    for (const piece of page) this.#applied.push(placeOf(piece));
  }

  /** Throws `OVERLOADED` when the thread was lost since: what it had is gone. */
  async #ask<Request extends DocRequest>(request: Request): Promise<DocAnswers[Request["kind"]]> {
    if (request.kind !== "forget" && this.#generation !== this.#thread.generation) {
      throw new CoterieError("OVERLOADED", "the document was put out of memory meanwhile", {
        hint: "try again",
      });
    }
    return (await this.#thread.ask(request)) as DocAnswers[Request["kind"]];
  }
}

function placeOf({ stamp, index, hash }: DocPiece): Place {
  return { stamp, index, hash };
}

function samePlace(a: Place, b: Place | undefined): boolean {
  return a.stamp === b?.stamp && a.index === b.index && equalBytes(a.hash, b.hash);
}

/** Parts that are applied in one step each, so that others get their turn between; at least one. */
function* pages(pieces: readonly DocPiece[], from: number): Generator<DocPiece[]> {
  let page: DocPiece[] = [];
  let bytes = 0;
  for (const piece of pieces.slice(from)) {
    if (page.length > 0 && bytes + piece.update.length > limits.docStepBytesMax) {
      yield page;
      page = [];
      bytes = 0;
    }
    page.push(piece);
    bytes += piece.update.length;
  }
  yield page;
}
