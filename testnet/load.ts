/** Load while faults happen: a writer for every node, all on the same keys, and a ledger of what was acknowledged. */
import { setTimeout as sleep } from "node:timers/promises";
import { seeded } from "./draw.ts";
import { Ledger, type Held, type Loss } from "./ledger.ts";
import { connect, stateOf, type LiveNode } from "./nodes.ts";
import { readRecord } from "./record.ts";

export const loadNamespace = "chaos";
const keyCount = 200;
const pauseMs = 40;
/** Before a node that does not take writes is tried again. */
const retryMs = 200;
const answerMs = 3_000;

export class Load {
  readonly ledger = new Ledger();
  readonly #dir: string;
  readonly #prefix: string;
  readonly #writers: Promise<void>[];
  #unacknowledged = 0;
  #stopping = false;

  /** Begins at once. */
  constructor(dir: string, seed: number) {
    this.#dir = dir;
    this.#prefix = `${seed}/${Date.now()}/`;
    const { nodes } = readRecord(dir).record;
    this.#writers = nodes.map(({ index }) => this.#write(index, seeded(seed + index)));
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
  async losses({ client }: LiveNode): Promise<Loss[]> {
    const held = new Map<string, Held>();
    const query = { prefix: this.#prefix, limit: keyCount };
    for (const { key, value, stamp } of (await client.kvList(loadNamespace, query)).items) {
      held.set(key, { value, stamp });
    }
    return this.ledger.losses(held);
  }

  async #write(index: number, random: () => number): Promise<void> {
    let live: LiveNode | undefined;
    for (let count = 0; !this.#stopping; count++) {
      live ??= this.#find(index);
      const key = `${this.#prefix}${Math.floor(random() * keyCount)}`;
      if (live !== undefined && (await this.#put(live, key, `${index}.${count}`))) {
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

  async #put({ client }: LiveNode, key: string, text: string): Promise<boolean> {
    this.ledger.tried(key, text);
    try {
      const value = { kind: "text", bytes: Buffer.from(text) } as const;
      const { stamp } = await client.kvPut(loadNamespace, key, value, { timeoutMs: answerMs });
      this.ledger.wrote(key, text, stamp);
      return true;
    } catch {
      this.#unacknowledged++; // to be expected of a node that was killed or paused meanwhile
      return false;
    }
  }
}
