/** A record of the log. */
import type { LogLevel } from "../core/ports.ts";

export type LogRecord = {
  /** Unix ms. */
  readonly time: number;
  readonly level: LogLevel;
  readonly room: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, string | number | boolean | null>>;
};

/** How far down a level is: a log at one level holds all records of its rank or less. */
export const ranks: Readonly<Record<LogLevel, number>> = {
  error: 0,
  warn: 1,
  info: 2,
  debug: 3,
  trace: 4,
};
