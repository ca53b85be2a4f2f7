/**
 * Writes of every type on all nodes for as long as it takes, in chapters of their own keys: a chapter's history is small,
 * and what it left is judged when all is over.
 */
import type { Field } from "../partition/field.ts";
import { exportOf } from "../partition/content.ts";
import { History } from "../partition/history.ts";
import { judge, type Finding } from "../partition/judge.ts";
import { Writers } from "../partition/writers.ts";

const namespace = "soak";
const chapterMs = 30_000;

type Chapter = {
  readonly prefix: string;
  readonly history: History;
  readonly groups: readonly (readonly string[])[];
};

export class SoakLoad {
  readonly #field: Field;
  readonly #random: () => number;
  readonly #perSecond: number;
  readonly #chapters: Chapter[] = [];

  /** Writes a second of each node. */
  constructor(field: Field, perSecond: number, random: () => number) {
    this.#field = field;
    this.#perSecond = perSecond;
    this.#random = random;
  }

  get acknowledged(): number {
    return this.#chapters.reduce((sum, { history }) => sum + history.acknowledged, 0);
  }

  get unanswered(): number {
    return this.#chapters.reduce((sum, { history }) => sum + history.unanswered, 0);
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) await this.#writeChapter(signal);
  }

  /** Of every chapter, on every node. */
  async findings(): Promise<Finding[]> {
    const findings: Finding[] = [];
    for (const { prefix, history, groups } of this.#chapters) {
      for (const { client } of this.#field.live()) {
        const { content } = await exportOf(client, namespace, prefix);
        findings.push(...judge(history, content, groups));
      }
    }
    return findings;
  }

  async #writeChapter(signal: AbortSignal): Promise<void> {
    const prefix = `c${this.#chapters.length}/`;
    const history = new History();
    const options = { field: this.#field, history, namespace, prefix, random: this.#random };
    const writers = new Writers({ ...options, plain: false });
    this.#chapters.push({ prefix, history, groups: writers.groups });
    const over = AbortSignal.any([signal, AbortSignal.timeout(chapterMs)]);
    const times = Math.round((chapterMs / 1_000) * this.#perSecond);
    await Promise.all(
      this.#field.record().nodes.map(({ index }) => writers.write(index, times, chapterMs, over)),
    );
  }
}
