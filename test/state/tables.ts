/**
 * Reads a whole store row by row, by the layout of docs/formats.md and not through the code under test, and holds
 * every table against every other: nothing may be missing, stale or counted twice.
 */
import { createHash } from "node:crypto";
import { expect } from "vitest";
import { toHex } from "../../src/core/codec.ts";
import type { Store } from "../../src/core/ports.ts";
import { decodeEntry } from "../../src/protocol/state/entry.ts";
import {
  decodeHeader,
  leafHasher,
  verifyHeader,
  type Header,
} from "../../src/protocol/state/header.ts";

const zero = Buffer.of(0);
const order64 = 2n ** 64n - 2n;

type Rows = { readonly key: Buffer; readonly value: Buffer }[];

export type LiveEntry = {
  readonly namespace: string;
  readonly subject: string;
  readonly hash: string;
  readonly stamp: bigint;
  readonly writer: string;
  readonly index: number;
  readonly header: string;
  readonly arrival: number;
  readonly encoded: Buffer;
};

function sha256(...parts: Uint8Array[]): Buffer {
  return createHash("sha256").update(Buffer.concat(parts)).digest();
}

function table(store: Store, number: number): Rows {
  const rows = store.range({ from: Uint8Array.of(number), to: Uint8Array.of(number + 1) });
  return [...rows].map(({ key, value }) => ({ key: Buffer.from(key), value: Buffer.from(value) }));
}

/** Cuts a key into its zero-terminated texts and what is left. */
function texts(key: Buffer, from: number, count: number): { texts: Buffer[]; rest: Buffer } {
  const found: Buffer[] = [];
  let at = from;
  for (let index = 0; index < count; index++) {
    const end = key.indexOf(0, at);
    found.push(key.subarray(at, end));
    at = end + 1;
  }
  return { texts: found, rest: key.subarray(at) };
}

function subjectOf(entryClass: number, type: Buffer, key: Buffer): string {
  return `${entryClass} ${type.toString()} ${key.toString("hex")}`;
}

/** Lengths of the two halves of a tree: RFC 6962, section 2.1. */
function halves(count: number): [number, number] {
  let left = 1;
  while (left * 2 < count) left *= 2;
  return [left, count - left];
}

/** Root over known leaves, with a listing in pre-order of the hashes that stand for the others. */
function rootOf(
  take: () => Buffer,
  known: (index: number) => boolean,
  from: number,
  count: number,
  leafAt: (index: number) => Buffer,
): Buffer {
  const any = Array.from({ length: count }, (_, index) => from + index).some(known);
  if (!any) return take();
  if (count === 1) return leafAt(from);
  const [left, right] = halves(count);
  const leftRoot = rootOf(take, known, from, left, leafAt);
  const rightRoot = rootOf(take, known, from + left, right, leafAt);
  return sha256(Buffer.of(12), Buffer.from("coterie/node"), leftRoot, rightRoot);
}

