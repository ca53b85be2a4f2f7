import { CoterieError, exitCodes } from "../core/errors.ts";
import { escapeText } from "./terminal/escape.ts";
import { isoTime, shortPeer } from "./terminal/human.ts";
import { namespaceOf } from "./kv.ts";
import type { Run } from "./verb.ts";

const fromStart = "0";

/** Which document changed, by whom; the text is a `doc get` away. */
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
    types: "doc",
    ...(prefix === undefined ? {} : { prefix }),
    ...(cursor === undefined ? {} : { cursor }),
  };
  for await (const event of (await call.client()).kvWatch(namespaceOf(call), query, call.stream)) {
    const what = event.deleted ? "del" : "edit";
    const at = isoTime(Number(BigInt(`0x${event.stamp}`) >> 16n));
    const author = out.tty ? shortPeer(event.author) : event.author;
    if (out.json) await out.record(event);
    else await out.line([event.cursor, what, escapeText(event.key), author, at].join("\t"));
  }
  return exitCodes.ok;
};
