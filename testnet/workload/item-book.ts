/** Logs and documents: every acknowledged item is there, each once, and none that nobody wrote. */
import type { Client } from "../../src/control/client.ts";
import { toCoterieError } from "../../src/core/errors.ts";
import type { Loss } from "../ledger.ts";
import { text, type Book, type Place, type Turn } from "./book.ts";

const pageSize = 1_000;

abstract class ItemBook implements Book {
  protected readonly namespace: string;
  protected readonly name: string;
  readonly #tried = new Set<string>();
  readonly #written = new Set<string>();

  constructor({ namespace, prefix }: Place, what: string) {
    this.namespace = namespace;
    this.name = `${prefix}${what}`;
  }

  get acknowledged(): number {
    return this.#written.size;
  }

  async write(turn: Turn): Promise<void> {
    const { token: item } = turn;
    this.#tried.add(item);
    await this.put(turn, item);
    this.#written.add(item);
  }

  async losses(client: Client): Promise<Loss[]> {
    if (this.#tried.size === 0) return [];
    const items = await this.items(client);
    const held = new Set(items);
    const loss = (item: string, what: Loss["what"]): Loss => ({
      key: `${this.name} ${item}`,
      what,
    });
    return [
      ...[...this.#written].filter((item) => !held.has(item)).map((item) => loss(item, "missing")),
      ...[...held].filter((item) => !this.#tried.has(item)).map((item) => loss(item, "foreign")),
      ...(held.size === items.length ? [] : [loss("an item", "repeated")]),
    ];
  }

  protected abstract put(turn: Turn, item: string): Promise<unknown>;
  protected abstract items(client: Client): Promise<string[]>;
}

export class LogBook extends ItemBook {
  constructor(place: Place) {
    super(place, "log");
  }

  protected put({ client, options }: Turn, item: string): Promise<unknown> {
    return client.logAppend(this.namespace, this.name, text(item), options);
  }

  protected async items(client: Client): Promise<string[]> {
    const found: string[] = [];
    let before: string | null = null;
    do {
      const query = { limit: pageSize, ...(before === null ? {} : { before }) };
      const page = await client.logTail(this.namespace, this.name, query);
      found.push(...page.items.map(({ value }) => String(value)));
      before = page.before;
    } while (before !== null);
    return found;
  }
}

/** Items go in at the front of one text, where nobody can write into the middle of another's. */
export class DocBook extends ItemBook {
  constructor(place: Place) {
    super(place, "doc");
  }

  protected put({ client, options }: Turn, item: string): Promise<unknown> {
    return client.docEdit(this.namespace, this.name, [[0, 0, `${item};`]], options);
  }

  protected async items(client: Client): Promise<string[]> {
    try {
      const { text: found } = await client.docGet(this.namespace, this.name);
      return found.split(";").slice(0, -1);
    } catch (error) {
      if (toCoterieError(error).code === "NOT_FOUND") return [];
      throw error;
    }
  }
}
