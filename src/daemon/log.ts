/** Logs as the control API sees them; and who keeps them small. */
import { bytesName } from "../core/codec.ts";
import { toCoterieError } from "../core/errors.ts";
import { authorBytes, peerNameOf } from "../core/ids.ts";
import { limits } from "../core/limits.ts";
import { createBreather } from "../control/breathe.ts";
import type { LogEntry, TypeCalls } from "../control/daemon.ts";
import { checkKey, checkNamespace, checkValue, checkWritable } from "./checks.ts";
import type { TypeParts } from "./types.ts";
import { changes } from "./watch.ts";
import { classes } from "../protocol/state/entry.ts";
import { anyBody } from "../protocol/state/intent.ts";
import { listKeys } from "../protocol/state/listing.ts";
import type { LiveRow } from "../protocol/state/live-rows.ts";
import {
  itemsOf,
  logAppend,
  logDelete,
  logSubject,
  logType,
  type LogItem,
} from "../protocol/state/log.ts";
import { logCompact } from "../protocol/state/log-compaction.ts";
import { LogTail, parsePosition, positionText } from "../protocol/state/log-tail.ts";
import { decodeValue } from "../protocol/state/value.ts";

export function logOf(parts: TypeParts): TypeCalls["log"] {
  const { state, driver } = parts;
  const compactor = new Compactor(parts);
  return {
    async append(namespace, key, value, signal) {
      checkWritable(namespace, state);
      checkKey(key);
      checkValue(value);
      const stamp = await driver.write(namespace, [logAppend(key, value)], signal);
      compactor.appended(namespace, key);
      return stamp;
    },
    async tail(namespace, key, { limit, before }, signal) {
      checkNamespace(namespace);
      checkKey(key);
      const place = before === undefined ? undefined : parsePosition(before);
      const tail = new LogTail({ limit, bytesMax: limits.listBytesMax, before: place });
      await readAll(parts, namespace, key, signal, (row) => tail.add(row));
      const { items, isWhole } = tail.finish();
      return { items: items.map(logEntry), isWhole };
    },
    follow(namespace, key, { tail }, signal) {
      checkNamespace(namespace);
      checkKey(key);
      return follow(parts, namespace, key, tail, signal);
    },
    names(namespace, options) {
      checkNamespace(namespace);
      const space = { namespace, class: classes.append, type: logType };
      return listKeys(state, space, options, (key, live) => {
        return anyBody(live) ? key : undefined;
      });
    },
    async delete(namespace, key, signal) {
      checkWritable(namespace, state);
      checkKey(key);
      return driver.write(namespace, [logDelete(key)], signal);
    },
  };
}

function logEntry(item: LogItem): LogEntry {
  const { writer, stamp, body } = item;
  const author = peerNameOf(writer.subarray(0, authorBytes));
  return { position: positionText(item), value: decodeValue(body), author, stamp };
}

/** Visits the live entries of a log, and lets others have a turn now and then. */
async function readAll(
  { clock, state }: TypeParts,
  namespace: string,
  key: string,
  signal: AbortSignal | undefined,
  visit: (row: LiveRow) => void,
): Promise<void> {
  const breathe = createBreather(clock);
  for (const row of state.live(logSubject(namespace, key))) {
    visit(row);
    await breathe();
    signal?.throwIfAborted();
  }
}

/** Few, since their entries are in memory together. */
const changesPerPage = 32;
/** Items told lately that a checkpoint may list again; the oldest are forgotten first. */
const rememberedMax = 65_536;

/**
 * First the tail, then what comes to live, entry by entry in the order of the feed. The items of a checkpoint were told
 * before unless they came here within it: so those told are remembered until a checkpoint lists them.
 */
async function* follow(
  parts: TypeParts,
  namespace: string,
  key: string,
  limit: number,
  signal: AbortSignal,
): AsyncGenerator<LogEntry> {
  const { state } = parts;
  let seq = state.feedSeq();
  const told = new Set<string>();
  const tail = new LogTail({ limit, bytesMax: limits.listBytesMax });
  await readAll(parts, namespace, key, signal, (row) => {
    if (row.feedSeq > seq) return;
    tail.add(row);
    if (row.place.range === undefined) for (const item of itemsOf(row)) remember(told, item);
  });
  for (const item of tail.finish().items) yield logEntry(item);
  for await (const page of changes(parts, seq, signal, changesPerPage)) {
    const isOurs = page.some(({ subject }) => {
      const { namespace: ns, class: entryClass, type } = subject;
      return (
        ns === namespace && entryClass === classes.append && type === logType && subject.key === key
      );
    });
    const last = page.at(-1)?.seq ?? seq;
    if (isOurs) {
      const news: LiveRow[] = [];
      await readAll(parts, namespace, key, signal, (row) => {
        if (row.feedSeq > seq && row.feedSeq <= last) news.push(row);
      });
      for (const row of news.toSorted((a, b) => Number(a.feedSeq - b.feedSeq))) {
        const isCheckpoint = row.place.range !== undefined;
        for (const item of itemsOf(row)) {
          if (isCheckpoint && told.delete(nameOf(item))) continue;
          if (!isCheckpoint) remember(told, item);
          yield logEntry(item);
        }
      }
    }
    seq = last;
  }
}

function nameOf({ stamp, writer, index }: LogItem): string {
  return `${bytesName(writer)}${stamp.toString(36)} ${index}`;
}

function remember(told: Set<string>, item: LogItem): void {
  told.add(nameOf(item));
  const [oldest] = told;
  if (told.size > rememberedMax && oldest !== undefined) told.delete(oldest);
}

/** Logs whose appends are counted. */
const countedMax = 1_024;

/**
 * Writes a checkpoint now and then. Counts in memory, since what a restart forgets costs a few items outside of one. Where
 * it was not worth it (items too large), it waits twice as long before it looks again.
 */
class Compactor {
  readonly #parts: TypeParts;
  readonly #counts = new Map<string, { left: number; interval: number }>();

  constructor(parts: TypeParts) {
    this.#parts = parts;
  }

  appended(namespace: string, key: string): void {
    const name = `${namespace} ${key}`;
    const interval = limits.logCompactionItems;
    const count = this.#counts.get(name) ?? { left: interval, interval };
    this.#counts.delete(name);
    this.#counts.set(name, count);
    const [oldest] = this.#counts.keys();
    if (this.#counts.size > countedMax && oldest !== undefined) this.#counts.delete(oldest);
    if (--count.left > 0) return;
    count.left = count.interval;
    void this.#compact(namespace, key, count);
  }

  async #compact(namespace: string, key: string, count: { interval: number }): Promise<void> {
    const { driver, log } = this.#parts;
    let written = false;
    const intent = logCompact(key);
    const make: typeof intent.make = (live, at) => {
      const entry = intent.make(live, at);
      written = entry !== undefined;
      return entry;
    };
    try {
      await driver.write(namespace, [{ ...intent, make }]);
      count.interval = written ? limits.logCompactionItems : count.interval * 2;
    } catch (error) {
      log.debug("a log was not compacted", { key, reason: toCoterieError(error).message });
    }
  }
}
