/**
 * The daemon's log: leveled records with facts as fields, written as they come and kept in a ring for `logs`.
 * The level can change at run time. A follower may ask for a finer level than the daemon's: records are made as long
 * as anybody wants them, but only the daemon's own level is written and kept, so that somebody who looks closely
 * does not wash the history away.
 */
import { limits } from "../core/limits.ts";
import type { Clock, Log, LogFields, LogLevel } from "../core/ports.ts";
import { LogFollower } from "./log-follower.ts";
import { formatRecord, type LogFormat } from "./log-format.ts";
import { ranks, type LogRecord } from "./log-record.ts";

export type LogOptions = {
  readonly clock: Pick<Clock, "wallMs">;
  readonly level: LogLevel;
  /** `text` for people, `json` for one JSON object a line. */
  readonly format: LogFormat;
  /** Takes one line, without its line feed. */
  readonly write: (line: string) => void;
  /** Records kept; `limits.logRecordsKept` by default. */
  readonly keep?: number;
};

export type Logs = {
  readonly log: Log;
  /**
   * The last `tail` records kept at `level` (the daemon's own unless given) or graver, oldest first, then with
   * `follow` those to come until the signal aborts. A follower that reads too slowly loses records and is told how many.
   */
  read(
    options: { readonly level?: LogLevel; readonly follow: boolean; readonly tail: number },
    signal: AbortSignal,
  ): AsyncIterable<LogRecord>;
  level(): LogLevel;
  setLevel(level: LogLevel): void;
};

export function createLog(options: LogOptions): Logs {
  const { clock, format, write, keep = limits.logRecordsKept } = options;
  const followers = new Set<LogFollower>();
  let kept: LogRecord[] = [];
  let level = options.level;
  let rankWanted = ranks[level];

  const settleRank = (): void => {
    rankWanted = Math.max(ranks[level], ...[...followers].map((follower) => follower.rank));
  };

  const record = (made: LogRecord): void => {
    const rank = ranks[made.level];
    for (const follower of followers) if (rank <= follower.rank) follower.push(made);
    if (rank > ranks[level]) return;
    kept.push(made);
    if (kept.length >= keep * 2) kept = kept.slice(-keep); // rarely, instead of a shift each time
    write(formatRecord(made, format));
  };

  const logOf = (room: string): Log => {
    const at =
      (recordLevel: LogLevel) =>
      (message: string, fields?: LogFields): void => {
        if (ranks[recordLevel] > rankWanted) return;
        const time = clock.wallMs();
        record({ time, level: recordLevel, room, message: clip(message), fields: facts(fields) });
      };
    return {
      error: at("error"),
      warn: at("warn"),
      info: at("info"),
      debug: at("debug"),
      trace: at("trace"),
      child: (name) => logOf(name),
    };
  };

  async function* read(
    wanted: Parameters<Logs["read"]>[0],
    signal: AbortSignal,
  ): AsyncGenerator<LogRecord, void> {
    const rank = ranks[wanted.level ?? level];
    const follower = new LogFollower(rank, clock);
    const history = kept.slice(-keep).filter((made) => ranks[made.level] <= rank);
    if (wanted.follow) followers.add(follower);
    settleRank();
    try {
      if (wanted.tail > 0) yield* history.slice(-wanted.tail);
      if (wanted.follow) yield* follower.records(signal);
    } finally {
      followers.delete(follower);
      settleRank();
    }
  }

  return {
    log: logOf("daemon"),
    read,
    level: () => level,
    setLevel(next) {
      level = next;
      settleRank();
    },
  };
}

/** Facts can come from others, and thousands of records are kept: no text in them is long. */
function clip(text: string): string {
  const max = limits.logTextCharsMax;
  return text.length <= max ? text : `${text.slice(0, max)}...`;
}

function facts(fields: LogFields = {}): LogRecord["fields"] {
  const out: Record<string, string | number | boolean | null> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) out[name] = typeof value === "string" ? clip(value) : value;
  }
  return out;
}
