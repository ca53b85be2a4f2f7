/** Writers: one for each node, all on the same keys, with every type of the state; what they did is in a history. */
import { setTimeout as sleep } from "node:timers/promises";
import * as Y from "yjs";
import type { Client } from "../../src/control/client.ts";
import type { LiveNode } from "../../testnet/nodes.ts";
import type { Field } from "./field.ts";
import type { History, Op, OpOptions } from "./history.ts";
import { subjectOf, wordsOf } from "./judge.ts";

/** Longer than a pause lasts, after which it is answered, and than a busy machine takes. */
const answerMs = 30_000;
/** Before a node that does not take writes is tried again. */
const retryMs = 100;
const hotKeys = 12;
const elements = 5;
const groupCount = 4;
const groupKeys = 4;

export type WritersOptions = {
  readonly field: Field;
  readonly history: History;
  readonly namespace: string;
  /** Of all keys: ends with a slash. */
  readonly prefix: string;
  readonly random: () => number;
  /** Nothing but registers under keys of their own, so that every write is an entry that stays. */
  readonly plain: boolean;
};

type Doing = { readonly live: LiveNode; readonly node: number };
type Action = (doing: Doing) => Promise<void>;

export class Writers {
  readonly #options: WritersOptions;
  readonly #actions: readonly { readonly weight: number; readonly act: Action }[];
  /** Each deletes the counter, log and document that are its own to delete, once. */
  readonly #deleted = new Set<string>();
  #prepared = false;

