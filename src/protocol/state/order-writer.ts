/**
 * Keeps pages and sums true to the live set through one transaction. The nodes written last stay in memory, since new
 * entries fall into the same few and those they supersede often lie together; `flush` writes them before the end.
 */
import { compareBytes, concatBytes } from "../../core/codec.ts";
import type { ReconItem, Row, StoreWriter } from "../../core/ports.ts";
import { levels, type Boundaries } from "./boundaries.ts";
import { summarise } from "./fingerprints.ts";
import { boundAt, encodeItem, itemBytes, placeIn, positionAt, writeItem } from "./order-pages.ts";
import {
  endBound,
  keyAfter,
  pageKey,
  pagesEnd,
  positionBytesOf,
  sumKey,
  sumLevelEnd,
  type Locator,
} from "./rows.ts";
import { HashSum } from "./sum.ts";

/** Positions are the 40 bytes of the order; undefined before and after all of them. */
type Node = {
  readonly begins: Uint8Array | undefined;
  /** Where the next node of its kind begins. */
  next: Uint8Array | undefined;
  dirty: boolean;
};
type PageNode = Node & { items: Uint8Array; length: number };
type SumNode = Node & { readonly sum: HashSum };

const nodesKept = 16;
const roomyPageBytes = 64 * itemBytes;

function isWithin({ begins, next }: Node, position: Uint8Array): boolean {
  return (
    (begins === undefined || compareBytes(begins, position) <= 0) &&
    (next === undefined || compareBytes(position, next) < 0)
  );
}

/** Rows of one kind of node in one namespace. */
type Rows = {
  /** Key of the node that begins at a position, of the first without. */
  key(begins?: Uint8Array): Uint8Array;
  end: Uint8Array;
};

/** The nodes of one kind and namespace that were used last, the latest first. */
class NodeCache<T extends Node> {
  readonly #tx: StoreWriter;
  readonly #rows: Rows;
  readonly #decode: (node: Node, row: Uint8Array | undefined) => T;
  readonly #encode: (node: T) => Uint8Array;
  readonly #nodes: T[] = [];

  constructor(
    tx: StoreWriter,
    rows: Rows,
    decode: (node: Node, row: Uint8Array | undefined) => T,
    encode: (node: T) => Uint8Array,
  ) {
    this.#tx = tx;
    this.#rows = rows;
    this.#decode = decode;
    this.#encode = encode;
  }

  /** The node in whose range a position lies. */
  at(position: Uint8Array): T {
    const latest = this.#nodes[0];
    if (latest !== undefined && isWithin(latest, position)) return latest;
    const place = this.#nodes.findIndex((node) => isWithin(node, position));
    const node = place < 0 ? this.#load(position) : this.#nodes.splice(place, 1)[0]!;
    this.#keep(node);
    return node;
  }

  /** Puts in a new node that was split off from `before`. Where nodes begin is read from the store, so it goes there too. */
  split(before: T, node: T): void {
    before.next = node.begins;
    this.#tx.put(this.#rows.key(node.begins), this.#encode(node));
    this.#keep(node);
  }

  /** Takes out a node that is no more; answers the one before it, which ranges on over it now. */
  join(gone: T, position: Uint8Array): T {
    this.#tx.remove(this.#rows.key(gone.begins));
    this.#nodes.splice(this.#nodes.indexOf(gone), 1);
    const before = this.#nodes.find(
      ({ next }) => next !== undefined && compareBytes(next, position) === 0,
    );
    if (before === undefined) return this.at(position);
    before.next = gone.next;
    return before;
  }

  flush(): void {
    for (const node of this.#nodes) this.#put(node);
  }

  #keep(node: T): void {
    this.#nodes.unshift(node);
    if (this.#nodes.length > nodesKept) this.#put(this.#nodes.pop()!);
  }

  #put(node: T): void {
    if (!node.dirty) return;
    node.dirty = false;
    const row = this.#encode(node);
    const key = this.#rows.key(node.begins);
    if (row.length > 0) this.#tx.put(key, row);
    else this.#tx.remove(key); // an empty first page
  }

  #load(position: Uint8Array): T {
    const { key, end } = this.#rows;
    const at = key(position);
    const first = key();
    let found: Row | undefined;
    const upTo = { from: first, to: keyAfter(at), reverse: true, limit: 1 };
    for (const row of this.#tx.range(upTo)) found = row;
    let next: Uint8Array | undefined;
    for (const row of this.#tx.range({ from: keyAfter(at), to: end, limit: 1 })) next = row.key;
    const begins = found?.key.slice(first.length);
    const node = {
      begins: begins?.length === 0 ? undefined : begins,
      next: next?.slice(first.length),
      dirty: false,
    };
    return this.#decode(node, found?.value);
  }
}

function pagesOf(tx: StoreWriter, namespace: string): NodeCache<PageNode> {
  const rows = {
    key: (begins?: Uint8Array) => pageKey(namespace, begins),
    end: pagesEnd(namespace),
  };
  const decode = (node: Node, items: Uint8Array = new Uint8Array(0)): PageNode =>
    Object.assign(node, { items, length: items.length });
  return new NodeCache(tx, rows, decode, ({ items, length }) => items.subarray(0, length));
}

