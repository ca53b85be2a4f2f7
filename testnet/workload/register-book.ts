/** Registers and multis. Few keys and many writers: of each key the last acknowledged write must be there, or a later one. */
import type { Client } from "../../src/control/client.ts";
import type { WriteResult } from "../../src/control/schema.ts";
import { Ledger, type Held, type Loss } from "../ledger.ts";
import { text, type Book, type Place, type Turn } from "./book.ts";

type Row = Held & { readonly key: string };

abstract class LastBook implements Book {
  readonly ledger = new Ledger();
  protected readonly place: Place;
  readonly #keys: number;

  constructor(place: Place, keys: number) {
    this.place = place;
    this.#keys = keys;
  }

  get acknowledged(): number {
    return this.ledger.acknowledged;
  }

  async write(turn: Turn): Promise<void> {
    const key = `${this.place.prefix}${Math.floor(turn.random() * this.#keys)}`;
    this.ledger.tried(key, turn.token);
    const { stamp } = await this.put(turn, key, turn.token);
    this.ledger.wrote(key, turn.token, stamp);
  }

  async losses(client: Client): Promise<Loss[]> {
    const rows = await this.rows(client, { prefix: this.place.prefix, limit: this.#keys });
    return this.ledger.losses(new Map(rows.map((row) => [row.key, row])));
  }

  protected abstract put(turn: Turn, key: string, value: string): Promise<WriteResult>;
  protected abstract rows(client: Client, query: { prefix: string; limit: number }): Promise<Row[]>;
}

export class RegisterBook extends LastBook {
  constructor(place: Place) {
    super(place, 200);
  }

  protected put({ client, options }: Turn, key: string, value: string): Promise<WriteResult> {
    return client.kvPut(this.place.namespace, key, text(value), options);
  }

  protected async rows(client: Client, query: { prefix: string; limit: number }): Promise<Row[]> {
    const { items } = await client.kvList(this.place.namespace, query);
    return items.map(({ key, value, stamp }) => ({ key, value, stamp }));
  }
}

/** A write supersedes what its daemon had seen, which is nothing with a later stamp: so the last write stays. */
export class MultiBook extends LastBook {
  constructor(place: Place) {
    super(place, 20);
  }

  protected put({ client, options }: Turn, key: string, value: string): Promise<WriteResult> {
    return client.multiPut(this.place.namespace, key, text(value), options);
  }

  protected async rows(client: Client, query: { prefix: string; limit: number }): Promise<Row[]> {
    const { items } = await client.multiList(this.place.namespace, query);
    return items.flatMap(({ key, values: [latest] }) =>
      latest === undefined ? [] : [{ key, value: latest.value, stamp: latest.stamp }],
    );
  }
}
