/** All that a node shows of the keys of one round, of every type, by the lists and reads of its API. */
import type { Client } from "../../src/control/client.ts";
import { CoterieError } from "../../src/core/errors.ts";

export type Content = {
  /** Value and stamp. */
  readonly register: ReadonlyMap<string, { readonly value: string; readonly stamp: string }>;
  readonly multi: ReadonlyMap<string, readonly string[]>;
  readonly counter: ReadonlyMap<string, bigint>;
  readonly set: ReadonlyMap<string, ReadonlySet<string>>;
  /** Items in order. */
  readonly log: ReadonlyMap<string, readonly string[]>;
  readonly doc: ReadonlyMap<string, string>;
};

export type Export = {
  readonly content: Content;
  /** Everything said, authors and stamps included: equal for nodes that show the same. */
  readonly text: string;
};

const pageItems = 1_000;
const answerMs = 30_000;

type Page<Item> = { readonly items: readonly Item[]; readonly next: string | null };

async function pages<Item>(list: (after?: string) => Promise<Page<Item>>): Promise<Item[]> {
  const all: Item[] = [];
  for (let after: string | null | undefined; after !== null;) {
    const { items, next } = await list(after);
    all.push(...items);
    after = next;
  }
  return all;
}

async function logOf(client: Client, namespace: string, name: string): Promise<LogItems> {
  const all: LogItems = [];
  for (let before: string | null | undefined; before !== null;) {
    const query = { limit: pageItems, ...(before === undefined ? {} : { before }) };
    const page = await client.logTail(namespace, name, query, { timeoutMs: answerMs });
    all.unshift(...page.items);
    before = page.before;
  }
  return all;
}

type LogItems = Awaited<ReturnType<Client["logTail"]>>["items"];

/** Rejects as the client does. */
export async function exportOf(client: Client, namespace: string, prefix: string): Promise<Export> {
  const options = { timeoutMs: answerMs };
  const of = (after?: string): { prefix: string; limit: number; after?: string } => ({
    prefix,
    limit: pageItems,
    ...(after === undefined ? {} : { after }),
  });
  const within = (after?: string): { limit: number; after?: string } => ({
    limit: pageItems,
    ...(after === undefined ? {} : { after }),
  });
  const registers = await pages((after) => client.kvList(namespace, of(after), options));
  const multis = await pages((after) => client.multiList(namespace, of(after), options));
  const counters = await pages((after) => client.counterList(namespace, of(after), options));
  const setNames = await pages((after) => client.setNames(namespace, of(after), options));
  const logNames = await pages((after) => client.logNames(namespace, of(after), options));
  const docs = await pages((after) => client.docList(namespace, of(after), options));
  const sets = await each(setNames, (name) =>
    pages((after) => client.setMembers(namespace, name, within(after), options)),
  );
  const logs = await each(logNames, (name) => logOf(client, namespace, name));
  const texts = await each(
    docs.map(({ key }) => key),
    (key) => textOf(client, namespace, key),
  );
  return {
    content: {
      register: new Map(
        registers.map(({ key, value, stamp }) => [key, { value: String(value), stamp }]),
      ),
      multi: new Map(
        multis.map(({ key, values }) => [key, values.map(({ value }) => String(value))]),
      ),
      counter: new Map(counters.map(({ key, value }) => [key, BigInt(value)])),
      set: new Map(sets.map(([name, found]) => [name, new Set(found.map((one) => one.element))])),
      log: new Map(logs.map(([name, items]) => [name, items.map(({ value }) => String(value))])),
      doc: new Map(texts),
    },
    text: JSON.stringify({ registers, multis, counters, sets, logs, texts }),
  };
}

async function each<T>(
  names: readonly string[],
  read: (name: string) => Promise<T>,
): Promise<[string, T][]> {
  const all: [string, T][] = [];
  for (const name of names) all.push([name, await read(name)]);
  return all;
}

/** Empty for one that is deleted between the list and this read. */
async function textOf(client: Client, namespace: string, key: string): Promise<string> {
  try {
    return (await client.docGet(namespace, key, { timeoutMs: answerMs })).text;
  } catch (error) {
    if (error instanceof CoterieError && error.code === "NOT_FOUND") return "";
    throw error;
  }
}
