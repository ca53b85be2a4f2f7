import { CoterieError } from "../../core/errors.ts";
import type { Clock } from "../../core/ports.ts";
import type { Daemon, ListOptions, SetMember as MemberRecord } from "../daemon.ts";
import { stampText } from "../kv-json.ts";
import { listReply } from "../list-json.ts";
import { defineRoute, json, type Route } from "../route.ts";
import { NameList, SetChange, SetMember, SetMembers, WriteResult } from "../schema.ts";
import { keyOf, listOptions, ListQuery, namespaceOf } from "./kv-names.ts";

export function setRoutes(set: Daemon["set"], clock: Clock): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/v1/set/{ns}",
      summary: "Names of sets that have an element",
      query: ListQuery,
      response: { as: "json", schema: NameList },
      handle: ({ params, query }) => {
        const namespace = namespaceOf(params);
        const list = (options: ListOptions) => set.names(namespace, options);
        return listReply(list, listOptions(query), JSON.stringify, clock);
      },
    }),
    defineRoute({
      method: "GET",
      path: "/v1/set/{ns}/{key}",
      summary: "Elements of a set in order; prefix and after are of elements",
      query: ListQuery,
      response: { as: "json", schema: SetMembers },
      handle: ({ params, query }) => {
        const [namespace, name] = [namespaceOf(params), keyOf(params)];
        const list = (options: ListOptions) => set.members(namespace, name, options);
        return listReply(list, listOptions(query), (item) => JSON.stringify(memberOf(item)), clock);
      },
    }),
    defineRoute({
      method: "POST",
      path: "/v1/set/{ns}/{key}",
      summary: "Add elements to a set and remove others; of what happens apart, adding wins",
      body: { as: "json", schema: SetChange },
      response: { as: "json", schema: WriteResult },
      handle: async ({ params, body, signal }) => {
        const { add = [], remove = [] } = body.value;
        const written = add.length + remove.length;
        if (written === 0) throw new CoterieError("BAD_REQUEST", "nothing to add or remove");
        const change = { add, remove };
        const stamp = await set.change(namespaceOf(params), keyOf(params), change, signal);
        return json({ written, stamp: stampText(stamp) });
      },
    }),
    defineRoute({
      method: "GET",
      path: "/v1/set/{ns}/{key}/{element}",
      summary: "An element of a set, if it is in it",
      response: { as: "json", schema: SetMember },
      handle: ({ params }) => {
        const { element = "" } = params;
        const member = set.get(namespaceOf(params), keyOf(params), element);
        if (member === undefined) throw new CoterieError("NOT_FOUND", "it is not in the set");
        return json(memberOf(member));
      },
    }),
  ];
}

function memberOf({ element, author, stamp }: MemberRecord): SetMember {
  return { element, author, stamp: stampText(stamp), writtenAt: Number(stamp >> 16n) };
}
