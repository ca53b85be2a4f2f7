import type { Verb } from "../verb.ts";

export const backupVerbs: readonly Verb[] = [
  {
    path: ["backup"],
    summary: "write the node and its state to a file",
    detail:
      "From the running daemon, of the state at the moment when it ends, while writes go on. The file holds the node's keys and the secret of the network: whoever has it can be this node. It is readable by you alone, and appears under its name only when it is whole. With --verify an existing file is checked instead, signatures included; that needs no daemon.",
    args: [{ name: "FILE", complete: "file", help: "where to; - is stdout" }],
    options: { verify: { type: "flag", help: "check FILE, and say what is in it" } },
    examples: [
      "coterie backup node.backup",
      "coterie backup --verify node.backup",
      "coterie backup - | age -e -i key.txt > node.backup.age",
    ],
    synonyms: ["snapshot", "dump"],
    load: async () => (await import("../backup.ts")).backup,
  },
  {
    path: ["restore"],
    summary: "make a node from a backup",
    detail:
      "Into a data directory that is empty or not there yet; no daemon may run in it. The node is the one that was backed up, with its keys, so the old one must not run any more: a lost machine comes back, or moves. With --new-identity it is another node of the same network, with keys of its own and the same state. Nothing is written before the whole file is found sound; a restore that was interrupted is run again.",
    args: [{ name: "FILE", complete: "file", help: "what coterie backup wrote" }],
    options: { "new-identity": { type: "flag", help: "make another node of that network" } },
    examples: [
      "coterie restore node.backup",
      "coterie restore node.backup --new-identity --data-dir ./second",
    ],
    synonyms: ["recover"],
    load: async () => (await import("../restore.ts")).restore,
  },
];
