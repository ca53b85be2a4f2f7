import type { Verb } from "../verb.ts";

export const networkVerbs: readonly Verb[] = [
  {
    path: ["id"],
    summary: "who this node is",
    args: [],
    options: {},
    examples: ["coterie id", "coterie id --json"],
    synonyms: ["identity", "whoami"],
    load: async () => (await import("../id.ts")).id,
  },
  {
    path: ["invite"],
    summary: "print a ticket that lets a machine join",
    detail:
      "The ticket is one word on stdout. Whoever holds it is in, and removing somebody is not possible yet: hand it out by a private channel.",
    args: [],
    options: {},
    examples: ["coterie invite", "coterie invite | ssh other-host coterie join -"],
    synonyms: ["ticket"],
    load: async () => (await import("../invite.ts")).invite,
  },
  {
    path: ["join"],
    summary: "join the network of a ticket",
    detail: "For a data directory that is in no network yet; start the daemon afterwards.",
    args: [{ name: "TICKET", help: "what `coterie invite` printed; - reads it from stdin" }],
    options: {
      name: { type: "text", value: "NAME", help: "name that others see (default: the host's)" },
    },
    examples: ["coterie join TICKET", "coterie join - < ticket.txt"],
    load: async () => (await import("../join.ts")).join,
  },
  {
    path: ["peers"],
    summary: "connections open now",
    args: [],
    options: {},
    examples: ["coterie peers"],
    synonyms: ["connections"],
    load: async () => (await import("../peers.ts")).peers,
  },
  {
    path: ["members"],
    summary: "all nodes of the network: alive, suspect, failed or left, and whose writers forked",
    detail:
      "`coterie members forget MEMBER` hides one that failed or left (by name or peer id) until it is alive again, on this node only.",
    args: [
      { name: "ACTION", help: "forget: hide MEMBER", optional: true, choices: ["forget"] },
      { name: "MEMBER", help: "its name or peer id", optional: true },
    ],
    options: {
      watch: { type: "flag", short: "w", help: "go on with each that changes" },
      status: {
        type: "text",
        value: "STATUS",
        choices: ["alive", "suspect", "failed", "left"],
        help: "only members of this status",
      },
      tag: {
        type: "list",
        value: "NAME=VALUE",
        help: "only members with this tag; given several times, with all of them",
      },
    },
    examples: [
      "coterie members",
      "coterie members --watch",
      "coterie members --status failed --json",
      "coterie members --tag role=worker --status alive",
      "coterie members forget old-laptop",
    ],
    synonyms: ["nodes", "roster"],
    load: async () => (await import("../members.ts")).members,
  },
];
