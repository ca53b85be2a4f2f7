import type { ExplainedEntry, ExplainedType, QuarantinedEntry } from "../control/schema.ts";
import { exitCodes } from "../core/errors.ts";
import { namespaceOf } from "./kv.ts";
import type { Output } from "./output.ts";
import { escapeText } from "./terminal/escape.ts";
import { humanBytes, humanDuration, isoTime, plural, shortPeer } from "./terminal/human.ts";
import type { Column } from "./terminal/list.ts";
import type { Run } from "./verb.ts";

/** The stamp as a time and the counter within its millisecond. */
function stampOf({ writtenAt, counter }: { writtenAt: number; counter: number }): string {
  return `${isoTime(writtenAt)}+${counter}`;
}

/** What else there is to say of an entry. */
function restOf({ epoch, contextWriters, range, expiresAt }: ExplainedEntry): string {
  return [
    ...(epoch === null ? [] : [`epoch ${epoch}`]),
    ...(contextWriters === null ? [] : [`had seen ${plural(contextWriters, "writer")}`]),
    ...(range === null ? [] : [`from ${range.from} to ${range.to}`]),
    ...(expiresAt === null ? [] : [`expires ${isoTime(expiresAt)}`]),
  ].join(", ");
}

type Written = Pick<ExplainedEntry, "author" | "writtenAt" | "counter" | "ageMs" | "bytes">;

const written: readonly Column<Written>[] = [
  { title: "AUTHOR", plain: ({ author }) => author, human: ({ author }) => shortPeer(author) },
  { title: "STAMP", plain: stampOf },
  { title: "AGE", plain: ({ ageMs }) => String(ageMs), human: ({ ageMs }) => humanDuration(ageMs) },
  { title: "SIZE", plain: ({ bytes }) => String(bytes), human: ({ bytes }) => humanBytes(bytes) },
];

/** Rows of a list read alone elsewhere, so each says of which type it is. */
function columns(type: string, out: Output): readonly Column<ExplainedEntry>[] {
  const typed: Column<ExplainedEntry> = { title: "TYPE", plain: () => type };
  return [
    ...(out.tty ? [] : [typed]),
    ...written,
    { title: "SAYS", plain: ({ says }) => says },
    { title: "", plain: restOf },
  ];
}

const heldColumns: readonly Column<QuarantinedEntry>[] = [
  { title: "HELD BACK", plain: ({ type }) => `held ${type}`, human: ({ type }) => type },
  ...written,
  {
    title: "DUE IN",
    plain: ({ dueInMs }) => String(dueInMs),
    human: ({ dueInMs }) => humanDuration(dueInMs),
  },
  { title: "FROM", plain: ({ from }) => from, human: ({ from }) => shortPeer(from) },
];

async function printType(explained: ExplainedType, out: Output): Promise<void> {
  const { type, class: entryClass, why, count, entries } = explained;
  if (out.tty) await out.line(escapeText(`${type} (class ${entryClass}): ${why}`));
  await out.list(columns(type, out), entries);
  if (count > entries.length)
    out.note(`${plural(count, "live entry", "live entries")} of it in all`);
  if (out.tty) await out.line("");
}

export const explain: Run = async (call) => {
  const { out } = call;
  const element = call.values.text("element");
  const query = element === undefined ? {} : { element };
  const client = await call.client();
  const found = await client.explain(namespaceOf(call), call.arg(0), query, call.once);
  if (out.json) {
    await out.document(found);
    return exitCodes.ok;
  }
  for (const type of found.types) await printType(type, out);
  if (found.quarantined.length > 0) await out.list(heldColumns, found.quarantined);
  if (found.types.length + found.quarantined.length === 0) out.note("nothing is known of this key");
  return exitCodes.ok;
};
