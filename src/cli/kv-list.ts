import type { KvItem, MultiItem } from "../control/schema.ts";
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

export type Page<T> = { readonly items: readonly T[]; readonly next: string | null };
export type PageQuery = { limit: number; prefix?: string; after?: string };

/** Pages of a listing, of the keys that begin with `--prefix`, at most `--limit` items in all. */
export async function* pages<T>(
  call: Call,
  ask: (query: PageQuery) => Promise<Page<T>>,
): AsyncGenerator<Page<T>> {
  const prefix = call.values.text("prefix");
  let wanted = call.values.number("limit") ?? Infinity;
  let after: string | undefined;
  while (wanted > 0) {
    const page = await ask({
      limit: Math.min(wanted, pageItems),
      ...(prefix === undefined ? {} : { prefix }),
      ...(after === undefined ? {} : { after }),
    });
    yield page;
    if (page.next === null) return;
    wanted -= page.items.length;
    after = page.next;
  }
}

/** One document however many pages it takes, without holding them all. */
export async function printDocument<T>(call: Call, listing: AsyncIterable<Page<T>>): Promise<void> {
  let next: string | null = null;
  let separator = "";
  await call.out.write('{"items":[');
  for await (const page of listing) {
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

const multiColumns: readonly Column<MultiItem>[] = [
  { title: "KEY", plain: (item) => item.key, widthMax: keyColumns },
  { title: "VALUES", plain: (item) => String(item.count), right: true },
  {
    title: "LATEST",
    plain: (item) => valueText(item.values[0] ?? {}),
    widthMax: valueColumns,
  },
];

/** A listing in the form asked for: a document, rows with `--long`, or one name a line. */
export async function printListing<T>(
  call: Call,
  listing: AsyncIterable<Page<T>>,
  nameOf: (item: T) => string,
  columns: readonly Column<T>[],
): Promise<number> {
  const { out } = call;
  if (out.json) {
    await printDocument(call, listing);
    return exitCodes.ok;
  }
  for await (const { items } of listing) {
    if (call.values.flag("long")) await out.list(columns, items);
    else await out.write(items.map((item) => `${escapeText(nameOf(item))}\n`).join(""));
  }
  return exitCodes.ok;
}

export const ls: Run = async (call) => {
  const client = await call.client();
  const namespace = namespaceOf(call);
  if (call.values.flag("multi")) {
    const listing = pages(call, (query) => client.multiList(namespace, query, call.once));
    return printListing(call, listing, ({ key }) => key, multiColumns);
  }
  const listing = pages(call, (query) => client.kvList(namespace, query, call.once));
  return printListing(call, listing, ({ key }) => key, longColumns(Date.now()));
};
