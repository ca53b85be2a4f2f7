import type { Client } from "../../src/control/client.ts";
import type { Loss } from "../ledger.ts";
import type { Book, Place, Turn } from "./book.ts";

/** Of one counter: the sum that was acknowledged, and beside it what may have been counted. */
type Sum = { acknowledged: bigint; unknown: bigint };

const counterCount = 5;
const stepMax = 9;

/** A counter is the sum of what was acknowledged, to the unit; over it at most by what was not answered. */
export class CounterBook implements Book {
  readonly #place: Place;
  readonly #sums = new Map<string, Sum>();
  #acknowledged = 0;

  constructor(place: Place) {
    this.#place = place;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  async write({ client, random, options }: Turn): Promise<void> {
    const key = `${this.#place.prefix}${Math.floor(random() * counterCount)}`;
    const by = BigInt(1 + Math.floor(random() * stepMax));
    const sum = this.#sums.get(key) ?? { acknowledged: 0n, unknown: 0n };
    this.#sums.set(key, sum);
    sum.unknown += by;
    await client.counterAdd(this.#place.namespace, key, by, options);
    sum.unknown -= by;
    sum.acknowledged += by;
    this.#acknowledged++;
  }

  async losses(client: Client): Promise<Loss[]> {
    const query = { prefix: this.#place.prefix, limit: counterCount };
    const { items } = await client.counterList(this.#place.namespace, query);
    const held = new Map(items.map(({ key, value }) => [key, BigInt(value)]));
    return [...this.#sums].flatMap(([key, { acknowledged, unknown }]): Loss[] => {
      const value = held.get(key) ?? 0n;
      if (value >= acknowledged && value <= acknowledged + unknown) return [];
      return [{ key, what: "miscounted" }];
    });
  }
}
