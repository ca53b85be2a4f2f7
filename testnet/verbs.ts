/** The verbs of `coterie testnet`, in the order in which help shows them. */
import type { Verb } from "./verb.ts";
import { chaos } from "./verbs/chaos.ts";
import { converge } from "./verbs/converge.ts";
import { down } from "./verbs/down.ts";
import { exec } from "./verbs/exec.ts";
import { kill } from "./verbs/kill.ts";
import { link } from "./verbs/link.ts";
import { logs } from "./verbs/logs.ts";
import { heal, partition } from "./verbs/partition.ts";
import { pause, resume } from "./verbs/pause.ts";
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
    args: "SET SET... | 'SET>SET'...",
    argsMin: 1,
    argsMax: Infinity,
    summary: "cut groups of nodes from each other, or one way; who is in two groups is a bridge",
    run: partition,
  },
  { name: "heal", ...none, summary: "end the partition", run: heal },
  {
    name: "link",
    args: "[A B | 'A>B']",
    argsMin: 0,
    argsMax: 2,
    summary: "shape what nodes send each other, both ways or one way; --clear alone clears all",
    options: {
      latency: { value: "TIME", help: "each way, such as 50ms" },
      jitter: { value: "TIME", help: "around the latency, up to so much either way" },
      rate: { value: "RATE", help: "bits a second, such as 512kbit or 1mbit" },
      stall: { help: "keep connections open and move no bytes" },
      reset: { value: "P", help: "probability that a connection is reset in each second" },
      clear: { help: "as if nothing had been said of this link" },
    },
    run: link,
  },
  { name: "kill", ...set, summary: "kill -9 the daemons of these nodes", run: kill },
  { name: "start", ...set, summary: "start stopped nodes again, on new ports", run: start },
  { name: "pause", ...set, summary: "stop these daemons where they stand (SIGSTOP)", run: pause },
  { name: "resume", ...set, summary: "let paused daemons go on (SIGCONT)", run: resume },
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
  {
    name: "chaos",
    ...none,
    summary: "faults from a seed under load; then heal, and check that nothing is lost",
    options: {
      seed: { value: "S", help: "a number; the same seed draws the same faults (any)" },
      for: { value: "TIME", help: "how long faults are injected (60s)" },
      rate: { value: "R", help: "faults a minute (30)" },
      timeout: { value: "TIME", help: "how long the nodes may take to agree after it (60s)" },
    },
    run: chaos,
  },
  { name: "down", ...none, summary: "stop all daemons and remove their files", run: down },
];