function sumsOf(tx: StoreWriter, namespace: string, level: number): NodeCache<SumNode> {
  const rows = {
    key: (begins?: Uint8Array) => sumKey(namespace, level, begins),
    end: sumLevelEnd(namespace, level),
  };
  const decode = (node: Node, row: Uint8Array | undefined): SumNode =>
    Object.assign(node, { sum: row === undefined ? new HashSum() : HashSum.decode(row) });
  return new NodeCache(tx, rows, decode, ({ sum }) => sum.encode());
}

class NamespaceOrder {
  readonly #tx: StoreWriter;
  readonly #namespace: string;
  readonly #pages: NodeCache<PageNode>;
  readonly #sums: readonly NodeCache<SumNode>[];

  constructor(tx: StoreWriter, namespace: string) {
    this.#tx = tx;
    this.#namespace = namespace;
    this.#pages = pagesOf(tx, namespace);
    this.#sums = Array.from({ length: levels }, (_, index) => sumsOf(tx, namespace, index + 1));
  }

  insert(height: number, item: ReconItem, locator: Locator): void {
    const position = positionBytesOf(item);
    this.#insertIntoPage(height, position, locator);
    for (const [index, sums] of this.#sums.entries()) {
      const node = sums.at(position);
      node.sum.add(item.id);
      node.dirty = true;
      if (height > index + 1) this.#splitSum(index + 1, position, item, node);
    }
  }

  remove(height: number, item: ReconItem): void {
    const position = positionBytesOf(item);
    for (const [index, sums] of this.#sums.entries()) {
      const node = sums.at(position);
      node.sum.subtract(item.id);
      node.dirty = true;
      if (height > index + 1) {
        const before = sums.join(node, position);
        before.sum.addSum(node.sum);
        before.dirty = true;
      }
    }
    this.#removeFromPage(height, position);
  }

  flush(): void {
    this.#pages.flush();
    for (const sums of this.#sums) sums.flush();
  }

  #insertIntoPage(height: number, position: Uint8Array, locator: Locator): void {
    const page = this.#pages.at(position);
    const at = placeIn(page.items, position, page.length) * itemBytes;
    page.dirty = true;
    if (height > 0) {
      const items = concatBytes(
        encodeItem(position, locator),
        page.items.subarray(at, page.length),
      );
      const { next } = page;
      page.length = at;
      const begun = { begins: position, next, dirty: false, items, length: items.length };
      this.#pages.split(page, begun);
      return;
    }
    if (page.length + itemBytes > page.items.length) {
      const larger = new Uint8Array(Math.max(2 * page.items.length, roomyPageBytes));
      larger.set(page.items.subarray(0, page.length));
      page.items = larger;
    }
    page.items.copyWithin(at + itemBytes, at, page.length);
    writeItem(page.items, at, position, locator);
    page.length += itemBytes;
  }

  #removeFromPage(height: number, position: Uint8Array): void {
    const page = this.#pages.at(position);
    const rest = page.items.subarray(0, page.length);
    if (height > 0) {
      const before = this.#pages.join(page, position);
      before.items = concatBytes(before.items.subarray(0, before.length), rest.subarray(itemBytes));
      before.length = before.items.length;
      before.dirty = true;
      return;
    }
    const place = placeIn(rest, position);
    if (compareBytes(positionAt(rest, place), position) !== 0) {
      throw new RangeError("the entry is not in the order");
    }
    page.items.copyWithin(place * itemBytes, (place + 1) * itemBytes, page.length);
    page.length -= itemBytes;
    page.dirty = true;
  }

  /** The new node sums what lies from the item on, itself included, which is in its page already. */
  #splitSum(level: number, position: Uint8Array, item: ReconItem, node: SumNode): void {
    this.#pages.flush();
    for (const sums of this.#sums.slice(0, level - 1)) sums.flush();
    const { next } = node;
    const to = next === undefined ? endBound : boundAt(next);
    const sum = summarise(this.#tx, this.#namespace, item, to, level - 1);
    node.sum.subtractSum(sum);
    this.#sums[level - 1]!.split(node, { begins: position, next, dirty: false, sum });
  }
}

/** The pages and sums of all namespaces, as one transaction changes them. */
export class OrderWriter {
  readonly #tx: StoreWriter;
  readonly #boundaries: Boundaries;
  readonly #namespaces = new Map<string, NamespaceOrder>();

  constructor(tx: StoreWriter, boundaries: Boundaries) {
    this.#tx = tx;
    this.#boundaries = boundaries;
  }

  insert(namespace: string, item: ReconItem, locator: Locator): void {
    this.#of(namespace).insert(this.#boundaries.heightOf(item.id), item, locator);
  }

  /** Throws `RangeError` for what is not there. */
  remove(namespace: string, item: ReconItem): void {
    this.#of(namespace).remove(this.#boundaries.heightOf(item.id), item);
  }

  flush(): void {
    for (const order of this.#namespaces.values()) order.flush();
  }

  #of(namespace: string): NamespaceOrder {
    let order = this.#namespaces.get(namespace);
    if (order === undefined) {
      order = new NamespaceOrder(this.#tx, namespace);
      this.#namespaces.set(namespace, order);
    }
    return order;
  }
}
