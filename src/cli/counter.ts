import type { CounterItem } from "../control/schema.ts";
import { CoterieError, exitCodes } from "../core/errors.ts";
import { namespaceOf } from "./kv.ts";
import { pages, printListing } from "./kv-list.ts";
import { escapeText } from "./terminal/escape.ts";
import { humanAgo, isoTime, shortPeer } from "./terminal/human.ts";
import type { Column } from "./terminal/list.ts";
import type { Run } from "./verb.ts";

function amountOf(text: string): bigint {
  if (/^[+-]?\d{1,20}$/.test(text)) return BigInt(text.replace(/^\+/, ""));
  throw new CoterieError("USAGE", `a counter counts whole numbers, not "${text.slice(0, 40)}"`);
}

export const add: Run = async (call) => {
  const { out } = call;
  const by = amountOf(call.args[1] ?? "1");
  const client = await call.client();
  const result = await client.counterAdd(namespaceOf(call), call.arg(0), by, call.once);
  if (out.json) await out.document(result);
  else await out.line(result.value);
  return exitCodes.ok;
};

export const get: Run = async (call) => {
  const { out } = call;
  const item = await (await call.client()).counterGet(namespaceOf(call), call.arg(0), call.once);
  if (out.json) await out.document(item);
  else await out.line(item.value);
  return exitCodes.ok;
};

export const del: Run = async (call) => {
  const key = call.arg(0);
  const result = await (await call.client()).counterDelete(namespaceOf(call), key, call.once);
  if (call.out.json) await call.out.document(result);
  else call.out.aside(`deleted ${escapeText(key)}`);
  return exitCodes.ok;
};

function columns(now: number): readonly Column<CounterItem>[] {
  return [
    { title: "KEY", plain: (item) => item.key, widthMax: 48 },
    { title: "VALUE", plain: (item) => item.value, right: true },
    {
      title: "COUNTED",
      plain: (item) => isoTime(item.writtenAt),
      human: (item) => humanAgo(item.writtenAt, now),
    },
    { title: "BY", plain: (item) => item.author, human: (item) => shortPeer(item.author) },
  ];
}

export const ls: Run = async (call) => {
  const client = await call.client();
  const listing = pages(call, (query) => client.counterList(namespaceOf(call), query, call.once));
  return printListing(call, listing, ({ key }) => key, columns(Date.now()));
};
