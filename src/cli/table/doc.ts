import type { Argument, Options, Verb } from "../verb.ts";

const key: Argument = { name: "KEY", help: "1 to 1,024 bytes of text" };

const namespace: Options = {
  namespace: { type: "text", short: "n", value: "NAME", help: "namespace (default)" },
};

export const docVerbs: readonly Verb[] = [
  {
    path: ["doc", "get"],
    summary: "print a document",
    detail:
      "A document is a text that several people write at the same time, apart or together. On a terminal control characters are shown escaped.",
    args: [key],
    options: namespace,
    examples: ["coterie doc get notes", "coterie doc get notes --json"],
    synonyms: ["cat", "read", "show"],
    load: async () => (await import("../doc.ts")).get,
  },
  {
    path: ["doc", "edit"],
    summary: "exchange edits between a document and a text file",
    detail:
      "What was changed in FILE since it was last exchanged goes into the document, and what others changed comes into FILE. Where FILE does not exist it is written, where the document does not exist it is made of FILE. Run it again whenever either has changed; what it exchanged last is kept in the data directory.",
    args: [key, { name: "FILE", complete: "file", help: "a text file (UTF-8)" }],
    options: {
      ...namespace,
      replace: {
        type: "flag",
        help: "the document becomes what FILE says, whatever others wrote meanwhile",
      },
    },
    examples: ["coterie doc edit notes notes.md", "coterie doc edit notes notes.md --replace"],
    synonyms: ["sync", "merge", "put", "write", "import"],
    load: async () => (await import("../doc-edit.ts")).edit,
  },
  {
    path: ["doc", "export"],
    summary: "write a document to a file as it is now",
    detail: "Without --output to stdout. FILE appears under its name only when it is whole.",
    args: [key],
    options: {
      ...namespace,
      output: {
        type: "text",
        short: "o",
        value: "FILE",
        complete: "file",
        help: "write to FILE",
      },
    },
    examples: ["coterie doc export notes -o notes.md", "coterie doc export notes | wc -w"],
    synonyms: ["save", "dump"],
    load: async () => (await import("../doc.ts")).exportText,
  },
  {
    path: ["doc", "watch"],
    summary: "print which documents change, as it happens",
    detail:
      "One line per change: cursor, what happened, key, author and time. With --cursor it goes on after one, so that nothing is missed.",
    args: [],
    options: {
      ...namespace,
      prefix: { type: "text", value: "P", help: "only keys that begin with P" },
      cursor: { type: "text", value: "C", help: "go on after this cursor" },
      "from-start": { type: "flag", help: "first all documents there are" },
    },
    examples: ["coterie doc watch", "coterie doc watch --prefix team/ --json"],
    synonyms: ["tail", "follow", "subscribe"],
    load: async () => (await import("../doc-watch.ts")).watch,
  },
  {
    path: ["doc", "ls"],
    summary: "list documents in the order of their keys",
    args: [],
    options: {
      ...namespace,
      prefix: { type: "text", value: "P", help: "only keys that begin with P" },
      limit: { type: "count", value: "N", help: "at most N documents" },
      long: { type: "flag", short: "l", help: "with size, writers and time" },
    },
    examples: ["coterie doc ls", "coterie doc ls --prefix team/ --long"],
    synonyms: ["list", "keys"],
    load: async () => (await import("../doc.ts")).ls,
  },
  {
    path: ["doc", "del"],
    summary: "delete a document",
    detail: "What others write to it at the same time is lost with it.",
    args: [key],
    options: namespace,
    examples: ["coterie doc del notes"],
    synonyms: ["rm", "delete", "remove"],
    load: async () => (await import("../doc.ts")).del,
  },
];
