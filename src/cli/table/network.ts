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
    summary: "all nodes of the network, when they were last heard of, and whose writers forked",
    args: [],
    options: {},
    examples: ["coterie members", "coterie members --json"],
    synonyms: ["nodes", "roster"],
    load: async () => (await import("../members.ts")).members,
  },
];
