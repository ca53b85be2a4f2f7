import type { Argument, Option, Options, Verb } from "../verb.ts";

export const key: Argument = { name: "KEY", help: "1 to 1,024 bytes of text" };

export const namespace: Options = {
  namespace: { type: "text", short: "n", value: "NAME", help: "namespace (default)" },
};

export const prefix: Option = { type: "text", value: "P", help: "only keys that begin with P" };

export const limit: Option = { type: "count", value: "N", help: "at most N keys" };

/** How a value is given and what it is. */
export const valueOptions: Options = {
  file: { type: "text", value: "FILE", complete: "file", help: "take the value from FILE" },
  "json-value": { type: "flag", help: "the value is JSON" },
  bytes: { type: "flag", help: "the value is any bytes" },
};

const multi: Option = { type: "flag", help: "the key keeps all concurrent values" };

export const kvVerbs: readonly Verb[] = [
  {
    path: ["kv", "get"],
    summary: "print the value of a key",
    detail:
      "The bytes as they were written, then a newline if the value is text or JSON and does not end with one. With --output, or for bytes, nothing is added. On a terminal control characters are shown escaped.",
    args: [key],
    options: {
      ...namespace,
      output: {
        type: "text",
        short: "o",
        value: "FILE",
        complete: "file",
        help: "write exactly the value to FILE",
      },
      all: { type: "flag", help: "all concurrent values of a key written with --multi" },
    },
    examples: [
      "coterie kv get hello",
      "coterie kv get photo -o photo.jpg",
      "coterie kv get owner --all",
    ],
    synonyms: ["cat", "read", "show"],
    load: async () => (await import("../kv.ts")).get,
  },
  {
    path: ["kv", "put"],
    summary: "write a key",
    detail:
      "A value is text (UTF-8) unless --json-value or --bytes says otherwise; 256 KiB at most. Returns when it is on this node's disk. A value that begins with a hyphen goes after --. With --multi the write replaces the values that this node has seen, and what others write at the same time stays beside it: see kv get --all. A key with --multi and one without are two keys.",
    args: [key, { name: "VALUE", optional: true, help: "the value; - reads it from stdin" }],
    options: {
      ...namespace,
      ...valueOptions,
      multi,
    },
    examples: [
      "coterie kv put hello world",
      "coterie kv put owner alice --multi",
      `coterie kv put limits '{"cpu": 2}' --json-value`,
      "coterie kv put photo --file photo.jpg --bytes",
      "date | coterie kv put now -",
    ],
    synonyms: ["set", "write", "add"],
    load: async () => (await import("../kv.ts")).put,
  },
  {
    path: ["kv", "del"],
    summary: "delete a key",
    args: [key],
    options: { ...namespace, multi },
    examples: ["coterie kv del hello", "coterie kv del owner --multi"],
    synonyms: ["rm", "delete", "remove", "unset"],
    load: async () => (await import("../kv.ts")).del,
  },
  {
    path: ["kv", "ls"],
    summary: "list keys in order",
    args: [],
    options: {
      ...namespace,
      prefix,
      limit,
      long: { type: "flag", short: "l", help: "with the value, its writer and its time" },
      multi: { type: "flag", help: "keys written with --multi" },
    },
    examples: ["coterie kv ls", "coterie kv ls --prefix config/ --long"],
    synonyms: ["list", "keys", "scan"],
    load: async () => (await import("../kv-list.ts")).ls,
  },
  {
    path: ["kv", "watch"],
    summary: "print changes as they happen",
    detail:
      "One line per change, with the key's state at that moment. Of keys, with and without --multi, unless --type says otherwise; an element of a set is a key, too. With --json each line has a cursor; --cursor goes on after it, so that nothing is missed.",
    args: [],
    options: {
      ...namespace,
      prefix,
      type: {
        type: "text",
        value: "TYPE",
        choices: ["register", "multi", "counter", "set", "log", "doc", "all"],
        help: "only changes of this type",
      },
      cursor: { type: "text", value: "C", help: "go on after this cursor" },
      "from-start": { type: "flag", help: "first all keys there are" },
    },
    examples: ["coterie kv watch", "coterie kv watch --prefix config/ --from-start --json"],
    synonyms: ["tail", "follow", "subscribe"],
    load: async () => (await import("../kv-watch.ts")).watch,
  },
  {
    path: ["kv", "import"],
    summary: "write many keys from JSON lines",
    detail:
      'Each line is {"key": ..., "value": ...}, or {"key": ..., "valueBase64": ...} for bytes. Lines that are refused are counted and the first ones shown: exit code 5 when some failed, 1 when all did. With --atomic up to 128 lines (1 MiB) are written in one signed batch or not at all, and others who receive the batch whole see them all at once.',
    args: [{ name: "FILE", complete: "file", help: "JSON lines; - reads stdin" }],
    options: { ...namespace, atomic: { type: "flag", help: "all lines or none" } },
    examples: [
      "coterie kv import data.jsonl",
      "generate | coterie kv import -",
      "coterie kv import move.jsonl --atomic",
    ],
    synonyms: ["load", "restore"],
    load: async () => (await import("../kv-import.ts")).importLines,
  },
  {
    path: ["kv", "export"],
    summary: "write all keys as JSON lines",
    detail: "A FILE appears under its name only when it is whole.",
    args: [
      { name: "FILE", optional: true, complete: "file", help: "where to; - or nothing is stdout" },
    ],
    options: { ...namespace, prefix },
    examples: ["coterie kv export backup.jsonl", "coterie kv export --prefix config/ | wc -l"],
    synonyms: ["dump", "backup"],
    load: async () => (await import("../kv-export.ts")).exportLines,
  },
];
