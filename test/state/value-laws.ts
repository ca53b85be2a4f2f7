/** Values follow from the live set alone: equal ones have equal values, read in whatever order, and as in law-values.ts. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { toHex, Writer } from "../../src/core/codec.ts";
import { counterType, readCounter } from "../../src/protocol/state/counter.ts";
import { classes, type Entry, type StampRange } from "../../src/protocol/state/entry.ts";
import type { LiveRow } from "../../src/protocol/state/live-rows.ts";
import { LogTail } from "../../src/protocol/state/log-tail.ts";
import { logType } from "../../src/protocol/state/log.ts";
import { multiType, readMulti } from "../../src/protocol/state/multi.ts";
import { readMember, setKey, setType } from "../../src/protocol/state/set.ts";
import { wallMs } from "./fixture.ts";
import { plansOf, someEntry, someStamp } from "./hostile.ts";
import { counterText, logText, multiText, setText, type Item } from "./law-values.ts";
import { liveSet } from "./law.ts";
import type { Law } from "./laws.ts";
import { filled, onlyLive, sentOf } from "./merge-laws.ts";

type ValueType = {
  readonly type: string;
  /** All of one key. */
  readonly entry: fc.Arbitrary<Entry>;
  readonly read: (rows: readonly LiveRow[], nowMs: number) => string[];
  readonly wanted: (live: readonly Item[], nowMs: number) => string[];
};

const element = setKey("s", "e");
const sum = fc.oneof(fc.bigInt(0n, 3n), fc.constant(2n ** 64n - 1n));
const sums = fc
  .tuple(sum, sum)
  .map(([added, taken]) => new Writer().u64(added).u64(taken).finish());
const anyBody = fc.option(fc.uint8Array({ maxLength: 4 }), { nil: undefined });
/** Few, so that what lives is listed too. */
const itemBody = fc.constantFrom(new Uint8Array(0), Uint8Array.of(1), Uint8Array.of(2));
const listed = fc.record({
  stamp: someStamp,
  index: fc.constantFrom(0, 0, 0, 0, 1, 127, 128),
  body: itemBody,
});
type Listed = { readonly stamp: bigint; readonly index: number; readonly body: Uint8Array };

function encodeListing(items: readonly Listed[]): Uint8Array {
  const out = new Writer();
  for (const { stamp, index, body } of items) out.u64(stamp).u16(index).prefixed(body);
  return out.finish();
}

type Listing = { readonly items: readonly Listed[]; readonly fault: number };
const listing = fc.record({
  items: fc.array(listed, { maxLength: 6 }),
  fault: fc.nat({ max: 15 }),
});

/** Mostly in order and in the range, as it must be; now and then not, cut short, or with more behind. */
function checkpointBody({ items, fault }: Listing, { from, to }: StampRange): Uint8Array {
  const ordered = items.toSorted((a, b) => Number(a.stamp - b.stamp) || a.index - b.index);
  if (fault === 0) return encodeListing(items);
  if (fault === 1) return encodeListing(ordered);
  const fitting = ordered.filter(({ stamp }) => stamp >= from && stamp <= to);
  const bytes = encodeListing(fitting.filter(({ index }) => index < 128));
  if (fault === 2) return bytes.slice(0, -1);
  return fault === 3 ? Buffer.concat([bytes, Uint8Array.of(0)]) : bytes;
}

/** Entries of the class with the type's bodies. */
function typed(
  entry: fc.Arbitrary<Entry>,
  type: string,
  body: fc.Arbitrary<Uint8Array | undefined>,
): fc.Arbitrary<Entry> {
  return fc.tuple(entry, body).map(([given, bytes]) => ({ ...given, type, body: bytes }));
}

function tail(rows: readonly LiveRow[], limit: number): ReturnType<LogTail["finish"]> {
  const gathered = new LogTail({ limit, bytesMax: 1_000_000 });
  for (const row of rows) gathered.add(row);
  return gathered.finish();
}

const anyItem = typed(someEntry(classes.append, ["k"]), logType, itemBody);

/** The whole log; that its last two items are those of its tail is checked on the way. */
function readLog(rows: readonly LiveRow[]): string[] {
  const texts = ({ items }: ReturnType<LogTail["finish"]>): string[] =>
    items.map(({ stamp, writer, index, body }) => {
      const digits = [stamp.toString(16).padStart(16, "0"), index.toString(16).padStart(4, "0")];
      return [digits[0], toHex(writer), digits[1], toHex(body)].join(" ");
    });
  const [all, few] = [tail(rows, 1_000), tail(rows, 2)];
  assert.deepEqual(texts(few), texts(all).slice(-2));
  assert.deepEqual([all.isWhole, few.isWhole], [true, all.items.length <= 2]);
  return texts(all);
}

const types: readonly ValueType[] = [
  {
    type: multiType,
    entry: typed(someEntry(classes.context, ["k"]), multiType, anyBody),
    read: (rows, nowMs) =>
      (readMulti("k", rows, nowMs)?.values ?? []).map(({ author, stamp, value }) => {
        return `${author} ${stamp} ${value.kind} ${toHex(value.bytes)}`;
      }),
    wanted: multiText,
  },
  {
    type: setType,
    entry: typed(someEntry(classes.context, [element]), setType, anyBody),
    read: (rows, nowMs) => {
      const member = readMember(element, rows, nowMs);
      return member === undefined ? [] : [`${member.author} ${member.stamp}`];
    },
    wanted: setText,
  },
  {
    type: counterType,
    entry: typed(
      someEntry(classes.slot, ["k"]),
      counterType,
      fc.oneof({ weight: 5, arbitrary: sums }, { weight: 1, arbitrary: anyBody }),
    ),
    read: (rows) => {
      const counter = readCounter("k", rows);
      return counter === undefined ? [] : [`${counter.author} ${counter.stamp} ${counter.value}`];
    },
    wanted: counterText,
  },
  {
    type: logType,
    entry: fc.tuple(anyItem, listing).map(([entry, given]) => {
      const { range } = entry;
      return range === undefined ? entry : { ...entry, body: checkpointBody(given, range) };
    }),
    read: readLog,
    wanted: logText,
  },
];

function valueLaw({ type, entry, read, wanted }: ValueType): Law {
  const plans = plansOf(entry, { plansMax: 6, entriesMax: 3 });
  const later = fc.constantFrom(0, 5_000, 10_000);
  return {
    name: `${type}: equal live sets have equal values, read in any order, and those of the model`,
    property: fc.property(plans, later, (given, laterMs) => {
      const sent = given.map(sentOf);
      const placed = sent.flatMap((each) => each.placed);
      const value = wanted(liveSet(placed), wallMs + laterMs);
      const { class: entryClass, key } = given[0]!.entries[0]!;
      for (const state of [filled(sent), onlyLive(sent.toReversed())]) {
        const rows = [...state.live({ namespace: "default", class: entryClass, type, key })];
        assert.deepEqual(read(rows, wallMs + laterMs), value);
        assert.deepEqual(read(rows.toReversed(), wallMs + laterMs), value);
      }
    }),
  };
}

export const valueLaws: readonly Law[] = types.map(valueLaw);
