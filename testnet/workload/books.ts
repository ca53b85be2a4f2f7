/** The books of all types, and how often each is written in a mixed load. */
import type { Client } from "../../src/control/client.ts";
import type { Ledger, Loss } from "../ledger.ts";
import type { Book, Turn } from "./book.ts";
import { CounterBook } from "./counter-book.ts";
import { DocBook, LogBook } from "./item-book.ts";
import { MultiBook, RegisterBook } from "./register-book.ts";
import { SetBook } from "./set-book.ts";

/** Shares of a mixed load. A document costs the most, since it keeps all of its edits. */
const shares = { register: 45, counter: 15, set: 15, multi: 10, log: 11, doc: 4 } as const;

export type BookType = keyof typeof shares;
export const bookTypes = Object.keys(shares) as readonly BookType[];

export class Books {
  /** Of the registers. */
  readonly ledger: Ledger;
  readonly #books: Readonly<Record<BookType, Book>>;
  #turns = 0;

  /** `prefix` keeps their keys apart from those of other books in the same namespace. */
  constructor(namespace: string, prefix: string) {
    const place = { namespace, prefix };
    const register = new RegisterBook(place);
    this.ledger = register.ledger;
    this.#books = {
      register,
      counter: new CounterBook(place),
      set: new SetBook(place),
      multi: new MultiBook(place),
      log: new LogBook(place),
      doc: new DocBook(place),
    };
  }

  get acknowledged(): number {
    return Object.values(this.#books).reduce((sum, book) => sum + book.acknowledged, 0);
  }

  /** Acknowledged writes of each type. */
  get counts(): Record<BookType, number> {
    const counts = bookTypes.map((type) => [type, this.#books[type].acknowledged]);
    return Object.fromEntries(counts) as Record<BookType, number>;
  }

  /** Of `type`, or of one drawn. Rejects when the write was not acknowledged; it may have happened. */
  write(by: Omit<Turn, "token">, type: BookType = drawn(by.random)): Promise<void> {
    return this.#books[type].write({ ...by, token: `${by.index}.${this.#turns++}` });
  }

  /** What a node has lost of what was acknowledged, and what it shows that nobody wrote. */
  async losses(client: Client): Promise<Loss[]> {
    const losses = await Promise.all(
      bookTypes.map(async (type) => {
        const found = await this.#books[type].losses(client);
        return found.map(({ key, what }) => ({ key: `${type} ${key}`, what }));
      }),
    );
    return losses.flat();
  }
}

function drawn(random: () => number): BookType {
  const total = Object.values(shares).reduce((sum, share) => sum + share, 0);
  let at = random() * total;
  return bookTypes.find((type) => (at -= shares[type]) < 0) ?? "register";
}
