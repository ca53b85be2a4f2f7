/**
 * Reads a whole store row by row, by the layout of docs/formats.md and not through the code under test, and holds
 * every table against every other: nothing may be missing, stale or counted twice.
 */
import { createHash } from "node:crypto";
import { expect } from "vitest";
import { toHex } from "../../src/core/codec.ts";
import type { Store } from "../../src/core/ports.ts";
import { decodeEntry, type Entry } from "../../src/protocol/state/entry.ts";
import { decodeHeader, leafHasher, verifyHeader } from "../../src/protocol/state/header.ts";

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
  readonly feedSeq: bigint;
  readonly encoded: Buffer;
  /** What the order table says of it. */
  readonly locator: Buffer;
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

/** Byte of a row's class: that of its entry, with the highest bit for a checkpoint. */
function checkRowClass(rowClass: number, entry: Entry): void {
  expect(rowClass).toBe(entry.range === undefined ? entry.class : entry.class | 0x80);
}

/** The entries table, each row checked against its own entry. */
function readEntries(store: Store): LiveEntry[] {
  return table(store, 1).map(({ key, value }) => {
    const name = texts(key, 1, 1);
    const { texts: parts, rest } = texts(name.rest, 1, 2);
    const encoded = value.subarray(40);
    const entry = decodeEntry(encoded);
    const { range } = entry;
    checkRowClass(name.rest[0]!, entry);
    expect(parts.map(String)).toEqual([entry.type, entry.key]);
    const ends = range === undefined ? 0 : 16;
    expect(rest.length).toBe(40 + ends + 8 + 2 + 32);
    if (range !== undefined) {
      expect([rest.readBigUInt64BE(40), rest.readBigUInt64BE(48)]).toEqual([range.to, range.from]);
    }
    const place = rest.subarray(40 + ends);
    return {
      namespace: name.texts[0]!.toString(),
      subject: subjectOf(entry.class, parts[0]!, parts[1]!),
      writer: rest.toString("hex", 0, 40),
      stamp: place.readBigUInt64BE(0),
      index: place.readUInt16BE(8),
      hash: place.toString("hex", 10),
      header: value.toString("hex", 0, 32),
      feedSeq: value.readBigUInt64BE(32),
      encoded,
      locator: Buffer.concat([name.rest.subarray(0, -(8 + 2 + 32)), place.subarray(8, 10)]),
    };
  });
}

function checkOrder(store: Store, entries: readonly LiveEntry[]): void {
  const rows = table(store, 2).map(({ key, value }) => {
    const { texts: names, rest } = texts(key, 1, 1);
    const stamp = order64 - rest.readBigUInt64BE(0);
    return [names[0]!.toString(), stamp, rest.toString("hex", 8), toHex(value)].join(" ");
  });
  const expected = entries.map(({ namespace, stamp, hash, locator }) =>
    [namespace, stamp, hash, toHex(locator)].join(" "),
  );
  expect(rows.toSorted()).toEqual(expected.toSorted());
}

/** Lengths of the two halves of a tree: RFC 6962, section 2.1. */
function halves(count: number): [number, number] {
  let left = 1;
  while (left * 2 < count) left *= 2;
  return [left, count - left];
}

/** Root over a listing in pre-order; known leaves go to `leaves`. */
function rootOf(
  take: () => Buffer,
  known: (index: number) => boolean,
  from: number,
  count: number,
  leaves: Map<number, string>,
): Buffer {
  const any = Array.from({ length: count }, (_, index) => from + index).some(known);
  if (!any || count === 1) {
    const hash = take();
    if (count === 1) leaves.set(from, hash.toString("hex"));
    return hash;
  }
  const [left, right] = halves(count);
  const leftRoot = rootOf(take, known, from, left, leaves);
  const rightRoot = rootOf(take, known, from + left, right, leaves);
  return sha256(Buffer.of(12), Buffer.from("coterie/node"), leftRoot, rightRoot);
}

