import type { Argument, Verb } from "../verb.ts";
import { limit, namespace, prefix } from "./kv.ts";

const name: Argument = { name: "NAME", help: "name of the set" };
const elements: Argument = {
  name: "ELEMENT",
  many: true,
  help: "text; with the name at most 1,023 bytes",
};

export const setVerbs: readonly Verb[] = [
  {
    path: ["set", "add"],
    summary: "add elements to a set",
    detail:
      "Of an addition and a removal that did not know of one another the addition wins, wherever they meet.",
    args: [name, elements],
    options: namespace,
    examples: ["coterie set add fruits apple pear"],
    synonyms: ["put", "insert"],
    load: async () => (await import("../set.ts")).add,
  },
  {
    path: ["set", "rm"],
    summary: "remove elements from a set",
    args: [name, elements],
    options: namespace,
    examples: ["coterie set rm fruits apple"],
    synonyms: ["del", "remove", "delete"],
    load: async () => (await import("../set.ts")).rm,
  },
  {
    path: ["set", "has"],
    summary: "ask whether an element is in a set",
    detail: "Exit code 0 when it is, 1 when it is not.",
    args: [name, { name: "ELEMENT", help: "text" }],
    options: namespace,
    examples: ["coterie set has fruits apple"],
    synonyms: ["contains", "get"],
    load: async () => (await import("../set.ts")).has,
  },
  {
    path: ["set", "ls"],
    summary: "list the elements of a set, or the sets",
    args: [{ ...name, optional: true }],
    options: {
      ...namespace,
      prefix,
      limit,
      long: { type: "flag", short: "l", help: "with who added it last and when" },
    },
    examples: ["coterie set ls", "coterie set ls fruits"],
    synonyms: ["list", "members"],
    load: async () => (await import("../set.ts")).ls,
  },
];