const bit = (bits: Buffer, index: number): boolean =>
  ((bits[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;

type ArrivalRow = {
  readonly header: Header;
  readonly hash: string;
  readonly entries: ReadonlyMap<number, { readonly encoded: Buffer; readonly hash: string }>;
};

/** Takes a stored bundle apart and verifies it. */
function readBundle(value: Buffer): ArrivalRow {
  let at = 0;
  const take = (length: number): Buffer => value.subarray(at, (at += length));
  const varint = (): number => {
    let number = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = take(1)[0]!;
      number += (byte & 127) * scale;
      if (byte < 128) return number;
    }
  };
  const encoded = take(varint());
  const header = decodeHeader(encoded);
  expect(verifyHeader(encoded, header.author, take(64))).toBe(true);
  const present = take(Math.ceil(header.count / 8));
  const leafHash = leafHasher(header);
  const entries = new Map<number, { encoded: Buffer; hash: string }>();
  for (let index = 0; index < header.count; index++) {
    if (!bit(present, index)) continue;
    const entry = take(varint());
    entries.set(index, { encoded: entry, hash: toHex(leafHash(index, entry)) });
  }
  const leafAt = (index: number): Buffer => Buffer.from(entries.get(index)!.hash, "hex");
  const root = rootOf(
    () => take(32),
    (index) => entries.has(index),
    0,
    header.count,
    leafAt,
  );
  expect(at).toBe(value.length);
  expect(root.toString("hex")).toBe(toHex(header.root));
  const hash = sha256(Buffer.of(14), Buffer.from("coterie/header"), encoded).toString("hex");
  return { header, hash, entries };
}

/** The arrivals with their sets of live entries; what lives by them. */
function readArrivals(store: Store, ownWriters: string[], last: number): LiveEntry[] {
  const live = new Map(
    table(store, 14).map(({ key, value }) => [key.toString("hex", 1), value] as const),
  );
  const entries: LiveEntry[] = [];
  const carried = new Map<string, number>();
  for (const { key, value } of table(store, 13)) {
    const arrival = key.readUIntBE(1, 6);
    expect(arrival).toBeLessThanOrEqual(last);
    const { header, hash, entries: present } = readBundle(value);
    const bits = live.get(key.toString("hex", 1));
    live.delete(key.toString("hex", 1));
    const writer = toHex(header.author) + toHex(header.nonce);
    let left = 0;
    for (const [index, { encoded, hash: leaf }] of present) {
      if (bits !== undefined && !bit(bits, index)) continue;
      left++;
      const { class: entryClass, type, key: name } = decodeEntry(encoded);
      const subject = subjectOf(entryClass, Buffer.from(type), Buffer.from(name));
      const { namespace, stamp } = header;
      entries.push({
        namespace,
        subject,
        hash: leaf,
        stamp,
        writer,
        index,
        header: hash,
        arrival,
        encoded,
      });
    }
    // what is dead is no more than what lives
    expect(left * 2).toBeGreaterThan(bits === undefined ? left : present.size);
    for (const place of placesOf(header, writer)) {
      carried.set(`${place} ${hash}`, (carried.get(`${place} ${hash}`) ?? 0) + 1);
    }
  }
  expect([...live.keys()]).toEqual([]);
  checkHeaders(store, carried, ownWriters);
  return entries;
}

function placesOf(header: Header, writer: string): string[] {
  const name = Buffer.concat([Buffer.from(header.namespace), zero]).toString("hex");
  const number = (value64: bigint): string => value64.toString(16).padStart(16, "0");
  return [`0f${name}${writer}${number(header.seq)}`, `10${name}${writer}${number(header.stamp)}`];
}

/** The headers by seq and by stamp, each with the number of arrivals that carry it. */
function checkHeaders(
  store: Store,
  carried: ReadonlyMap<string, number>,
  ownWriters: string[],
): void {
  const found = [...table(store, 15), ...table(store, 16)].flatMap(({ key, value }) => {
    expect(value.length).toBeGreaterThan(0);
    return Array.from({ length: value.length / 36 }, (_, index) => {
      const at = index * 36;
      const name = `${key.toString("hex")} ${value.toString("hex", at, at + 32)}`;
      return { name, arrivals: value.readUInt32BE(at + 32) };
    });
  });
  // of its own headers a node keeps the place for good
  const isKept = ({ name, arrivals }: { name: string; arrivals: number }): boolean =>
    arrivals === 0 && name.startsWith("0f") && ownWriters.some((writer) => name.includes(writer));
  const counted = found.filter((row) => !isKept(row));
  const rows = [...carried].map(([name, arrivals]) => ({ name, arrivals }));
  const placeOf = ({ name }: { name: string }): string => name.split(" ", 1)[0]!;
  const wanted = [...Map.groupBy(rows, placeOf)].flatMap(([place, all]) => {
    if (all.length <= 8) return all;
    // of a writer that forks without end the first few are kept
    const kept = counted.filter((row) => placeOf(row) === place);
    expect(kept.length).toBe(8);
    expect(all).toEqual(expect.arrayContaining(kept));
    return kept;
  });
  const text = (list: typeof rows): string[] =>
    list.map(({ name, arrivals }) => `${name} ${arrivals}`).toSorted();
  expect(text(counted)).toEqual(text(wanted));
}

/** The keys table, each row held against the entry that the arrivals have for it. */
function checkKeys(store: Store, entries: readonly LiveEntry[]): void {
  const rows = table(store, 10).map(({ key, value }) => {
    const name = texts(key, 1, 1);
    const { texts: parts, rest } = texts(name.rest, 1, 2);
    const rowClass = name.rest[0]!;
    const subject = subjectOf(rowClass & 0x7f, parts[0]!, parts[1]!);
    const locator = `${value.readUIntBE(0, 6)} ${value[6]}`;
    const said = rowClass === 1 ? value.subarray(7) : rest;
    if (rowClass !== 1) expect(value.length).toBe(7);
    else expect(rest.length).toBe(0);
    return [name.texts[0]!, subject, locator, rowClass, said.toString("hex")].join(" ");
  });
  const expected = entries.map((entry) => {
    const { range } = decodeEntry(entry.encoded);
    const stamp = u64(entry.stamp);
    const ends = range === undefined ? [] : [u64(range.to), u64(range.from)];
    const index = Buffer.alloc(2);
    index.writeUInt16BE(entry.index);
    const entryClass = Number(entry.subject.split(" ", 1)[0]);
    const said =
      entryClass === 1
        ? [stamp, Buffer.from(entry.hash, "hex")]
        : [Buffer.from(entry.writer, "hex"), ...ends, stamp, index, Buffer.from(entry.hash, "hex")];
    const rowClass = range === undefined ? entryClass : entryClass | 0x80;
    const locator = `${entry.arrival} ${entry.index}`;
    const all = Buffer.concat(said).toString("hex");
    return [entry.namespace, entry.subject, locator, rowClass, all].join(" ");
  });
  expect(rows.toSorted()).toEqual(expected.toSorted());
}

function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

/** Entries of each namespace in the reconciliation order. */
function inOrder(entries: readonly LiveEntry[]): Map<string, (LiveEntry & { place: string })[]> {
  const placed = entries
    .map((entry) => ({ ...entry, place: toHex(u64(order64 - entry.stamp)) + entry.hash }))
    .toSorted((a, b) => (a.place < b.place ? -1 : 1));
  return Map.groupBy(placed, ({ namespace }) => namespace);
}

/** Where pages and sums begin is a secret of the store; that they are what they say, and cover everything, is not. */
function checkOrder(store: Store, entries: readonly LiveEntry[]): void {
  const ordered = inOrder(entries);
  const pages = Map.groupBy(table(store, 11), ({ key }) => texts(key, 1, 1).texts[0]!.toString());
  expect([...pages.keys()].toSorted()).toEqual([...ordered.keys()].toSorted());
  for (const [namespace, rows] of pages) {
    const items: string[] = [];
    for (const { key, value } of rows) {
      const begins = texts(key, 1, 1).rest.toString("hex");
      if (begins !== "") expect(value.toString("hex", 0, 40)).toBe(begins);
      expect(value.length).toBeGreaterThan(0);
      for (let at = 0; at < value.length; at += 47) items.push(value.toString("hex", at, at + 47));
    }
    expect(items).toEqual(
      ordered.get(namespace)!.map(({ place, arrival, index }) => {
        return `${place}${arrival.toString(16).padStart(12, "0")}${index.toString(16).padStart(2, "0")}`;
      }),
    );
  }
  checkSums(store, ordered);
}

function sumOf(hashes: readonly string[]): string {
  let sum = 0n;
  for (const hash of hashes) sum += BigInt(`0x${toHex(Buffer.from(hash, "hex").toReversed())}`);
  const bytes = Buffer.from((sum % 2n ** 256n).toString(16).padStart(64, "0"), "hex");
  return toHex(bytes.toReversed());
}

/** Every node of every level against a recount of what lies up to the next. */
function checkSums(store: Store, ordered: ReturnType<typeof inOrder>): void {
  const rows = table(store, 12).map(({ key, value }) => {
    const { texts: names, rest } = texts(key, 1, 1);
    const kind = `${names[0]!.toString()} ${rest[0]}`;
    return { kind, begins: rest.toString("hex", 1), value };
  });
  const kinds = Map.groupBy(rows, ({ kind }) => kind);
  for (const namespace of ordered.keys()) {
    for (const level of [1, 2, 3]) expect([...kinds.keys()]).toContain(`${namespace} ${level}`);
  }
  for (const [kind, nodes] of kinds) {
    const all = ordered.get(kind.split(" ")[0]!) ?? [];
    expect(nodes[0]?.begins).toBe("");
    for (const [index, { begins, value }] of nodes.entries()) {
      const next = nodes[index + 1]?.begins;
      const within = all.filter(
        ({ place }) => place >= begins && (next === undefined || place < next),
      );
      const hashes = within.map(({ hash }) => hash);
      expect([value.readBigUInt64BE(0), value.toString("hex", 8)]).toEqual([
        BigInt(hashes.length),
        sumOf(hashes),
      ]);
      if (begins !== "") expect(within[0]?.place).toBe(begins);
    }
  }
}

/** Checks the whole store and answers what lives in it. */
export function checkTables(store: Store, ownWriters: string[]): LiveEntry[] {
  const meta = new Map(table(store, 8).map(({ key, value }) => [key.toString("utf8", 1), value]));
  const entries = readArrivals(store, ownWriters, meta.get("arrival")?.readUIntBE(0, 6) ?? 0);
  checkKeys(store, entries);
  checkOrder(store, entries);
  return entries;
}
