import type { Client } from "../../src/control/client.ts";
import type { Loss } from "../ledger.ts";
import type { Book, Place, Turn } from "./book.ts";

/** `adding` and `removing` were tried and not answered: the element may be there or not. */
type State = "adding" | "present" | "removing" | "gone";

const removeShare = 0.25;
const pageSize = 1_000;

/** Every element is added once, and removed by none but the node that added it. */
export class SetBook implements Book {
  readonly #namespace: string;
  readonly #name: string;
  readonly #states = new Map<string, State>();
  /** Elements that are there, by the node that added them. */
  readonly #own = new Map<number, string[]>();
  #acknowledged = 0;

  constructor({ namespace, prefix }: Place) {
    this.#namespace = namespace;
    this.#name = `${prefix}set`;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  async write(turn: Turn): Promise<void> {
    const own = this.#own.get(turn.index) ?? [];
    this.#own.set(turn.index, own);
    const old = turn.random() < removeShare ? own.shift() : undefined;
    if (old === undefined) await this.#add(turn, own);
    else await this.#remove(turn, old);
    this.#acknowledged++;
  }

  async losses(client: Client): Promise<Loss[]> {
    if (this.#states.size === 0) return [];
    const held = await this.#members(client);
    const foreign = [...held].filter((element) => !this.#states.has(element));
    return [
      ...foreign.map((element): Loss => ({ key: `${this.#name} ${element}`, what: "foreign" })),
      ...[...this.#states].flatMap(([element, state]): Loss[] => {
        const key = `${this.#name} ${element}`;
        if (state === "present" && !held.has(element)) return [{ key, what: "missing" }];
        if (state === "gone" && held.has(element)) return [{ key, what: "returned" }];
        return [];
      }),
    ];
  }

  async #add(turn: Turn, own: string[]): Promise<void> {
    const { token: element } = turn;
    this.#states.set(element, "adding");
    await turn.client.setChange(this.#namespace, this.#name, { add: [element] }, turn.options);
    this.#states.set(element, "present");
    own.push(element);
  }

  async #remove({ client, options }: Turn, element: string): Promise<void> {
    this.#states.set(element, "removing");
    await client.setChange(this.#namespace, this.#name, { remove: [element] }, options);
    this.#states.set(element, "gone");
  }

  async #members(client: Client): Promise<Set<string>> {
    const found = new Set<string>();
    let after: string | null = null;
    do {
      const query = { limit: pageSize, ...(after === null ? {} : { after }) };
      const page = await client.setMembers(this.#namespace, this.#name, query);
      for (const { element } of page.items) found.add(element);
      after = page.next;
    } while (after !== null);
    return found;
  }
}
