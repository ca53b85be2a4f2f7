/** The change feed as the control API sees it. */
import { equalBytes, fromHex, toHex } from "../core/codec.ts";
import { CoterieError } from "../core/errors.ts";
import { authorBytes, peerNameOf } from "../core/ids.ts";
import type { Clock } from "../core/ports.ts";
import type { ChangeEvent, Holding } from "../control/daemon.ts";
import type { Driver } from "../driver/driver.ts";
import { Mailbox } from "../mailbox.ts";
import { readCounter, counterType } from "../protocol/state/counter.ts";
import { classes, decodeEntry } from "../protocol/state/entry.ts";
import type { Change } from "../protocol/state/feed.ts";
import { hasBody } from "../protocol/state/intent.ts";
import type { LiveRow } from "../protocol/state/live-rows.ts";
import { multiType, readMulti } from "../protocol/state/multi.ts";
import { recordOf, registerType } from "../protocol/state/register.ts";
import type { Subject } from "../protocol/state/rows.ts";
import { readMember, setKeyParts, setType } from "../protocol/state/set.ts";
import type { State } from "../protocol/state/state.ts";

export type WatchParts = {
  readonly clock: Clock;
  readonly state: State;
  readonly driver: Pick<Driver, "onChange">;
};

/** Changes read from the feed at a time. */
const changesPerPage = 256;

/** Pages of the feed after a position, as it grows; never empty. */
export async function* changes(
  { driver, state, clock }: WatchParts,
  after: bigint,
  signal: AbortSignal,
  perPage = changesPerPage,
): AsyncGenerator<Change[]> {
  let seq = after;
  const news = new Mailbox<true>(1);
  const stop = driver.onChange(() => news.put(true));
  try {
    for (;;) {
      const page = state.changesAfter(seq, perPage);
      if (page.length > 0) yield page;
      seq = page.at(-1)?.seq ?? seq;
      if (page.length < perPage) await news.take(signal);
      else await clock.sleep(0, signal);
    }
  } finally {
    stop();
  }
}

/**
 * One event for each key and change. An entry that comes to live takes the next number of the feed, and the newest of a
 * key's live entries carries its last change: an addition, a removal that covers others, a deletion that opened an epoch.
 * A change whose number is not that of the key's newest entry was told, or will be, with a later one.
 */
export async function* watch(
  parts: WatchParts,
  namespace: string,
  options: {
    readonly prefix: string;
    readonly cursor?: string;
    readonly types?: ReadonlySet<string>;
  },
  signal: AbortSignal,
): AsyncGenerator<ChangeEvent> {
  const { state, clock } = parts;
  const { prefix, types } = options;
  const after = options.cursor === undefined ? state.feedSeq() : seqOfCursor(state, options.cursor);
  const concerns = ({ subject }: Change): boolean =>
    subject.namespace === namespace &&
    subject.key.startsWith(prefix) &&
    (types === undefined || types.has(subject.type));
  for await (const page of changes(parts, after, signal)) {
    for (const { seq, subject } of lastOfEach(page.filter(concerns))) {
      const now = nowOf(state, subject, clock.wallMs());
      if (now?.newest.feedSeq !== seq) continue;
      const { newest, holding } = now;
      yield {
        cursor: cursorOf(state, seq),
        namespace,
        type: subject.type,
        key: subject.key,
        ...memberOf(subject),
        holding,
        author: peerNameOf(newest.place.writer.subarray(0, authorBytes)),
        stamp: newest.place.stamp,
      };
    }
  }
}

type Now = { readonly newest: LiveRow; readonly holding: Holding | undefined };

/** The newest entry of a key, and what it holds. A log may have many large entries, so they are not gathered. */
function nowOf(state: State, subject: Subject, wallMs: number): Now | undefined {
  const rows: LiveRow[] = [];
  let newest: LiveRow | undefined;
  let holds = false;
  for (const row of state.live(subject)) {
    if (newest === undefined || row.feedSeq > newest.feedSeq) newest = row;
    holds ||= hasBody(row);
    if (subject.class !== classes.append) rows.push(row);
  }
  if (newest === undefined) return undefined;
  return { newest, holding: holds ? holdingOf(subject, rows, wallMs) : undefined };
}

/** Of several changes of a key only the last can be its newest. */
function lastOfEach(page: readonly Change[]): Iterable<Change> {
  const last = new Map<string, Change>();
  for (const change of page) {
    const { class: entryClass, type, key } = change.subject;
    const name = `${entryClass} ${type} ${key}`;
    last.delete(name);
    last.set(name, change);
  }
  return last.values();
}

/** What a key holds of which some live entry has a body; undefined when that has expired, or is no body of its type. */
function holdingOf(
  { class: entryClass, type, key }: Subject,
  rows: readonly LiveRow[],
  wallMs: number,
): Holding | undefined {
  switch (`${entryClass} ${type}`) {
    case `${classes.last} ${registerType}`: {
      const [row] = rows;
      const record = row && recordOf(key, decodeEntry(row.encoded), row.place, wallMs);
      return record && { type: "register", record };
    }
    case `${classes.context} ${multiType}`: {
      const multi = readMulti(key, rows, wallMs);
      return multi && { type: "multi", values: multi.values };
    }
    case `${classes.slot} ${counterType}`: {
      const counter = readCounter(key, rows);
      return counter && { type: "counter", value: counter.value };
    }
    case `${classes.context} ${setType}`: {
      return readMember(key, rows, wallMs) === undefined ? undefined : { type: "set" };
    }
    default:
  }
  return { type: "other" };
}

function memberOf({ type, key }: Subject): Pick<ChangeEvent, "member"> {
  const member = type === setType ? setKeyParts(key) : undefined;
  return member === undefined ? {} : { member };
}

function cursorOf(state: State, seq: bigint): string {
  return `${toHex(state.storeId)}-${seq.toString(16)}`;
}

/** Throws `BAD_CURSOR`. */
function seqOfCursor(state: State, cursor: string): bigint {
  if (cursor === "0") return 0n;
  const [store, seq] = cursor.split("-", 2);
  const ours =
    /^[0-9a-f]{16}$/.test(store ?? "") &&
    /^[0-9a-f]{1,16}$/.test(seq ?? "") &&
    equalBytes(fromHex(store ?? ""), state.storeId);
  const position = ours ? BigInt(`0x${seq}`) : -1n;
  if (position < 0n || position > state.feedSeq()) {
    throw new CoterieError("BAD_CURSOR", "the cursor is not one of this node's", {
      hint: "watch from the beginning with cursor 0",
    });
  }
  return position;
}
