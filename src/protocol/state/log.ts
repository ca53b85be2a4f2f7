/**
 * Type `log` (class `append`): all items of all writers, in the order of (stamp, writer, index). An item's body is that of
 * a register (value.ts). A checkpoint stands for items of its own writer: its body lists them, and it supersedes them.
 *
 * What an item is: its writer, stamp, index and body. Two that agree in all of them are one, so that what both lives and
 * stands in a checkpoint, or in two, counts once; its hash breaks ties. Layout: docs/formats.md, "Values".
 */
import { compareBytes, encodeUtf8, equalBytes, Reader, Writer } from "../../core/codec.ts";
import { CoterieError } from "../../core/errors.ts";
import { sha256, tag } from "../../core/identity.ts";
import { limits } from "../../core/limits.ts";
import { classes, decodeEntry, type StampRange } from "./entry.ts";
import { anyBody, epochField, fieldBytesMax, type Intent } from "./intent.ts";
import type { LiveRow } from "./live-rows.ts";
import type { Subject } from "./rows.ts";
import { encodeValue, type RegisterValue } from "./value.ts";

export const logType = "log";

export type LogItem = {
  readonly writer: Uint8Array;
  readonly stamp: bigint;
  readonly index: number;
  /** See value.ts. */
  readonly body: Uint8Array;
};

/** What a checkpoint lists; the writer is its own. */
export type Listed = Omit<LogItem, "writer">;

const itemTag = tag("coterie/log-item");

export function logSubject(namespace: string, key: string): Subject {
  return { namespace, class: classes.append, type: logType, key };
}

export function logAppend(key: string, value: RegisterValue): Intent {
  const body = encodeValue(value);
  const bytes = body.length + encodeUtf8(key).length + fieldBytesMax;
  const make: Intent["make"] = (live) => {
    return { class: classes.append, type: logType, key, body, epoch: epochField(epochOf(live)) };
  };
  return { class: classes.append, type: logType, key, bytes, make };
}

/** Opens an epoch without items. */
export function logDelete(key: string): Intent {
  const make: Intent["make"] = (live, { stamp }) => {
    if (!anyBody(live)) return undefined;
    return { class: classes.append, type: logType, key, epoch: stamp };
  };
  const bytes = encodeUtf8(key).length + fieldBytesMax;
  return { class: classes.append, type: logType, key, bytes, alone: true, make };
}

/** All live entries of a key are of one epoch. */
export function epochOf(live: Iterable<LiveRow>): bigint {
  for (const { encoded } of live) return decodeEntry(encoded).epoch ?? 0n;
  return 0n;
}

/** The item that a live entry is, or those of a checkpoint; none where a body is missing or not well-formed. */
export function itemsOf({ place, encoded }: LiveRow): LogItem[] {
  const { body } = decodeEntry(encoded);
  const { writer, stamp, index, range } = place;
  if (body === undefined) return [];
  if (range === undefined) return [{ writer, stamp, index, body }];
  return decodeCheckpoint(body, range).map((listed) => ({ writer, ...listed }));
}

/** The log's order; 0 for one and the same item. */
export function compareItems(a: LogItem, b: LogItem): number {
  if (a.stamp !== b.stamp) return a.stamp < b.stamp ? -1 : 1;
  const order = compareBytes(a.writer, b.writer) || a.index - b.index;
  if (order !== 0 || equalBytes(a.body, b.body)) return order;
  return compareBytes(itemHash(a), itemHash(b));
}

export function itemHash({ writer, stamp, index, body }: LogItem): Uint8Array {
  const out = new Writer().bytes(itemTag).bytes(writer).u64(stamp).u16(index).bytes(body);
  return sha256(out.finish());
}

/** The items, in order. */
export function encodeCheckpoint(items: readonly Listed[]): Uint8Array {
  const out = new Writer();
  for (const { stamp, index, body } of items) out.u64(stamp).u16(index).prefixed(body);
  return out.finish();
}

/** Bytes of one item in a checkpoint. */
export function listedBytes({ body }: Listed): number {
  return 8 + 2 + (body.length < 128 ? 1 : body.length < 16_384 ? 2 : 3) + body.length;
}

/**
 * What a checkpoint lists: stamp u64, index u16, body with its length, and so on, ascending by (stamp, index), every stamp
 * within the range. Of a body of any other form nothing counts.
 */
export function decodeCheckpoint(body: Uint8Array, { from, to }: StampRange): Listed[] {
  const items: Listed[] = [];
  const reader = new Reader(body);
  let last = { stamp: 0n, index: 0 };
  try {
    while (reader.remaining > 0) {
      const item = { stamp: reader.u64(), index: reader.u16(), body: itemBody(reader) };
      const ascends =
        item.stamp > last.stamp || (item.stamp === last.stamp && item.index > last.index);
      const fits = item.stamp >= from && item.stamp <= to && item.index < limits.batchEntriesMax;
      if (!fits || (items.length > 0 && !ascends)) return [];
      items.push(item);
      last = item;
    }
  } catch (error) {
    if (error instanceof CoterieError && error.code === "BAD_FORMAT") return [];
    throw error;
  }
  return items;
}

function itemBody(reader: Reader): Uint8Array {
  return reader.prefixed(limits.valueBytesMax + 1);
}
