/** The last items of a log, gathered from live entries in whatever order they come, in bounded memory. */
import { compareBytes, fromHex, Reader, toHex, Writer } from "../../core/codec.ts";
import { CoterieError } from "../../core/errors.ts";
import { writerBytes } from "../../core/ids.ts";
import type { LiveRow } from "./live-rows.ts";
import { compareItems, itemsOf, type LogItem } from "./log.ts";

/** A place in a log: that of an item but for its body. */
export type LogPosition = Omit<LogItem, "body">;

/** Such as `018cc251f4000000-<80 hexadecimal digits>-0001`: positions sort as their texts do. */
export function positionText({ stamp, writer, index }: LogPosition): string {
  const bytes = new Writer().u64(stamp).bytes(writer).u16(index).finish();
  const [at, by] = [8, 8 + writerBytes];
  return [bytes.slice(0, at), bytes.slice(at, by), bytes.slice(by)].map(toHex).join("-");
}

/** Throws `BAD_CURSOR`. */
export function parsePosition(text: string): LogPosition {
  if (!/^[0-9a-f]{16}-[0-9a-f]{80}-[0-9a-f]{4}$/.test(text)) {
    throw new CoterieError("BAD_CURSOR", "this is not the position of an item of a log");
  }
  const reader = new Reader(fromHex(text.replaceAll("-", "")));
  return { stamp: reader.u64(), writer: reader.bytes(writerBytes), index: reader.u16() };
}

function comparePositions(a: LogPosition, b: LogPosition): number {
  if (a.stamp !== b.stamp) return a.stamp < b.stamp ? -1 : 1;
  return compareBytes(a.writer, b.writer) || a.index - b.index;
}

export type TailOptions = {
  readonly limit: number;
  /** Bodies together; one item is always there. */
  readonly bytesMax: number;
  /** Only items before it. */
  readonly before?: LogPosition | undefined;
};

export class LogTail {
  readonly #options: TailOptions;
  #items: LogItem[] = [];
  #bytes = 0;
  /** Older ones than this do not matter any more. */
  #floor: LogItem | undefined;
  #cut = false;

  constructor(options: TailOptions) {
    this.#options = options;
  }

  add(row: LiveRow): void {
    const { before, limit, bytesMax } = this.#options;
    for (const item of itemsOf(row)) {
      if (before !== undefined && comparePositions(item, before) >= 0) continue;
      if (this.#floor !== undefined && compareItems(item, this.#floor) < 0) continue;
      this.#items.push({ ...item, body: item.body.slice() }); // or it would keep a whole checkpoint in memory
      this.#bytes += item.body.length;
    }
    if (this.#items.length > 2 * limit || this.#bytes > 2 * bytesMax) this.#trim();
  }

  /** Oldest first. `isWhole` is false when there are older ones. */
  finish(): { items: readonly LogItem[]; isWhole: boolean } {
    this.#trim();
    return { items: this.#items, isWhole: !this.#cut };
  }

  #trim(): void {
    const { limit, bytesMax } = this.#options;
    const sorted = this.#items.toSorted(compareItems);
    const distinct = sorted.filter(
      (item, at) => at === 0 || compareItems(item, sorted[at - 1]!) > 0,
    );
    const kept: LogItem[] = [];
    let bytes = 0;
    for (const item of distinct.toReversed()) {
      const fits =
        kept.length < limit && (kept.length === 0 || bytes + item.body.length <= bytesMax);
      if (!fits) break;
      kept.push(item);
      bytes += item.body.length;
    }
    if (kept.length < distinct.length) {
      this.#cut = true;
      this.#floor = kept.at(-1);
    }
    this.#items = kept.toReversed();
    this.#bytes = bytes;
  }
}
