/** The verbs of `coterie testnet`, in the order in which help shows them. */
import { stepVerbs } from "./step-verbs.ts";
import type { Verb } from "./verb.ts";
import { down } from "./verbs/down.ts";
import { exec } from "./verbs/exec.ts";
import { logs } from "./verbs/logs.ts";
import { run } from "./verbs/run.ts";
import { up } from "./verbs/up.ts";

const none = { args: "", argsMin: 0, argsMax: 0 };

export const verbs: readonly Verb[] = [
  {
    name: "up",
    ...none,
    summary: "start a network of daemons and wait until they have found each other",
    options: {
      n: { value: "N", help: "how many nodes (5)" },
      connections: { value: "C", help: "how many each node wants (20; 8 in more than 20 nodes)" },
      "base-address": { value: "NET", help: "loopback network of the nodes, such as 127.0.9" },
      net: { value: "KIND", help: "loopback, or netns: network namespaces (Linux) (loopback)" },
      timeout: {
        value: "TIME",
        help: "how long they may take to find each other (60s and 3s a node)",
      },
      "no-wait": { help: "return as soon as the daemons are ready" },
    },
    run: up,
  },
  ...stepVerbs,
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
    name: "run",
    args: "FILE",
    argsMin: 1,
    argsMax: 1,
    summary: "make a testnet, do the steps of a scenario file, and report with a picture",
    options: {
      report: { value: "DIR", help: "folder of the report, JSON and SVG (./coterie-report)" },
      keep: { help: "leave the testnet up" },
    },
    run,
  },
  { name: "down", ...none, summary: "stop all daemons and remove their files", run: down },
];
