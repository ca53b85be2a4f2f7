import type { Argument, Options, Verb } from "../verb.ts";

const name: Argument = { name: "NAME", help: "lower-case letters, digits and inner hyphens" };
const listen: Options = {
  listen: {
    type: "list",
    value: "ADDR:PORT",
    help: "loopback address, e.g. 127.0.0.1:8080; port 0 for any (repeatable)",
  },
};

export const serviceVerbs: readonly Verb[] = [
  {
    path: ["service", "expose"],
    summary: "let members reach a program of this machine by a name",
    detail:
      "Nobody is allowed unless --allow says so, this node neither. Said again it replaces all terms at once; streams of those who are no longer allowed are cut.",
    args: [name],
    options: {
      tcp: { type: "text", value: "ADDR:PORT", help: "where it listens, e.g. 127.0.0.1:3000" },
      unix: { type: "text", value: "PATH", help: "the unix socket where it listens" },
      http: { type: "flag", help: "it speaks HTTP: the gateway leads to it" },
      allow: {
        type: "list",
        value: "WHO",
        help: "a member's name or peer id, tag:KEY=VALUE, or all (repeatable)",
      },
      health: { type: "text", value: "CHECK", help: "tcp, or http:/path, checked every second" },
      weight: { type: "count", value: "N", help: "share among providers, 1 to 1000 (1)" },
    },
    examples: [
      "coterie service expose notes --tcp 127.0.0.1:3000 --http --allow all --health http:/",
      "coterie service expose db --unix /run/db.sock --allow falcon --allow tag:role=app",
    ],
    synonyms: ["add", "share", "publish"],
    load: async () => (await import("../service.ts")).expose,
  },
  {
    path: ["service", "ls"],
    summary: "list the services of the network",
    args: [],
    options: {},
    examples: ["coterie service ls"],
    synonyms: ["list"],
    load: async () => (await import("../service.ts")).ls,
  },
  {
    path: ["service", "status"],
    summary: "providers of a service with health, open streams, requests and times",
    detail: "Requests and times are those that this node saw.",
    args: [name],
    options: {},
    examples: ["coterie service status notes"],
    synonyms: ["show", "info"],
    load: async () => (await import("../service.ts")).status,
  },
  {
    path: ["service", "forward"],
    summary: "listen on a local port that leads to a service, whoever provides it",
    args: [name],
    options: {
      ...listen,
      policy: {
        type: "text",
        value: "POLICY",
        choices: ["round-robin", "least-connections", "latency", "hash"],
        help: "how a provider is chosen (round-robin)",
      },
      remove: { type: "flag", help: "take away the forward at --listen, or all of this service" },
    },
    examples: [
      "coterie service forward notes --listen 127.0.0.1:8080",
      "coterie service forward notes --remove",
    ],
    synonyms: ["connect", "open"],
    load: async () => (await import("../service.ts")).forward,
  },
  {
    path: ["service", "rm"],
    summary: "take a service of this node back",
    detail: "Nobody new is let in at once; streams that are open are cut after --drain.",
    args: [name],
    options: {
      drain: { type: "duration", value: "TIME", help: "for open streams to end (500ms)" },
    },
    examples: ["coterie service rm notes", "coterie service rm notes --drain 10s"],
    synonyms: ["remove", "delete", "del", "unexpose", "hide"],
    load: async () => (await import("../service.ts")).rm,
  },
];
