/**
 * Which headers a writer signed for each sequence number and for each stamp, as far as entries of theirs live here: two
 * at one place prove that the writer forked. A header is counted once for each arrival that carries it. Of its own
 * writer a node keeps every number for good.
 */
import { equalBytes, Reader, Writer } from "../../core/codec.ts";
import { hashBytes } from "../../core/ids.ts";
import type { StoreReader, StoreWriter } from "../../core/ports.ts";
import type { SignedHeader } from "./bundle.ts";
import { headerHash, writerOf, type Header } from "./header.ts";
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
    return arrivals > 0 || isKept ? [{ hash: carried.hash, arrivals: Math.max(0, arrivals) }] : [];
  });
  if (left.length === 0) tx.remove(key);
  else tx.put(key, encodeCarried(left));
}
