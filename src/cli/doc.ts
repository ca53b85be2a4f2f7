import type { Client } from "../control/client.ts";
import type { DocList } from "../control/schema.ts";
import { exitCodes } from "../core/errors.ts";
import type { Call } from "./call.ts";
import { openFileSink } from "./file-sink.ts";
import { namespaceOf } from "./kv.ts";
import { escapeBlock, escapeJson, escapeText } from "./terminal/escape.ts";
import { humanAgo, humanBytes, isoTime } from "./terminal/human.ts";
import type { Column } from "./terminal/list.ts";
import type { Run } from "./verb.ts";

type Summary = DocList["items"][number];

const pageItems = 1_000;
const keyColumns = 48;

export const get: Run = async (call) => {
  const { out } = call;
  const found = await (await call.client()).docGet(namespaceOf(call), call.arg(0), call.once);
  if (out.json) await out.document(found);
  else await printText(call, found.text);
  return exitCodes.ok;
};

/** Exactly the text; on a terminal escaped, and ended with a newline. */
async function printText({ out }: Call, text: string): Promise<void> {
  await out.write(out.tty ? escapeBlock(text) : text);
  if (out.tty && !text.endsWith("\n")) await out.write("\n");
}

export const exportText: Run = async (call) => {
  const { out } = call;
  const key = call.arg(0);
  const file = call.values.text("output");
  const { text } = await (await call.client()).docGet(namespaceOf(call), key, call.once);
  if (file === undefined) {
    await printText(call, text);
    return exitCodes.ok;
  }
  const bytes = Buffer.from(text, "utf8");
  const sink = await openFileSink(file);
  try {
    await sink.write(bytes);
    await sink.finish();
  } catch (error) {
    await sink.abandon();
    throw error;
  }
  if (out.json) await out.document({ key, file, bytes: bytes.length });
  else out.aside(`${humanBytes(bytes.length)} written to ${file}`);
  return exitCodes.ok;
};

export const del: Run = async (call) => {
  const key = call.arg(0);
  const result = await (await call.client()).docDelete(namespaceOf(call), key, call.once);
  if (call.out.json) await call.out.document(result);
  else call.out.aside(`deleted ${escapeText(key)}`);
  return exitCodes.ok;
};

/** Pages of the listing, at most `--limit` documents in all. */
async function* pages(call: Call, client: Client): AsyncGenerator<DocList> {
  const prefix = call.values.text("prefix");
  let wanted = call.values.number("limit") ?? Infinity;
  let after: string | undefined;
  while (wanted > 0) {
    const query = {
      limit: Math.min(wanted, pageItems),
      ...(prefix === undefined ? {} : { prefix }),
      ...(after === undefined ? {} : { after }),
    };
    const page = await client.docList(namespaceOf(call), query, call.once);
    yield page;
    if (page.next === null) return;
    wanted -= page.items.length;
    after = page.next;
  }
}

function longColumns(now: number): readonly Column<Summary>[] {
  return [
    { title: "KEY", plain: ({ key }) => key, widthMax: keyColumns },
    {
      title: "WRITTEN",
      plain: ({ writtenAt }) => isoTime(writtenAt),
      human: ({ writtenAt }) => humanAgo(writtenAt, now),
    },
    { title: "WRITERS", plain: ({ writers }) => String(writers), right: true },
    { title: "ENTRIES", plain: ({ entries }) => String(entries), right: true },
    {
      title: "SIZE",
      plain: ({ bytes }) => String(bytes),
      human: ({ bytes }) => humanBytes(bytes),
      right: true,
    },
  ];
}

export const ls: Run = async (call) => {
  const { out } = call;
  const client = await call.client();
  if (out.json) {
    const items: Summary[] = [];
    let next: string | null = null;
    for await (const page of pages(call, client)) {
      items.push(...page.items);
      next = page.next;
    }
    await out.line(escapeJson(JSON.stringify({ items, next })));
    return exitCodes.ok;
  }
  for await (const { items } of pages(call, client)) {
    if (call.values.flag("long")) await out.list(longColumns(Date.now()), items);
    else await out.write(items.map(({ key }) => `${escapeText(key)}\n`).join(""));
  }
  return exitCodes.ok;
};
