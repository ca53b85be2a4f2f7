import type { Argument, Verb } from "../verb.ts";

const configKey: Argument = { name: "KEY", help: "as `coterie config show` lists it" };

export const configVerbs: readonly Verb[] = [
  {
    path: ["config", "show"],
    summary: "all settings",
    detail:
      "Those of the running daemon; with none running, those that one started now would have. Flags win over COTERIE_ variables, these over the file, the file over defaults.",
    args: [],
    options: { origin: { type: "flag", help: "with where each came from" } },
    examples: ["coterie config show --origin"],
    synonyms: ["ls", "list"],
    load: async () => (await import("../config.ts")).show,
  },
  {
    path: ["config", "get"],
    summary: "print one setting",
    args: [configKey],
    options: {},
    examples: ["coterie config get node.name"],
    load: async () => (await import("../config.ts")).get,
  },
  {
    path: ["config", "set"],
    summary: "write one setting to the configuration file",
    detail:
      "KEY=VALUE is the same as KEY VALUE. Tags are settings: `tags.role=worker` says of this node what others filter by with `coterie members --tag role=worker`. A running daemon takes it with `coterie config reload`.",
    args: [configKey, { name: "VALUE", help: "the new value", optional: true }],
    options: {},
    examples: ["coterie config set node.name falcon", "coterie config set tags.role=worker"],
    synonyms: ["put"],
    load: async () => (await import("../config.ts")).set,
  },
  {
    path: ["config", "unset"],
    summary: "take one setting out of the configuration file",
    detail: "It is the default again; nothing changes if the file does not set it.",
    args: [configKey],
    options: {},
    examples: ["coterie config unset tags.role"],
    synonyms: ["rm", "del", "delete", "remove"],
    load: async () => (await import("../config.ts")).unset,
  },
  {
    path: ["config", "path"],
    summary: "where the configuration file is",
    args: [],
    options: {},
    examples: ["coterie config path"],
    synonyms: ["file", "where"],
    load: async () => (await import("../config.ts")).path,
  },
  {
    path: ["config", "reload"],
    summary: "let the daemon read its configuration again",
    detail: "Says what changed, and what takes effect only after a restart.",
    args: [],
    options: {},
    examples: ["coterie config reload"],
    load: async () => (await import("../config.ts")).reload,
  },
];

/** For completion; the testnet has a table of its own. */
const testnetVerbs = [
  "up",
  "status",
  "partition",
  "heal",
  "link",
  "kill",
  "start",
  "pause",
  "resume",
  "converge",
  "chaos",
  "exec",
  "logs",
  "run",
  "down",
] as const;

export const shellVerbs: readonly Verb[] = [
  {
    path: ["testnet"],
    summary: "run a network of real daemons on this machine",
    args: [
      { name: "VERB", optional: true, choices: testnetVerbs, help: "see coterie testnet help" },
    ],
    options: {},
    examples: ["coterie testnet up -n 10", "coterie testnet --help"],
    synonyms: ["cluster"],
    raw: true,
    outlivesOutput: true,
    load: async () => (await import("../testnet.ts")).testnet,
  },
  {
    path: ["completion"],
    summary: "print a completion script for your shell",
    args: [{ name: "SHELL", choices: ["bash", "zsh", "fish"], help: "bash, zsh or fish" }],
    options: {},
    examples: [
      "coterie completion bash > ~/.local/share/bash-completion/completions/coterie",
      "coterie completion zsh > ~/.zfunc/_coterie",
      "coterie completion fish > ~/.config/fish/completions/coterie.fish",
    ],
    load: async () => (await import("../completion.ts")).completion,
  },
  {
    path: ["version"],
    summary: "print the version",
    args: [],
    options: {},
    examples: ["coterie version"],
    load: async () => (await import("../version.ts")).version,
  },
  {
    path: ["help"],
    summary: "help for a command",
    args: [{ name: "COMMAND", optional: true, many: true, help: "such as kv put" }],
    options: {},
    examples: ["coterie help kv put"],
    load: async () => (await import("../help.ts")).help,
  },
];
