import type { Verb } from "../verb.ts";
import { key, namespace } from "./kv.ts";

export const explainVerbs: readonly Verb[] = [
  {
    path: ["explain"],
    summary: "why a key is as it is",
    detail:
      "Every live entry of the key, of every type: who wrote it and when, what it says, and why it counts. Entries from the future that this node holds back are shown last.",
    args: [key],
    options: {
      ...namespace,
      element: { type: "text", value: "E", help: "of the element E of the set KEY" },
    },
    examples: ["coterie explain hello", "coterie explain fruits --element apple"],
    synonyms: ["why", "inspect"],
    load: async () => (await import("../explain.ts")).explain,
  },
];
