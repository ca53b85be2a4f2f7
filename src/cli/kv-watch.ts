import type { WatchEvent } from "../control/schema.ts";
import { CoterieError, exitCodes } from "../core/errors.ts";
import { truncate } from "./terminal/display-width.ts";
import { escapeText } from "./terminal/escape.ts";
import { namespaceOf } from "./kv.ts";
import type { Output } from "./output.ts";
import { valueText } from "./value-text.ts";
import type { Run } from "./verb.ts";

const fromStart = "0";

/** What the key holds, on one line. */
function holds(event: WatchEvent): string {
  if (event.deleted) return "";
  if (event.values !== undefined) return event.values.map(valueText).join(" | ");
  const hasValue = event.value !== undefined || event.valueBase64 !== undefined;
  return hasValue ? valueText(event) : "";
}

const verbs: Readonly<Record<string, readonly [now: string, gone: string]>> = {
  set: ["add", "rm"],
  counter: ["count", "del"],
  log: ["append", "del"],
  doc: ["edit", "del"],
};

function eventLine(event: WatchEvent, out: Output): string {
  const [now, gone] = verbs[event.type] ?? ["put", "del"];
  const what = event.deleted ? gone : now;
  const value = escapeText(holds(event));
  const name = event.set === undefined ? event.key : `${event.set} ${event.element ?? ""}`;
  const key = escapeText(name);
  if (!out.tty) return [event.cursor, what, key, value].join("\t");
  const mark = out.paint(event.deleted ? "red" : "green", what);
  return `${mark}  ${truncate(`${key}  ${value}`.trimEnd(), Math.max(out.columns - 5, 20))}`;
}

/** The types of `kv` itself. */
const kvTypes = "register,multi";

export const watch: Run = async (call) => {
  const { values, out } = call;
  const prefix = values.text("prefix");
  const given = values.text("cursor");
  const all = values.flag("from-start");
  if (given !== undefined && all) {
    throw new CoterieError("USAGE", "--cursor and --from-start exclude each other");
  }
  const cursor = all ? fromStart : given;
  const type = values.text("type");
  const types = type === undefined ? { types: kvTypes } : type === "all" ? {} : { types: type };
  const query = {
    ...types,
    ...(prefix === undefined ? {} : { prefix }),
    ...(cursor === undefined ? {} : { cursor }),
  };
  for await (const event of (await call.client()).kvWatch(namespaceOf(call), query, call.stream)) {
    if (out.json) await out.record(event);
    else await out.line(eventLine(event, out));
  }
  return exitCodes.ok;
};
