import type { Argument, Verb } from "../verb.ts";
import { limit, namespace, prefix, valueOptions } from "./kv.ts";

const name: Argument = { name: "NAME", help: "name of the log" };

export const logVerbs: readonly Verb[] = [
  {
    path: ["log", "append"],
    summary: "append an item to a log",
    detail:
      "All nodes append to one log, and read its items in one order, by the time they were written. An item is a value as with kv put.",
    args: [name, { name: "VALUE", optional: true, help: "the item; - reads it from stdin" }],
    options: {
      ...namespace,
      ...valueOptions,
      lines: { type: "flag", help: "with -: each line of stdin is an item" },
    },
    examples: [
      "coterie log append diary 'it rains'",
      "make 2>&1 | coterie log append builds - --lines",
    ],
    synonyms: ["add", "write", "put"],
    load: async () => (await import("../log.ts")).append,
  },
  {
    path: ["log", "tail"],
    summary: "print the last items of a log",
    detail:
      "Oldest first. With --follow goes on with each item as it comes to this node, which may be out of order after a partition.",
    args: [name],
    options: {
      ...namespace,
      tail: { type: "count", value: "N", help: "the last N items (10)" },
      follow: { type: "flag", short: "f", help: "go on with what is appended from now on" },
      before: { type: "text", value: "P", help: "only items before this position (from --json)" },
    },
    examples: ["coterie log tail diary", "coterie log tail diary --follow --json"],
    synonyms: ["read", "show", "get", "cat", "follow"],
    load: async () => (await import("../log.ts")).tail,
  },
  {
    path: ["log", "ls"],
    summary: "list logs",
    args: [],
    options: { ...namespace, prefix, limit },
    examples: ["coterie log ls"],
    synonyms: ["list"],
    load: async () => (await import("../log.ts")).ls,
  },
  {
    path: ["log", "del"],
    summary: "delete a log",
    detail: "What others append without knowing of it is deleted with it.",
    args: [name],
    options: namespace,
    examples: ["coterie log del diary"],
    synonyms: ["rm", "delete"],
    load: async () => (await import("../log.ts")).del,
  },
];
