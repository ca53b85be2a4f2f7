import type { Verb } from "../verb.ts";
import { key, limit, namespace, prefix } from "./kv.ts";

export const counterVerbs: readonly Verb[] = [
  {
    path: ["counter", "add"],
    summary: "add to a counter",
    detail:
      "Prints the counter as this node sees it then. Every node's additions count, whenever they meet. To take away, add a number below zero, after --.",
    args: [key, { name: "N", optional: true, help: "how many (1)" }],
    options: namespace,
    examples: ["coterie counter add visits", "coterie counter add stock -- -3"],
    synonyms: ["incr", "increment", "inc", "count"],
    load: async () => (await import("../counter.ts")).add,
  },
  {
    path: ["counter", "get"],
    summary: "print a counter",
    args: [key],
    options: namespace,
    examples: ["coterie counter get visits"],
    synonyms: ["show", "read"],
    load: async () => (await import("../counter.ts")).get,
  },
  {
    path: ["counter", "del"],
    summary: "delete a counter",
    detail: "What others add without knowing of it is deleted with it; what is added later counts.",
    args: [key],
    options: namespace,
    examples: ["coterie counter del visits"],
    synonyms: ["rm", "delete", "reset"],
    load: async () => (await import("../counter.ts")).del,
  },
  {
    path: ["counter", "ls"],
    summary: "list counters in the order of their keys",
    args: [],
    options: {
      ...namespace,
      prefix,
      limit,
      long: { type: "flag", short: "l", help: "with the value, and who counted last and when" },
    },
    examples: ["coterie counter ls --long"],
    synonyms: ["list"],
    load: async () => (await import("../counter.ts")).ls,
  },
];
