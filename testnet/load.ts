/** Load while faults happen: a writer for every node, writes of every type, all to the same keys. */
import { setTimeout as sleep } from "node:timers/promises";
import { seeded } from "./draw.ts";
import type { Ledger, Loss } from "./ledger.ts";
import { connect, stateOf, type LiveNode } from "./nodes.ts";
import { readRecord } from "./record.ts";
import { Books } from "./workload/books.ts";

export const loadNamespace = "chaos";
const pauseMs = 40;
/** Before a node that does not take writes is tried again. */
const retryMs = 200;
const answerMs = 3_000;

/** With keys that no earlier load has written. */
export function freshBooks(seed: number): Books {
  return new Books(loadNamespace, `${seed}/${Date.now()}/`);
}

export class Load {
  readonly books: Books;
  readonly #dir: string;
  readonly #writers: Promise<void>[];
  #unacknowledged = 0;
  #stopping = false;

  /** Begins at once. */
  constructor(dir: string, seed: number, books = freshBooks(seed)) {
    this.#dir = dir;
    this.books = books;
    const { nodes } = readRecord(dir).record;
    this.#writers = nodes.map(({ index }) => this.#write(index, seeded(seed + index)));
  }

  /** Of the registers. */
  get ledger(): Ledger {
    return this.books.ledger;
  }

  /** Writes that failed or were not answered; they may have happened. */
  get unacknowledged(): number {
    return this.#unacknowledged;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#writers);
  }

  /** What the node has lost of what was acknowledged. */
  losses({ client }: LiveNode): Promise<Loss[]> {
    return this.books.losses(client);
  }

  async #write(index: number, random: () => number): Promise<void> {
    let live: LiveNode | undefined;
    while (!this.#stopping) {
      live ??= this.#find(index);
      if (live !== undefined && (await this.#writeOne(live, random))) {
        await sleep(pauseMs);
        continue;
      }
      live = undefined;
      await sleep(retryMs);
    }
  }

  #find(index: number): LiveNode | undefined {
    const node = readRecord(this.#dir).record.nodes[index];
    const isThere = node !== undefined && node.socketPath !== null && stateOf(node) === "running";
    return isThere ? connect(node) : undefined;
  }

  async #writeOne(live: LiveNode, random: () => number): Promise<boolean> {
    const { client, node } = live;
    const options = { timeoutMs: answerMs };
    try {
      await this.books.write({ client, index: node.index, random, options });
      return true;
    } catch {
      this.#unacknowledged++; // to be expected of a node that was killed or paused meanwhile
      return false;
    }
  }
}
