/** Log records as lines. */
import type { LogRecord } from "./log-record.ts";

export type LogFormat = "text" | "json";

export function formatRecord(record: LogRecord, format: LogFormat): string {
  return format === "json" ? escaped(JSON.stringify(record)) : textLine(record);
}

/** `2026-01-31T12:00:00.000Z WARN  room  message key=value`, with nothing in it that could steer a terminal. */
function textLine({ time, level, room, message, fields }: LogRecord): string {
  const facts = Object.entries(fields).map(([name, value]) => ` ${bare(name)}=${bare(value)}`);
  const head = `${new Date(time).toISOString()} ${level.toUpperCase().padEnd(5)} ${room.padEnd(8)}`;
  return `${head} ${escaped(message)}${facts.join("")}`;
}

/** Quoted where it could be mistaken for more than one word. */
function bare(value: string | number | boolean | null): string {
  if (typeof value !== "string") return String(value);
  return escaped(/^[^\s"=]+$/.test(value) ? value : JSON.stringify(value));
}

/** Controls, line separators, marks that turn the direction of text, and lone surrogates. */
const unsafe = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

function escaped(text: string): string {
  return text.replace(unsafe, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
