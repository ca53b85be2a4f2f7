import type { LogRecord } from "../control/schema.ts";
import { exitCodes } from "../core/errors.ts";
import type { LogLevel } from "../core/ports.ts";
import { escapeText } from "./terminal/escape.ts";
import { clockTime, isoTime } from "./terminal/human.ts";
import type { Output } from "./output.ts";
import type { Style } from "./terminal/paint.ts";
import type { Run } from "./verb.ts";

const styles: Readonly<Record<LogLevel, Style | undefined>> = {
  error: "red",
  warn: "yellow",
  info: undefined,
  debug: "dim",
  trace: "dim",
};

function fieldText(value: unknown): string {
  return typeof value === "string" && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}

function recordLine(record: LogRecord, out: Output): string {
  const fields = Object.entries(record.fields).map(
    ([name, value]) => `${name}=${fieldText(value)}`,
  );
  if (!out.tty) {
    return [isoTime(record.time), record.level, record.room, record.message, fields.join(" ")]
      .map(escapeText)
      .join("\t");
  }
  const ms = String(Math.floor(record.time) % 1_000).padStart(3, "0");
  const line = escapeText(
    [
      `${clockTime(record.time)}.${ms}`,
      record.level.toUpperCase().padEnd(5),
      record.room.padEnd(10),
      record.message,
      ...fields,
    ].join(" "),
  );
  const style = styles[record.level];
  return style === undefined ? line : out.paint(style, line);
}

export const logs: Run = async (call) => {
  const { values, out } = call;
  const client = await call.client();
  const setLevel = values.text("set-level") as LogLevel | undefined;
  const level = values.text("level") as LogLevel | undefined;
  const tail = values.number("tail");
  const follow = values.flag("follow");
  if (setLevel !== undefined) {
    await client.setLogLevel(setLevel, call.once);
    if (!out.json) out.note(`the daemon logs ${setLevel} and graver from now on`);
    if (!follow && level === undefined && tail === undefined) {
      if (out.json) await out.document({ level: setLevel });
      return exitCodes.ok;
    }
  }
  const query = {
    follow,
    ...(level === undefined ? {} : { level }),
    ...(tail === undefined ? {} : { tail }),
  };
  for await (const record of client.logs(query, call.stream)) {
    if (out.json) await out.record(record);
    else await out.line(recordLine(record, out));
  }
  return exitCodes.ok;
};
