/** A steady load: several callers at once that put, delete and write batches over a few hundred keys. */
import type { Client } from "../../src/control/client.ts";
import type { KvOp } from "../../src/control/schema.ts";
import type { Random } from "../../src/core/ports.ts";
import type { Write, WriteHistory } from "./write-history.ts";

export const loadNamespace = "default";
const callers = 6;
const keys = 300;
const batchMax = 20;

type Op = { readonly key: string; readonly value: string | undefined; readonly write: Write };

export class WriteLoad {
  readonly #client: Client;
  readonly #history: WriteHistory;
  readonly #random: Random;
  readonly #callers: Promise<void>[];
  #over = false;

  constructor(client: Client, history: WriteHistory, random: Random) {
    this.#client = client;
    this.#history = history;
    this.#random = random;
    this.#callers = Array.from({ length: callers }, () => this.#call());
  }

  /** From now on calls may fail. Resolves when none is in flight; rejects if one failed before. */
  async end(): Promise<void> {
    this.#over = true;
    await Promise.all(this.#callers);
  }

  /** Rejects when a call fails while none may. */
  failure(): Promise<unknown> {
    return Promise.all(this.#callers);
  }

  async #call(): Promise<void> {
    while (!this.#over) {
      const ops = this.#drawOps();
      try {
        await this.#send(ops);
      } catch (error) {
        if (this.#over) return;
        throw error;
      }
      for (const { write } of ops) this.#history.acknowledge(write);
    }
  }

  #drawOps(): Op[] {
    const size = this.#random.float() < 0.25 ? 2 + this.#below(batchMax - 1) : 1;
    const distinct = new Set(Array.from({ length: size }, () => `key-${this.#below(keys)}`));
    return [...distinct].map((key) => {
      const value = this.#random.float() < 0.15 ? undefined : this.#drawValue();
      return { key, value, write: this.#history.begin(key, value) };
    });
  }

  async #send(ops: readonly Op[]): Promise<void> {
    const [first] = ops;
    if (first === undefined || ops.length > 1) {
      await this.#client.kvWrite(loadNamespace, ops.map(kvOp));
    } else if (first.value === undefined) {
      await this.#client.kvDelete(loadNamespace, first.key);
    } else {
      const bytes = Buffer.from(first.value);
      await this.#client.kvPut(loadNamespace, first.key, { kind: "text", bytes });
    }
  }

  /** Mostly short; now and then of several pages, and rarely too large for gossip. */
  #drawValue(): string {
    const kind = this.#random.float();
    const length = this.#below(kind < 0.9 ? 200 : kind < 0.995 ? 8_000 : 100_000);
    return `${++lastValue} ${"x".repeat(length)}`;
  }

  #below(end: number): number {
    return Math.floor(this.#random.float() * end);
  }
}

/** Makes every value unique. */
let lastValue = 0;

function kvOp({ key, value }: Op): KvOp {
  return value === undefined ? { key, delete: true } : { key, value };
}

/** All keys with their values. */
export async function readAll(client: Client): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  let after: string | undefined;
  do {
    const query = after === undefined ? {} : { after };
    const { items, next } = await client.kvList(loadNamespace, query);
    for (const { key, value } of items) found.set(key, String(value));
    after = next ?? undefined;
  } while (after !== undefined);
  return found;
}
