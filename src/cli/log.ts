import { createInterface } from "node:readline";
import type { LogItem, WriteResult } from "../control/schema.ts";
import { CoterieError, exitCodes } from "../core/errors.ts";
import type { Call } from "./call.ts";
import { givenValue, valueOf } from "./given-value.ts";
import { namespaceOf } from "./kv.ts";
import { pages, printListing } from "./kv-list.ts";
import type { Output } from "./output.ts";
import { escapeText } from "./terminal/escape.ts";
import { clockTime, isoTime, plural, shortPeer } from "./terminal/human.ts";
import { valueText } from "./value-text.ts";
import type { Run } from "./verb.ts";

export const append: Run = async (call) => {
  if (call.values.flag("lines")) return appendLines(call);
  const value = await givenValue(call, "log append");
  const client = await call.client();
  const result = await client.logAppend(namespaceOf(call), call.arg(0), value, call.once);
  if (call.out.json) await call.out.document(result);
  else call.out.aside(`appended ${plural(value.bytes.length, "byte")}`);
  return exitCodes.ok;
};

/** Each line of stdin as an item, one after the other, so that they keep their order. */
async function appendLines(call: Call): Promise<number> {
  if (call.args[1] !== "-") {
    throw new CoterieError("USAGE", "--lines reads stdin", {
      hint: "usage: coterie log append NAME - --lines",
    });
  }
  const client = await call.client();
  let written = 0;
  let last: WriteResult | undefined;
  for await (const line of createInterface({ input: call.io.stdin, crlfDelay: Infinity })) {
    const value = valueOf(call, Buffer.from(line));
    last = await client.logAppend(namespaceOf(call), call.arg(0), value, call.once);
    written++;
  }
  if (call.out.json) await call.out.document({ written, stamp: last?.stamp ?? "0".repeat(16) });
  else call.out.aside(`appended ${plural(written, "line")}`);
  return exitCodes.ok;
}

const tailDefault = 10;

async function printItem(item: LogItem, out: Output): Promise<void> {
  const text = escapeText(valueText(item));
  if (out.json) await out.record(item);
  else if (out.tty) {
    const head = `${clockTime(item.writtenAt)} ${shortPeer(item.author)}`;
    await out.line(`${out.paint("dim", head)}  ${text}`);
  } else await out.line([isoTime(item.writtenAt), item.author, text].join("\t"));
}

export const tail: Run = async (call) => {
  const { out, values } = call;
  const client = await call.client();
  const [namespace, name] = [namespaceOf(call), call.arg(0)];
  const count = values.number("tail") ?? tailDefault;
  if (values.flag("follow")) {
    const query = { tail: count };
    for await (const item of client.logFollow(namespace, name, query, call.stream)) {
      await printItem(item, out);
    }
    return exitCodes.ok;
  }
  const before = values.text("before");
  const query = { limit: count, ...(before === undefined ? {} : { before }) };
  const page = await client.logTail(namespace, name, query, call.once);
  if (out.json) await out.document(page);
  else for (const item of page.items) await printItem(item, out);
  return exitCodes.ok;
};

export const ls: Run = async (call) => {
  const client = await call.client();
  const listing = pages(call, (query) => client.logNames(namespaceOf(call), query, call.once));
  return printListing(call, listing, (name) => name, [{ title: "LOG", plain: (name) => name }]);
};

export const del: Run = async (call) => {
  const name = call.arg(0);
  const result = await (await call.client()).logDelete(namespaceOf(call), name, call.once);
  if (call.out.json) await call.out.document(result);
  else call.out.aside(`deleted ${escapeText(name)}`);
  return exitCodes.ok;
};
