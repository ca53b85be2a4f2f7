import type { Client } from "../control/client.ts";
import type { KvItem } from "../control/schema.ts";
import { exitCodes } from "../core/errors.ts";
import type { Call } from "./call.ts";
import { escapeJson, escapeText } from "./terminal/escape.ts";
import { humanAgo, isoTime, shortPeer } from "./terminal/human.ts";
import { namespaceOf } from "./kv.ts";
import type { Column } from "./terminal/list.ts";
import { valueText } from "./value-text.ts";
import type { Run } from "./verb.ts";

const pageItems = 1_000;
const keyColumns = 48;
const valueColumns = 60;

type Page = { readonly items: readonly KvItem[]; readonly next: string | null };

/** Pages of the listing, at most `--limit` items in all. */
async function* pages(call: Call, client: Client): AsyncGenerator<Page> {
  const prefix = call.values.text("prefix");
  let wanted = call.values.number("limit") ?? Infinity;
  let after: string | undefined;
  while (wanted > 0) {
    const page = await client.kvList(
      namespaceOf(call),
      {
        limit: Math.min(wanted, pageItems),
        ...(prefix === undefined ? {} : { prefix }),
        ...(after === undefined ? {} : { after }),
      },
      call.once,
    );
    yield page;
    if (page.next === null) return;
    wanted -= page.items.length;
    after = page.next;
  }
}

/** One document however many pages it takes, without holding them all. */
async function printDocument(call: Call, client: Client): Promise<void> {
  let next: string | null = null;
  let separator = "";
  await call.out.write('{"items":[');
  for await (const page of pages(call, client)) {
    next = page.next;
    for (const item of page.items) {
      await call.out.write(separator + escapeJson(JSON.stringify(item)));
      separator = ",";
    }
  }
  await call.out.line(`],"next":${escapeJson(JSON.stringify(next))}}`);
}

function longColumns(now: number): readonly Column<KvItem>[] {
  return [
    { title: "KEY", plain: (item) => item.key, widthMax: keyColumns },
    {
      title: "WRITTEN",
      plain: (item) => isoTime(item.writtenAt),
      human: (item) => humanAgo(item.writtenAt, now),
    },
    { title: "AUTHOR", plain: (item) => item.author, human: (item) => shortPeer(item.author) },
    { title: "VALUE", plain: valueText, widthMax: valueColumns },
  ];
}

export const ls: Run = async (call) => {
  const { out } = call;
  const client = await call.client();
  if (out.json) {
    await printDocument(call, client);
    return exitCodes.ok;
  }
  for await (const { items } of pages(call, client)) {
    if (call.values.flag("long")) await out.list(longColumns(Date.now()), items);
    else await out.write(items.map(({ key }) => `${escapeText(key)}\n`).join(""));
  }
  return exitCodes.ok;
};
