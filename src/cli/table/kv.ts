import type { Argument, Option, Options, Verb } from "../verb.ts";

const key: Argument = { name: "KEY", help: "1 to 1,024 bytes of text" };

const namespace: Options = {
  namespace: { type: "text", short: "n", value: "NAME", help: "namespace (default)" },
};

const prefix: Option = { type: "text", value: "P", help: "only keys that begin with P" };

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
    },
    examples: ["coterie kv get hello", "coterie kv get photo -o photo.jpg"],
    synonyms: ["cat", "read", "show"],
    load: async () => (await import("../kv.ts")).get,
  },
  {
    path: ["kv", "put"],
    summary: "write a key",
    detail:
      "A value is text (UTF-8) unless --json-value or --bytes says otherwise; 256 KiB at most. Returns when it is on this node's disk. A value that begins with a hyphen goes after --.",
    args: [key, { name: "VALUE", optional: true, help: "the value; - reads it from stdin" }],
    options: {
      ...namespace,
      file: { type: "text", value: "FILE", complete: "file", help: "take the value from FILE" },
      "json-value": { type: "flag", help: "the value is JSON" },
      bytes: { type: "flag", help: "the value is any bytes" },
    },
    examples: [
      "coterie kv put hello world",
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
    options: namespace,
    examples: ["coterie kv del hello"],
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
      limit: { type: "count", value: "N", help: "at most N keys" },
      long: { type: "flag", short: "l", help: "with the value, its writer and its time" },
    },
    examples: ["coterie kv ls", "coterie kv ls --prefix config/ --long"],
    synonyms: ["list", "keys", "scan"],
    load: async () => (await import("../kv-list.ts")).ls,
  },
  {
    path: ["kv", "watch"],
    summary: "print changes as they happen",
    detail:
      "One line per change, with the key's state at that moment. With --json each line has a cursor; --cursor goes on after it, so that nothing is missed.",
    args: [],
    options: {
      ...namespace,
      prefix,
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
      'Each line is {"key": ..., "value": ...}, or {"key": ..., "valueBase64": ...} for bytes. Lines that are refused are counted and the first ones shown: exit code 5 when some failed, 1 when all did.',
    args: [{ name: "FILE", complete: "file", help: "JSON lines; - reads stdin" }],
    options: namespace,
    examples: ["coterie kv import data.jsonl", "generate | coterie kv import -"],
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
