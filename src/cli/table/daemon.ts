import type { Options, Verb } from "../verb.ts";

const levels = ["error", "warn", "info", "debug", "trace"] as const;

const upOptions: Options = {
  detach: { type: "flag", short: "d", help: "run in the background; return when it is ready" },
  join: {
    type: "text",
    value: "TICKET",
    help: "join this network on the first start (- reads it from stdin)",
  },
  listen: {
    type: "list",
    value: "ADDR",
    help: "multiaddr to listen on, e.g. /ip4/0.0.0.0/tcp/4001 (repeatable)",
  },
  name: { type: "text", value: "NAME", help: "name that others see" },
  "no-mdns": { type: "flag", help: "do not look for peers on the local network" },
  "log-level": { type: "text", value: "LEVEL", choices: levels, help: "how much to log" },
  lifeline: {
    type: "flag",
    help: "leave when stdin ends before it said `release` (for programs that start daemons)",
  },
  "enable-faults": { type: "flag", help: "let the control API cut connections (for tests)" },
};

export const daemonVerbs: readonly Verb[] = [
  {
    path: ["init"],
    summary: "make an identity and a private network",
    detail: "`coterie up` does this by itself when the data directory is empty.",
    args: [],
    options: {
      name: { type: "text", value: "NAME", help: "name that others see (default: the host's)" },
      network: { type: "text", value: "NAME", help: "name of the new network" },
    },
    examples: ["coterie init --name falcon --network home"],
    synonyms: ["create", "new"],
    load: async () => (await import("../init.ts")).init,
  },
  {
    path: ["up"],
    summary: "start the daemon",
    detail:
      "In the foreground until Ctrl-C, logging to stderr; with --detach in the background, logging to daemon.log in the data directory.",
    args: [],
    options: upOptions,
    examples: [
      "coterie up",
      "coterie up --detach --listen /ip4/0.0.0.0/tcp/4001",
      "coterie up --join TICKET",
    ],
    synonyms: ["start", "run", "daemon"],
    outlivesOutput: true,
    load: async () => (await import("../up.ts")).up,
  },
  {
    path: ["down"],
    summary: "stop the daemon and wait until it is gone",
    args: [],
    options: {},
    examples: ["coterie down"],
    synonyms: ["stop", "kill", "quit"],
    load: async () => (await import("../down.ts")).down,
  },
  {
    path: ["status"],
    summary: "what the daemon is doing, on one page",
    args: [],
    options: {
      watch: { type: "flag", short: "w", help: "refresh until Ctrl-C" },
      interval: { type: "duration", value: "TIME", help: "time between refreshes (2s)" },
    },
    examples: ["coterie status", "coterie status --json", "coterie status --watch --interval 1s"],
    synonyms: ["info", "stat"],
    load: async () => (await import("../status.ts")).status,
  },
  {
    path: ["doctor"],
    summary: "check the node and say what to mend",
    detail: "Works with and without a running daemon. Exit code 0 only if no check failed.",
    args: [],
    options: {},
    examples: ["coterie doctor"],
    synonyms: ["check", "diagnose"],
    load: async () => (await import("../doctor.ts")).doctor,
  },
  {
    path: ["logs"],
    summary: "read the daemon's log, or set its level",
    args: [],
    options: {
      follow: { type: "flag", short: "f", help: "go on with what is logged from now on" },
      level: { type: "text", value: "LEVEL", choices: levels, help: "this level and graver ones" },
      tail: { type: "count", value: "N", help: "only the last N records kept" },
      "set-level": {
        type: "text",
        value: "LEVEL",
        choices: levels,
        help: "set how much the daemon logs",
      },
    },
    examples: [
      "coterie logs --tail 20",
      "coterie logs --follow --level debug",
      "coterie logs --set-level debug",
    ],
    load: async () => (await import("../logs.ts")).logs,
  },
];
