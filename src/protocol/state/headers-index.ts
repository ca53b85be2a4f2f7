/**
 * Which headers a writer signed for each sequence number and for each stamp, as far as entries of theirs live here: two
 * at one place prove that the writer forked. A header is counted once for each arrival that carries it. Of its own
 * writer a node keeps every number for good.
 */
import { bytesName, equalBytes, Reader, Writer } from "../../core/codec.ts";
import { hashBytes } from "../../core/ids.ts";
import { limits } from "../../core/limits.ts";
import type { StoreReader, StoreWriter } from "../../core/ports.ts";
import type { SignedHeader } from "./bundle.ts";
import { headerHash, writerOf, type Header } from "./header.ts";
import { stampMax } from "./stamp.ts";
import { tables, writerIndexKey } from "./rows.ts";

/** A header's hash, and how many arrivals carry it. */
export type Carried = { readonly hash: Uint8Array; readonly arrivals: number };

export function decodeCarried(row: Uint8Array | undefined): Carried[] {
  const carried: Carried[] = [];
  if (row === undefined) return carried;
  const reader = new Reader(row);
  while (reader.remaining > 0) {
    carried.push({ hash: reader.bytes(hashBytes), arrivals: reader.u32() });
  }
  return carried;
}

export function encodeCarried(carried: readonly Carried[]): Uint8Array {
  const out = new Writer();
  for (const { hash, arrivals } of carried) out.bytes(hash).u32(arrivals);
  return out.finish();
}

/** The headers known for a writer's sequence number. */
export function headersAt(
  store: StoreReader,
  namespace: string,
  writer: Uint8Array,
  seq: bigint,
): Carried[] {
  return decodeCarried(store.get(writerIndexKey(tables.headersBySeq, namespace, writer, seq)));
}

/** Another header of which entries live, found by its place. */
export type Rival = { readonly hash: Uint8Array; readonly stamp: bigint };

/** Whether live entries have another header of its writer at its seq or its stamp, which proves a fork. */
export function hasRivals(store: StoreReader, signed: SignedHeader): boolean {
  return placesOf(signed.header, signed.writer).some(
    (key) => rivalHashes(store, key, signed).length > 0,
  );
}

/** Those headers. One at its seq has any stamp, and of a writer of very many headers is looked for among the next ones only. */
export function rivalsOf(store: StoreReader, signed: SignedHeader): Rival[] {
  const { header, writer } = signed;
  const [bySeq, byStamp] = placesOf(header, writer);
  const { stamp } = header;
  const atStamp = rivalHashes(store, byStamp, signed).map((hash) => ({ hash, stamp }));
  const wanted = new Set(rivalHashes(store, bySeq, signed).map(bytesName));
  if (wanted.size === 0) return atStamp;
  return [...atStamp, ...stampsOf(store, signed, wanted)];
}

function rivalHashes(store: StoreReader, key: Uint8Array, { hash }: SignedHeader): Uint8Array[] {
  return decodeCarried(store.get(key)).flatMap((other) => {
    return other.arrivals > 0 && !equalBytes(other.hash, hash) ? [other.hash] : [];
  });
}

function* stampsOf(
  store: StoreReader,
  { header: { namespace, stamp }, writer }: SignedHeader,
  wanted: ReadonlySet<string>,
): Generator<Rival> {
  const keyOf = (number: bigint): Uint8Array =>
    writerIndexKey(tables.headersByStamp, namespace, writer, number);
  const limit = limits.forkSearchMax;
  const earlier = { from: keyOf(0n), to: keyOf(stamp), reverse: true, limit };
  const later = { from: keyOf(stamp), to: keyOf(stampMax), limit };
  for (const range of [earlier, later]) {
    for (const { key, value } of store.range(range)) {
      const found = decodeCarried(value).find(({ hash }) => wanted.has(bytesName(hash)));
      if (found === undefined) continue;
      yield { hash: found.hash, stamp: new Reader(key.subarray(key.length - 8)).u64() };
    }
  }
}

/** Remembers a header of this node's own of which nothing lives. */
export function keepHeader(tx: StoreWriter, { header, hash, writer }: SignedHeader): void {
  const [bySeq] = placesOf(header, writer);
  const known = decodeCarried(tx.get(bySeq));
  if (known.some((other) => equalBytes(other.hash, hash))) return;
  tx.put(bySeq, encodeCarried([...known, { hash, arrivals: 0 }]));
}

/** Two prove a fork; more are of no use to anyone but a writer of thousands. */
const headersPerPlaceMax = 8;

/** True when another header is known at one of its places, and this one was not known yet. */
export function addHeader(tx: StoreWriter, { header, hash, writer }: SignedHeader): boolean {
  let forked = false;
  for (const key of placesOf(header, writer)) {
    const known = decodeCarried(tx.get(key));
    const mine = known.find((other) => equalBytes(other.hash, hash));
    if (mine === undefined && known.length >= headersPerPlaceMax) continue;
    if (mine === undefined && known.length > 0) forked = true;
    const others = known.filter((other) => other !== mine);
    tx.put(key, encodeCarried([...others, { hash, arrivals: (mine?.arrivals ?? 0) + 1 }]));
  }
  return forked;
}

/** One arrival less carries it. `own`: its number is kept. */
export function dropHeader(
  tx: StoreWriter,
  { header, encoded }: { readonly header: Header; readonly encoded: Uint8Array },
  own: (writer: Uint8Array) => boolean,
): void {
  const writer = writerOf(header);
  const hash = headerHash(encoded);
  const [bySeq, byStamp] = placesOf(header, writer);
  take(tx, bySeq, hash, own(writer));
  take(tx, byStamp, hash, false);
}

function placesOf(header: Header, writer: Uint8Array): [bySeq: Uint8Array, byStamp: Uint8Array] {
  const { namespace, seq, stamp } = header;
  return [
    writerIndexKey(tables.headersBySeq, namespace, writer, seq),
    writerIndexKey(tables.headersByStamp, namespace, writer, stamp),
  ];
}

function take(tx: StoreWriter, key: Uint8Array, hash: Uint8Array, isKept: boolean): void {
  const left = decodeCarried(tx.get(key)).flatMap((carried) => {
    if (!equalBytes(carried.hash, hash)) return [carried];
    const arrivals = carried.arrivals - 1;
    return arrivals > 0 || isKept ? [{ ...carried, arrivals: Math.max(0, arrivals) }] : [];
  });
  if (left.length === 0) tx.remove(key);
  else tx.put(key, encodeCarried(left));
}