  constructor(options: WritersOptions) {
    this.#options = options;
    const own = {
      weight: 20,
      act: (doing: Doing) => this.#put(doing, this.#key("unique", this.#name(doing))),
    };
    if (options.plain) {
      this.#actions = [own];
      return;
    }
    this.#actions = [
      own,
      { weight: 20, act: (doing) => this.#put(doing, this.#hot()) },
      { weight: 8, act: (doing) => this.#delete(doing, this.#hot()) },
      { weight: 4, act: (doing) => this.#atomic(doing) },
      { weight: 12, act: (doing) => this.#multi(doing, false) },
      { weight: 4, act: (doing) => this.#multi(doing, true) },
      { weight: 10, act: (doing) => this.#setChange(doing, false) },
      { weight: 6, act: (doing) => this.#setChange(doing, true) },
      { weight: 10, act: (doing) => this.#count(doing) },
      { weight: 10, act: (doing) => this.#append(doing) },
      { weight: 6, act: (doing) => this.#insert(doing) },
      { weight: 3, act: (doing) => this.#takeOut(doing) },
      { weight: 1, act: (doing) => this.#deleteOwn(doing) },
    ];
  }

  /** Keys of registers that are only ever written together. */
  get groups(): string[][] {
    return Array.from({ length: groupCount }, (_, group) => this.#group(group));
  }

  /** Something under each key that is deleted later, or deletions would find nothing. Throws unless all is taken. */
  async prepare(nodes: readonly LiveNode[]): Promise<void> {
    const names = nodes.map(({ node }) => `own-${node.index}`);
    for (const [at, name] of names.entries()) {
      const live = nodes[at]!;
      const doing = { live, node: live.node.index };
      const taken = [
        await this.#countIn(doing, name),
        await this.#appendTo(doing, name),
        await this.#insertInto(doing, name),
      ];
      if (!taken.every(Boolean)) throw new Error(`${live.node.name} does not take writes`);
    }
    this.#prepared = true;
    for (const live of nodes) {
      for (let times = 0; times < 6; times++) await this.#once({ live, node: live.node.index });
    }
  }

  /** `times` writes of one node, the last due after `forMs`; one that is down gets its share when it is back. */
  async write(node: number, times: number, forMs: number, signal: AbortSignal): Promise<void> {
    const startedAt = performance.now();
    for (let done = 0; done < times && !signal.aborted;) {
      const early = startedAt + (forMs * done) / times - performance.now();
      if (early > 0) await sleep(early);
      const live = this.#options.field.find(node);
      if (live === undefined) await sleep(retryMs);
      else {
        await this.#once({ live, node });
        done++;
      }
    }
  }

  #once(doing: Doing): Promise<void> {
    let at = this.#options.random() * this.#actions.reduce((sum, { weight }) => sum + weight, 0);
    const action = this.#actions.find(({ weight }) => (at -= weight) < 0) ?? this.#actions[0]!;
    return action.act(doing);
  }

  /** True if it was acknowledged; all of `ops` are one write. */
  async #try(ops: readonly Op[], write: () => Promise<unknown>): Promise<boolean> {
    try {
      await write();
    } catch {
      return false; // to be expected of a node that is killed or paused meanwhile: it stays open whether it happened
    }
    for (const op of ops) this.#options.history.ack(op);
    return true;
  }

  #begin({ node }: Doing, subject: string, options?: OpOptions): Op {
    return this.#options.history.begin(node, subject, options);
  }

  async #put(doing: Doing, key: string): Promise<void> {
    const { namespace, random } = this.#options;
    const { client } = doing.live;
    const subject = subjectOf("register", key);
    if (random() < 0.3) {
      await this.#read(doing, subject, async () => {
        const { value } = await client.kvGet(namespace, key, { timeoutMs: answerMs });
        return [String(value)];
      });
    }
    const op = this.#begin(doing, subject);
    await this.#try([op], () =>
      client.kvPut(namespace, key, textValue(op.id), { timeoutMs: answerMs }),
    );
  }

  /** What it shows is known to the node from then on. */
  async #read({ node }: Doing, subject: string, read: () => Promise<string[]>): Promise<void> {
    const { history } = this.#options;
    try {
      for (const id of await read()) {
        const op = history.on(subject).find((one) => one.id === id);
        if (op !== undefined) history.saw(node, op);
      }
    } catch {
      // nothing there, or no answer: nothing was learned
    }
  }

  async #delete(doing: Doing, key: string): Promise<void> {
    const { namespace } = this.#options;
    const op = this.#begin(doing, subjectOf("register", key), { deletes: true });
    await this.#try([op], () =>
      doing.live.client.kvDelete(namespace, key, { timeoutMs: answerMs }),
    );
  }

  async #atomic(doing: Doing): Promise<void> {
    const { namespace, history } = this.#options;
    const id = history.nextId(doing.node);
    const keys = this.#group(this.#upTo(groupCount));
    const ops = keys.map((key) => this.#begin(doing, subjectOf("register", key), { id }));
    await this.#try(ops, () =>
      doing.live.client.kvWrite(
        namespace,
        keys.map((key) => ({ key, value: id })),
        { atomic: true, timeoutMs: answerMs },
      ),
    );
  }

  async #multi(doing: Doing, deletes: boolean): Promise<void> {
    const { namespace, random } = this.#options;
    const { client } = doing.live;
    const key = this.#hot();
    const subject = subjectOf("multi", key);
    const options = { timeoutMs: answerMs };
    if (random() < 0.3) {
      await this.#read(doing, subject, async () =>
        (await client.multiGet(namespace, key, options)).values.map(({ value }) => String(value)),
      );
    }
    const op = this.#begin(doing, subject, { deletes });
    await this.#try([op], () =>
      deletes
        ? client.multiDelete(namespace, key, options)
        : client.multiPut(namespace, key, textValue(op.id), options),
    );
  }

  async #setChange(doing: Doing, deletes: boolean): Promise<void> {
    const { namespace } = this.#options;
    const name = this.#key("shared", this.#upTo(2));
    const element = `e${this.#upTo(elements)}`;
    const op = this.#begin(doing, subjectOf("set", name, element), { deletes });
    const change = deletes ? { remove: [element] } : { add: [element] };
    await this.#try([op], () =>
      doing.live.client.setChange(namespace, name, change, { timeoutMs: answerMs }),
    );
  }

  async #count(doing: Doing): Promise<void> {
    await this.#countIn(doing, this.#shared());
  }

  async #append(doing: Doing): Promise<void> {
    await this.#appendTo(doing, this.#shared());
  }

  async #insert(doing: Doing): Promise<void> {
    await this.#insertInto(doing, this.#shared());
  }

  #countIn(doing: Doing, name: string): Promise<boolean> {
    const key = this.#key(name);
    const by = this.#upTo(9) + (name === "mixed" ? -4 : 1);
    const op = this.#begin(doing, subjectOf("counter", key), { by });
    const { client } = doing.live;
    return this.#try([op], () =>
      client.counterAdd(this.#options.namespace, key, by, { timeoutMs: answerMs }),
    );
  }

  #appendTo(doing: Doing, name: string): Promise<boolean> {
    const key = this.#key(name);
    const op = this.#begin(doing, subjectOf("log", key));
    const { client } = doing.live;
    return this.#try([op], () =>
      client.logAppend(this.#options.namespace, key, textValue(op.id), { timeoutMs: answerMs }),
    );
  }

  /** At the start, where no other word is torn apart. */
  #insertInto(doing: Doing, name: string): Promise<boolean> {
    const key = this.#key(name);
    const op = this.#begin(doing, subjectOf("doc", key));
    const { client } = doing.live;
    return this.#try([op], () =>
      client.docEdit(this.#options.namespace, key, [[0, 0, `${op.id} `]], { timeoutMs: answerMs }),
    );
  }

  /** Takes one word out of a document: exactly its letters, whatever else is done to the text meanwhile. */
  async #takeOut(doing: Doing): Promise<void> {
    const { namespace, history } = this.#options;
    const { client } = doing.live;
    const key = this.#key(this.#shared());
    const subject = subjectOf("doc", key);
    const held = await docOf(client, namespace, key);
    const words = wordsOf(held?.text ?? "");
    const word = words[this.#upTo(words.length)];
    const removes = history.on(subject).find(({ id }) => id === word);
    if (held === undefined || word === undefined || removes === undefined) return;
    const update = held.without(word);
    const op = this.#begin(doing, subject, { removes });
    await this.#try([op], () => client.docUpdate(namespace, key, update, { timeoutMs: answerMs }));
  }

  async #deleteOwn(doing: Doing): Promise<void> {
    const { namespace } = this.#options;
    const { client } = doing.live;
    const key = this.#key(`own-${doing.node}`);
    const types = ["counter", "log", "doc"] as const;
    const type = types[this.#upTo(types.length)]!;
    const subject = subjectOf(type, key);
    // a deletion that finds nothing is none, and that could not be told from here
    if (!this.#prepared || this.#deleted.has(subject)) return;
    this.#deleted.add(subject);
    const calls = {
      counter: client.counterDelete,
      log: client.logDelete,
      doc: client.docDelete,
    };
    const op = this.#begin(doing, subject, { deletes: true });
    await this.#try([op], () => calls[type](namespace, key, { timeoutMs: answerMs }));
  }

  #key(...parts: readonly (string | number)[]): string {
    return `${this.#options.prefix}${parts.join("/")}`;
  }

  #hot(): string {
    return this.#key("hot", this.#upTo(hotKeys));
  }

  /** Names of counters, logs and documents to which all write; some are deleted by the node they are named after. */
  #shared(): string {
    const { field, random } = this.#options;
    if (random() < 0.6) return random() < 0.5 ? "plain" : "mixed";
    return `own-${this.#upTo(field.record().nodes.length)}`;
  }

  #group(group: number): string[] {
    return Array.from({ length: groupKeys }, (_, at) => this.#key("atomic", group, at));
  }

  #name({ node }: Doing): string {
    return this.#options.history.nextId(node);
  }

  /** A whole number from 0 to one less than `max`. */
  #upTo(max: number): number {
    return Math.floor(this.#options.random() * max);
  }
}

function textValue(text: string): { kind: "text"; bytes: Uint8Array } {
  return { kind: "text", bytes: Buffer.from(text) };
}

type HeldDoc = { readonly text: string; without(word: string): Uint8Array };

/** As a program holds it that has the document itself; undefined when there is none or no answer. */
async function docOf(client: Client, namespace: string, key: string): Promise<HeldDoc | undefined> {
  try {
    const { update } = await client.docState(namespace, key, { timeoutMs: answerMs });
    const doc = new Y.Doc();
    Y.applyUpdate(doc, update);
    const text = doc.getText("text");
    return {
      text: text.toJSON(),
      without: (word) => {
        const before = Y.encodeStateVector(doc);
        text.delete(` ${text.toJSON()}`.indexOf(` ${word} `), word.length + 1);
        return Y.encodeStateAsUpdate(doc, before);
      },
    };
  } catch {
    return undefined; // as said above: whoever wanted to edit it does something else
  }
}
