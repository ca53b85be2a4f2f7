import type { Argument, Verb } from "../verb.ts";

const topic: Argument = { name: "TOPIC", help: "any text up to 128 bytes" };

export const eventVerbs: readonly Verb[] = [
  {
    path: ["event", "publish"],
    summary: "send a message to whoever listens now",
    detail:
      "At most once, signed, 32 KiB at most, dropped when older than 60 s. Nothing is stored: for what must arrive use kv.",
    args: [topic, { name: "DATA", help: 'the message; - reads it from stdin; "" is an empty one' }],
    options: {},
    examples: ["coterie event publish door open", "date | coterie event publish clock -"],
    synonyms: ["send", "pub", "emit"],
    load: async () => (await import("../event.ts")).publish,
  },
  {
    path: ["event", "subscribe"],
    summary: "print messages of a topic as they arrive",
    args: [topic],
    options: {},
    examples: ["coterie event subscribe door", "coterie event subscribe door --json"],
    synonyms: ["listen", "sub", "watch"],
    load: async () => (await import("../event.ts")).subscribe,
  },
];
