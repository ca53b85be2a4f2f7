import { CoterieError } from "../../core/errors.ts";
import type { Clock } from "../../core/ports.ts";
import type { CounterRecord, Daemon, ListOptions } from "../daemon.ts";
import { stampText } from "../kv-json.ts";
import { listReply } from "../list-json.ts";
import { defineRoute, json, type Route } from "../route.ts";
import { CounterAdd, CounterItem, CounterList, CounterResult, WriteResult } from "../schema.ts";
import { keyOf, listOptions, ListQuery, namespaceOf } from "./kv-names.ts";

export function counterRoutes(counter: Daemon["counter"], clock: Clock): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/v1/counter/{ns}/{key}",
      summary: "The value of a counter",
      response: { as: "json", schema: CounterItem },
      handle: ({ params }) => {
        const record = counter.get(namespaceOf(params), keyOf(params));
        if (record === undefined) throw new CoterieError("NOT_FOUND", "there is no such counter");
        return json(itemOf(record));
      },
    }),
    defineRoute({
      method: "POST",
      path: "/v1/counter/{ns}/{key}",
      summary: "Add to a counter, or take away with a number below zero",
      body: { as: "json", schema: CounterAdd },
      response: { as: "json", schema: CounterResult },
      handle: async ({ params, body, signal }) => {
        const [namespace, key] = [namespaceOf(params), keyOf(params)];
        const stamp = await counter.add(namespace, key, BigInt(body.value.by), signal);
        const value = counter.get(namespace, key)?.value ?? 0n;
        return json({ key, value: String(value), stamp: stampText(stamp) });
      },
    }),
    defineRoute({
      method: "DELETE",
      path: "/v1/counter/{ns}/{key}",
      summary: "Delete a counter, with what others count at this moment",
      response: { as: "json", schema: WriteResult },
      handle: async ({ params, signal }) => {
        const stamp = await counter.delete(namespaceOf(params), keyOf(params), signal);
        return json({ written: 1, stamp: stampText(stamp) });
      },
    }),
    defineRoute({
      method: "GET",
      path: "/v1/counter/{ns}",
      summary: "Counters in the order of their keys",
      query: ListQuery,
      response: { as: "json", schema: CounterList },
      handle: ({ params, query }) => {
        const namespace = namespaceOf(params);
        const list = (options: ListOptions) => counter.list(namespace, options);
        return listReply(list, listOptions(query), (item) => JSON.stringify(itemOf(item)), clock);
      },
    }),
  ];
}

function itemOf({ key, value, author, stamp }: CounterRecord): CounterItem {
  const writtenAt = Number(stamp >> 16n);
  return { key, value: String(value), author, stamp: stampText(stamp), writtenAt };
}
