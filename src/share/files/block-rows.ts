/**
 * Keys and values of the block index in the node's ordered store (docs/formats.md, "Block index"). The first byte is the
 * table of this room, the second tells its parts apart.
 */
import { concatBytes, Reader, Writer } from "../../core/codec.ts";
import { blockKeyBytes } from "./block-key.ts";
import type { Place } from "./pack-files.ts";

const table = 32;
export const parts = { meta: 1, packs: 2, blocks: 3, candidates: 4, roots: 5, cached: 6 } as const;
type Part = (typeof parts)[keyof typeof parts];

export const indexVersion = 1;

export function rowKey(part: Part, rest: Uint8Array = new Uint8Array(0)): Uint8Array {
  return concatBytes(Uint8Array.of(table, part), rest);
}

/** All rows of a part, or those from `rest` on. */
export function rowsOf(part: Part, rest?: Uint8Array): { from: Uint8Array; to: Uint8Array } {
  return { from: rowKey(part, rest), to: Uint8Array.of(table, part + 1) };
}

/** What follows the two bytes. */
export function restOf(key: Uint8Array): Uint8Array {
  return key.slice(2);
}

export type BlockRow = {
  /** How many blocks that were here link it, and 1 if it is a root. */
  readonly refs: number;
  /** Undefined while it is not here. */
  readonly place: Place | undefined;
  /** Whether its links count: so it stays when a damaged block is lost, until it is here again. */
  readonly linked: boolean;
};

const flagHere = 1;
const flagLinked = 2;

export function encodeBlockRow({ refs, place, linked }: BlockRow): Uint8Array {
  const flags = (place === undefined ? 0 : flagHere) | (linked ? flagLinked : 0);
  const out = new Writer().u32(refs).u8(flags);
  if (place !== undefined) out.u32(place.pack).u32(place.at).u32(place.length);
  return out.finish();
}

export function decodeBlockRow(value: Uint8Array): BlockRow {
  const row = new Reader(value);
  const refs = row.u32();
  const flags = row.u8();
  const isHere = (flags & flagHere) !== 0;
  const place = isHere ? { pack: row.u32(), at: row.u32(), length: row.u32() } : undefined;
  return { refs, place, linked: (flags & flagLinked) !== 0 };
}

/** `indexedTo`: the records before it have their rows; `live`: bytes of its records that are still needed. */
export type PackRow = { readonly indexedTo: number; readonly live: number };

export function packKey(id: number): Uint8Array {
  return rowKey(parts.packs, new Writer().u32(id).finish());
}

export function encodePackRow({ indexedTo, live }: PackRow): Uint8Array {
  return new Writer().u32(indexedTo).u32(live).finish();
}

export function decodePackRow(value: Uint8Array): PackRow {
  const row = new Reader(value);
  return { indexedTo: row.u32(), live: row.u32() };
}

export function encodeU48(value: number): Uint8Array {
  return new Writer().u48(value).finish();
}

export function decodeU48(value: Uint8Array): number {
  return new Reader(value).u48();
}

/**
 * Why a root is here: `shared` or `pinned` by this member, `kept` for the network as a holder, or `cached` until the space
 * is needed. A root can be here for several reasons.
 */
export const holdings = { pinned: 1, kept: 2, cached: 4, shared: 8 } as const;
export type Holding = keyof typeof holdings;

export type RootRow = {
  readonly held: readonly Holding[];
  /** Whether all blocks under it were here once; what holds them keeps them here. */
  readonly whole: boolean;
  /** Unix milliseconds of its last use here. */
  readonly usedAt: number;
  /** Of the DAG, as far as is known. */
  readonly bytes: number;
};

export function encodeRootRow({ held, whole, usedAt, bytes }: RootRow): Uint8Array {
  const flags = held.reduce((sum, holding) => sum | holdings[holding], whole ? 128 : 0);
  return new Writer().u8(flags).u48(usedAt).u48(bytes).finish();
}

export function decodeRootRow(value: Uint8Array): RootRow {
  const row = new Reader(value);
  const flags = row.u8();
  const names = Object.keys(holdings) as Holding[];
  const held = names.filter((name) => (flags & holdings[name]) !== 0);
  return { held, whole: (flags & 128) !== 0, usedAt: row.u48(), bytes: row.u48() };
}

/** Sorts what is only cached by its last use. */
export function cachedKey(usedAt: number, key: Uint8Array): Uint8Array {
  return rowKey(parts.cached, concatBytes(encodeU48(usedAt), key));
}

export function keyOfCached(key: Uint8Array): Uint8Array {
  return key.slice(key.length - blockKeyBytes);
}
