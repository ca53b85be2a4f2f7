/** The books against a daemon of maps: what it takes, forgets or makes up, they find. */
import { expect, test } from "vitest";
import type { Client } from "../../src/control/client.ts";
import { seeded } from "../../testnet/draw.ts";
import { Books, bookTypes, type BookType } from "../../testnet/workload/books.ts";

class FakeDaemon {
  readonly registers = new Map<string, { value: string; stamp: string }>();
  readonly counters = new Map<string, bigint>();
  readonly elements = new Set<string>();
  readonly items: string[] = [];
  doc = "";
  /** The next write happens, and its answer is lost. */
  mute = false;
  #stamp = 0;

  readonly client = {
    kvPut: (_namespace: string, key: string, { bytes }: { bytes: Buffer }) =>
      this.#answer(() => this.registers.set(key, { value: String(bytes), stamp: this.#now() })),
    multiPut: (_namespace: string, key: string, { bytes }: { bytes: Buffer }) =>
      this.#answer(() =>
        this.registers.set(`multi ${key}`, { value: String(bytes), stamp: this.#now() }),
      ),
    counterAdd: (_namespace: string, key: string, by: bigint) =>
      this.#answer(() => this.counters.set(key, (this.counters.get(key) ?? 0n) + by)),
    setChange: (_namespace: string, _name: string, change: { add?: string[]; remove?: string[] }) =>
      this.#answer(() => {
        for (const element of change.add ?? []) this.elements.add(element);
        for (const element of change.remove ?? []) this.elements.delete(element);
      }),
    logAppend: (_namespace: string, _name: string, { bytes }: { bytes: Buffer }) =>
      this.#answer(() => this.items.push(String(bytes))),
    docEdit: (_namespace: string, _key: string, [[, , text]]: [[number, number, string]]) =>
      this.#answer(() => (this.doc = text + this.doc)),
    kvList: async () => ({
      items: [...this.registers].map(([key, held]) => ({ key, ...held })),
    }),
    multiList: async () => ({
      items: [...this.registers].flatMap(([key, held]) =>
        key.startsWith("multi ") ? [{ key: key.slice("multi ".length), values: [held] }] : [],
      ),
    }),
    counterList: async () => ({
      items: [...this.counters].map(([key, value]) => ({ key, value: String(value) })),
    }),
    setMembers: async () => ({
      items: [...this.elements].map((element) => ({ element })),
      next: null,
    }),
    logTail: async () => ({ items: this.items.map((value) => ({ value })), before: null }),
    docGet: async () => ({ text: this.doc }),
  } as unknown as Client;

  #now(): string {
    return String(++this.#stamp).padStart(16, "0");
  }

  async #answer(write: () => unknown): Promise<{ stamp: string }> {
    write();
    if (this.mute) throw new Error("no answer");
    return { stamp: String(this.#stamp).padStart(16, "0") };
  }
}

const random = seeded(1);

async function written(type: BookType, count = 20): Promise<{ daemon: FakeDaemon; books: Books }> {
  const daemon = new FakeDaemon();
  const books = new Books("n", "p/");
  const turn = { client: daemon.client, index: 0, random, options: {} };
  for (let at = 0; at < count; at++) await books.write(turn, type);
  return { daemon, books };
}

const lossesOf = async ({ daemon, books }: { daemon: FakeDaemon; books: Books }) =>
  (await books.losses(daemon.client)).map(({ what }) => what);

test.each(bookTypes)("a daemon that keeps every %s has lost none", async (type) => {
  const made = await written(type);
  expect(made.books.acknowledged).toBe(20);
  expect(made.books.counts[type]).toBe(20);
  expect(await lossesOf(made)).toEqual([]);
});

test.each(bookTypes)("a %s that was written and not acknowledged may be there", async (type) => {
  const made = await written(type);
  made.daemon.mute = true;
  const turn = { client: made.daemon.client, index: 0, random, options: {} };
  await expect(made.books.write(turn, type)).rejects.toThrow("no answer");
  expect(await lossesOf(made)).toEqual([]);
});

test("what is forgotten, miscounted, made up or brought back is found", async () => {
  const register = await written("register");
  register.daemon.registers.clear();
  expect(new Set(await lossesOf(register))).toEqual(new Set(["missing"]));

  const counter = await written("counter", 1);
  const [[key, value]] = [...counter.daemon.counters] as [[string, bigint]];
  for (const wrong of [value - 1n, value + 1n]) {
    counter.daemon.counters.set(key, wrong);
    expect(await lossesOf(counter)).toEqual(["miscounted"]);
  }

  const set = await written("set", 60);
  const element = [...set.daemon.elements][0] ?? "";
  set.daemon.elements.delete(element);
  set.daemon.elements.add("9.9");
  expect(await lossesOf(set)).toEqual(["foreign", "missing"]);
  set.daemon.elements.delete("9.9");
  set.daemon.elements.add(element);
  set.daemon.elements.add("0.0"); // the oldest one, which the first removal took
  expect(await lossesOf(set)).toEqual(["returned"]);

  const log = await written("log");
  log.daemon.items.splice(3, 1);
  expect(await lossesOf(log)).toEqual(["missing"]);
  log.daemon.items.push("0.0");
  expect(await lossesOf(log)).toEqual(["missing", "repeated"]);

  const doc = await written("doc");
  doc.daemon.doc = doc.daemon.doc.replace("0.7;", "");
  expect(await lossesOf(doc)).toEqual(["missing"]);
});