const bit = (bits: Buffer, index: number): boolean =>
  ((bits[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;

function checkHeaders(store: Store, entries: readonly LiveEntry[], ownWriters: string[]): void {
  const live = new Map(
    table(store, 9).map(({ key, value }) => [key.toString("hex", 1), value] as const),
  );
  const bySeq = table(store, 5).map(({ key }) => key.toString("hex"));
  const byStamp = table(store, 6).map(({ key }) => key.toString("hex"));
  const seqWanted: string[] = [];
  const stampWanted: string[] = [];
  const claimed: string[] = [];
  const headers = table(store, 4);
  for (const { key, value } of headers) {
    const hash = key.toString("hex", 1);
    const length = value[0]! < 128 ? value[0]! : (value[0]! & 127) + value[1]! * 128;
    const start = value[0]! < 128 ? 1 : 2;
    const encoded = value.subarray(start, start + length);
    const signature = value.subarray(start + length, start + length + 64);
    const header = decodeHeader(encoded);
    expect(verifyHeader(encoded, header.author, signature)).toBe(true);
    expect(sha256(Buffer.of(14), Buffer.from("coterie/header"), encoded).toString("hex")).toBe(
      hash,
    );
    const bitsEnd = start + length + 64 + Math.ceil(header.count / 8);
    const known = value.subarray(start + length + 64, bitsEnd);
    const leaves = new Map<number, string>();
    let at = bitsEnd;
    const take = (): Buffer => value.subarray(at, (at += 32));
    const root = rootOf(take, (index) => bit(known, index), 0, header.count, leaves);
    expect(at).toBe(value.length);
    expect(root.toString("hex")).toBe(toHex(header.root));
    const bits = live.get(hash);
    expect(bits).toBeDefined();
    expect(bits!.length).toBe(Math.ceil(header.count / 8));
    expect(bits!.some((byte) => byte !== 0)).toBe(true);
    const writer = toHex(header.author) + toHex(header.nonce);
    for (let index = 0; index < bits!.length * 8; index++) {
      if (!bit(bits!, index)) continue;
      expect(leaves.get(index)).toBeDefined();
      claimed.push([hash, index, leaves.get(index), writer, header.stamp].join(" "));
    }
    const name = Buffer.concat([Buffer.from(header.namespace), zero]).toString("hex");
    const number = (value64: bigint): string => value64.toString(16).padStart(16, "0");
    seqWanted.push(`05${name}${writer}${number(header.seq)}${hash}`);
    stampWanted.push(`06${name}${writer}${number(header.stamp)}${hash}`);
    const leafHash = leafHasher(header);
    for (const entry of entries) {
      if (entry.header !== hash) continue;
      expect(toHex(leafHash(entry.index, entry.encoded))).toBe(entry.hash);
    }
  }
  expect(headers.length).toBe(live.size);
  expect(claimed.toSorted()).toEqual(
    entries
      .map(({ header, index, hash, writer, stamp }) =>
        [header, index, hash, writer, stamp].join(" "),
      )
      .toSorted(),
  );
  expect(byStamp.toSorted()).toEqual(stampWanted.toSorted());
  const isOwn = (key: string): boolean => ownWriters.some((writer) => key.includes(writer));
  expect(bySeq.filter((key) => !isOwn(key)).toSorted()).toEqual(
    seqWanted.filter((key) => !isOwn(key)).toSorted(),
  );
  for (const key of seqWanted) expect(bySeq).toContain(key);
}

function checkFeed(store: Store, entries: readonly LiveEntry[], last: bigint): void {
  const rows = table(store, 7).map(({ key, value }) => {
    const seq = key.readBigUInt64BE(1);
    expect(seq).toBeLessThanOrEqual(last);
    const namespaceEnd = 1 + value[0]!;
    const typeStart = namespaceEnd + 2;
    const typeEnd = typeStart + value[namespaceEnd + 1]!;
    const keyStart = typeEnd + (value[typeEnd]! < 128 ? 1 : 2);
    return [
      seq,
      value.toString("utf8", 1, namespaceEnd),
      subjectOf(value[namespaceEnd]!, value.subarray(typeStart, typeEnd), value.subarray(keyStart)),
    ].join(" ");
  });
  const expected = entries.map(({ feedSeq, namespace, subject }) =>
    [feedSeq, namespace, subject].join(" "),
  );
  expect(rows.toSorted()).toEqual(expected.toSorted());
}

function levelOf(salt: Buffer, hash: string): number {
  const bits = sha256(salt, Buffer.from(hash, "hex")).readUIntBE(0, 3);
  let level = 0;
  while (level < 3 && ((bits >> (6 * level)) & 63) === 0) level++;
  return level;
}

function sumOf(hashes: readonly string[]): string {
  let sum = 0n;
  for (const hash of hashes) sum += BigInt(`0x${toHex(Buffer.from(hash, "hex").toReversed())}`);
  const bytes = Buffer.from((sum % 2n ** 256n).toString(16).padStart(64, "0"), "hex");
  return toHex(bytes.toReversed());
}

/** Every node of every level against a recount; a first node that sums nothing may be left out. */
function checkFingerprints(store: Store, entries: readonly LiveEntry[], salt: Buffer): void {
  const rows = table(store, 3).map(({ key, value }) => {
    return `${key.toString("hex")} ${value.readBigUInt64BE(0)} ${value.toString("hex", 8)}`;
  });
  const expected: string[] = [];
  for (const namespace of new Set(entries.map((entry) => entry.namespace))) {
    const ordered = entries
      .filter((entry) => entry.namespace === namespace)
      .map((entry) => ({
        hash: entry.hash,
        place: (order64 - entry.stamp).toString(16).padStart(16, "0") + entry.hash,
      }))
      .toSorted((a, b) => (a.place < b.place ? -1 : 1));
    for (let level = 1; level <= 3; level++) {
      const nodes = [{ place: "", hashes: [] as string[] }];
      for (const { hash, place } of ordered) {
        if (levelOf(salt, hash) >= level) nodes.push({ place, hashes: [] });
        nodes.at(-1)!.hashes.push(hash);
      }
      for (const { place, hashes } of nodes) {
        const key = `03${Buffer.from(namespace).toString("hex")}000${level}${place}`;
        expected.push(`${key} ${hashes.length} ${sumOf(hashes)}`);
      }
    }
  }
  const isNothing = (row: string): boolean => row.includes(` 0 ${"0".repeat(64)}`);
  expect(rows.filter((row) => !isNothing(row)).toSorted()).toEqual(
    expected.filter((row) => !isNothing(row)).toSorted(),
  );
}

/** Checks the whole store and answers what lives in it. */
export function checkTables(store: Store, ownWriters: string[]): LiveEntry[] {
  const entries = readEntries(store);
  const meta = new Map(table(store, 8).map(({ key, value }) => [key.toString("utf8", 1), value]));
  checkOrder(store, entries);
  checkHeaders(store, entries, ownWriters);
  checkFeed(store, entries, meta.get("feed")?.readBigUInt64BE() ?? 0n);
  checkFingerprints(store, entries, meta.get("salt")!);
  return entries;
}
