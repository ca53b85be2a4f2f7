/**
 * A record of a pack file: a header of 52 bytes, then the block (docs/formats.md, "Pack files").
 *
 * Two checks, since they are for two things. The CRC-32 of header and block finds torn and rotten records at 5 GB/s, so
 * that every read can afford it; the SHA-256 says that the block is what its CID names, and is computed where a block
 * comes in and by `verify`.
 */
import { crc32 } from "node:zlib";
import { equalBytes } from "../../core/codec.ts";
import { limits } from "../../core/limits.ts";
import { blockKeyBytes, sha256Of } from "./block-key.ts";

export const recordHeadBytes = 4 + 4 + 4 + blockKeyBytes + 3 + 4;
const magic = Buffer.from("CBk1", "latin1");
const keyAt = 12;
const checkAt = recordHeadBytes - 4;

export type RecordHead = {
  readonly key: Uint8Array;
  readonly length: number;
  readonly crc: number;
};
export type PackRecord = {
  readonly key: Uint8Array;
  readonly bytes: Uint8Array;
  /** Where its head begins in what was scanned. */
  readonly at: number;
};

export function recordBytes(length: number): number {
  return recordHeadBytes + length;
}

export function encodeHead(key: Uint8Array, bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(recordHeadBytes);
  magic.copy(head);
  head.writeUInt32BE(bytes.length, 4);
  head.writeUInt32BE(crc32(bytes), 8);
  head.set(key, keyAt);
  head.writeUInt32BE(crc32(head.subarray(0, checkAt)), checkAt);
  return head;
}

/** Undefined when there is no whole and sound head at this place. */
export function decodeHead(bytes: Buffer, at: number): RecordHead | undefined {
  if (at + recordHeadBytes > bytes.length) return undefined;
  const head = bytes.subarray(at, at + recordHeadBytes);
  if (!head.subarray(0, magic.length).equals(magic)) return undefined;
  if (head.readUInt32BE(checkAt) !== crc32(head.subarray(0, checkAt))) return undefined;
  const length = head.readUInt32BE(4);
  if (length > limits.blockBytesMax) return undefined;
  const key = new Uint8Array(head.subarray(keyAt, keyAt + blockKeyBytes));
  return { key, length, crc: head.readUInt32BE(8) };
}

/** The block of a record that was read whole, or undefined when it is not this block or is damaged. */
export function blockOf(record: Buffer, key: Uint8Array): Uint8Array | undefined {
  const head = decodeHead(record, 0);
  if (head === undefined || !equalBytes(head.key, key)) return undefined;
  const bytes = record.subarray(recordHeadBytes);
  return bytes.length === head.length && crc32(bytes) === head.crc ? bytes : undefined;
}

export type Scanned = {
  readonly records: PackRecord[];
  /** Up to where the bytes were understood; what follows is cut off, or damaged. */
  readonly to: number;
  /** Damaged bytes that were stepped over. */
  readonly skipped: number;
};

/**
 * The sound records of a stretch of a pack. Damage is stepped over to the next sound record, so that one bad sector
 * costs one block; damage that nothing sound follows is left for the caller to judge: it may be a tail cut short.
 */
export function scanRecords(bytes: Buffer): Scanned {
  const records: PackRecord[] = [];
  let to = 0;
  let skipped = 0;
  for (let at = 0; at >= 0 && at < bytes.length;) {
    const record = recordAt(bytes, at);
    // after damage, what looks like a record may lie within a block that somebody made to look so
    if (record === undefined || (at !== to && !isWhatItSays(record))) {
      at = bytes.indexOf(magic, at + 1);
      continue;
    }
    records.push(record);
    skipped += at - to;
    at += recordBytes(record.bytes.length);
    to = at;
  }
  return { records, to, skipped };
}

function isWhatItSays({ key, bytes }: PackRecord): boolean {
  return equalBytes(sha256Of(bytes), key.subarray(1));
}

function recordAt(bytes: Buffer, at: number): PackRecord | undefined {
  const head = decodeHead(bytes, at);
  if (head === undefined) return undefined;
  const block = bytes.subarray(at + recordHeadBytes, at + recordBytes(head.length));
  if (block.length < head.length || crc32(block) !== head.crc) return undefined;
  return { key: head.key, bytes: block, at };
}
