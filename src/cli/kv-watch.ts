import type { WatchEvent } from "../control/schema.ts";
import { CoterieError, exitCodes } from "../core/errors.ts";
import { truncate } from "./terminal/display-width.ts";
import { escapeText } from "./terminal/escape.ts";
import { namespaceOf } from "./kv.ts";
import type { Output } from "./output.ts";
import { valueText } from "./value-text.ts";
import type { Run } from "./verb.ts";

const fromStart = "0";

function eventLine(event: WatchEvent, out: Output): string {
  const what = event.deleted ? "del" : "put";
  const value = event.deleted ? "" : escapeText(valueText(event));
  const key = escapeText(event.key);
  if (!out.tty) return [event.cursor, what, key, value].join("\t");
  const mark = out.paint(event.deleted ? "red" : "green", what);
  return `${mark}  ${truncate(`${key}  ${value}`.trimEnd(), Math.max(out.columns - 5, 20))}`;
}

export const watch: Run = async (call) => {
  const { values, out } = call;
  const prefix = values.text("prefix");
  const given = values.text("cursor");
  const all = values.flag("from-start");
  if (given !== undefined && all) {
    throw new CoterieError("USAGE", "--cursor and --from-start exclude each other");
  }
  const cursor = all ? fromStart : given;
  const query = {
    ...(prefix === undefined ? {} : { prefix }),
    ...(cursor === undefined ? {} : { cursor }),
  };
  for await (const event of (await call.client()).kvWatch(namespaceOf(call), query, call.stream)) {
    if (out.json) await out.record(event);
    else await out.line(eventLine(event, out));
  }
  return exitCodes.ok;
};
