/**
 * Writes that daemons acknowledged, and whether a node has them. Of each key the last one counts, by its stamp: a node
 * must show it or a later one, and nothing that nobody wrote.
 */
export type Held = { readonly value: unknown; readonly stamp: string };

type Line = {
  stamp: string;
  /** With that stamp: two nodes that are cut from each other may draw the same. */
  last: Set<string>;
  readonly tried: Set<string>;
};

/** `foreign`: nobody wrote it. `returned`: it was removed. */
export type Loss = {
  readonly key: string;
  readonly what: "missing" | "older" | "foreign" | "returned" | "repeated" | "miscounted";
};

export class Ledger {
  readonly #lines = new Map<string, Line>();
  #acknowledged = 0;

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Keys of which at least one write was acknowledged. */
  get keys(): string[] {
    return [...this.#lines].flatMap(([key, { stamp }]) => (stamp === "" ? [] : [key]));
  }

  /** It may be written from now on, acknowledged or not. */
  tried(key: string, value: string): void {
    this.#line(key).tried.add(value);
  }

  wrote(key: string, value: string, stamp: string): void {
    this.#acknowledged++;
    const line = this.#line(key);
    if (stamp < line.stamp) return;
    if (stamp > line.stamp) line.last.clear();
    line.stamp = stamp;
    line.last.add(value);
  }

  /** What a node that shows these values has lost. */
  losses(held: ReadonlyMap<string, Held>): Loss[] {
    return this.keys.flatMap((key) => {
      const what = this.#judge(this.#line(key), held.get(key));
      return what === undefined ? [] : [{ key, what }];
    });
  }

  #judge(line: Line, held: Held | undefined): Loss["what"] | undefined {
    if (held === undefined) return "missing";
    if (held.stamp < line.stamp) return "older";
    const written = held.stamp === line.stamp ? line.last : line.tried;
    return typeof held.value === "string" && written.has(held.value) ? undefined : "foreign";
  }

  #line(key: string): Line {
    const found = this.#lines.get(key) ?? { stamp: "", last: new Set(), tried: new Set() };
    this.#lines.set(key, found);
    return found;
  }
}
