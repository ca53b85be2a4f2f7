/** The verbs of `coterie testnet`, in the order in which help shows them. */
import type { Verb } from "./verb.ts";
import { converge } from "./verbs/converge.ts";
import { down } from "./verbs/down.ts";
import { exec } from "./verbs/exec.ts";
import { kill } from "./verbs/kill.ts";
import { logs } from "./verbs/logs.ts";
import { heal, partition } from "./verbs/partition.ts";
import { start } from "./verbs/start.ts";
import { status } from "./verbs/status.ts";
import { up } from "./verbs/up.ts";

const none = { args: "", argsMin: 0, argsMax: 0 };
const set = { args: "SET", argsMin: 1, argsMax: 1 };

export const verbs: readonly Verb[] = [
  {
    name: "up",
    ...none,
    summary: "start a network of daemons and wait until they have found each other",
    options: {
      n: { value: "N", help: "how many nodes (5)" },
      "base-address": { value: "NET", help: "loopback network of the nodes, such as 127.0.9" },
      timeout: { value: "TIME", help: "how long they may take to find each other (60s)" },
      "no-wait": { help: "return as soon as the daemons are ready" },
    },
    run: up,
  },
  { name: "status", ...none, summary: "what the nodes are doing", run: status },
  {
    name: "partition",
    args: "SET SET...",
    argsMin: 2,
    argsMax: Infinity,
    summary: "cut groups of nodes from each other",
    run: partition,
  },
  { name: "heal", ...none, summary: "end the partition", run: heal },
  { name: "kill", ...set, summary: "kill -9 the daemons of these nodes", run: kill },
  { name: "start", ...set, summary: "start stopped nodes again, on new ports", run: start },
  {
    name: "exec",
    args: "NODE -- COMMAND...",
    argsMin: 1,
    argsMax: 1,
    rest: true,
    summary: "run a coterie command against a node",
    run: exec,
  },
  {
    name: "logs",
    args: "NODE",
    argsMin: 1,
    argsMax: 1,
    summary: "print a daemon's log",
    options: { follow: { short: "f", help: "go on with what is logged from now on" } },
    run: logs,
  },
  {
    name: "converge",
    ...none,
    summary: "wait until all running nodes have the same state",
    options: { timeout: { value: "TIME", help: "how long to wait (30s)" } },
    run: converge,
  },
  { name: "down", ...none, summary: "stop all daemons and remove their files", run: down },
];
