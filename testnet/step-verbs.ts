/** Verbs of a testnet that is up which need no terminal: a scenario's steps may name them too. */
import type { Verb } from "./verb.ts";
import { chaos } from "./verbs/chaos.ts";
import { converge } from "./verbs/converge.ts";
import { kill } from "./verbs/kill.ts";
import { link } from "./verbs/link.ts";
import { heal, partition } from "./verbs/partition.ts";
import { pause, resume } from "./verbs/pause.ts";
import { start } from "./verbs/start.ts";
import { status } from "./verbs/status.ts";

const none = { args: "", argsMin: 0, argsMax: 0 };
const set = { args: "SET", argsMin: 1, argsMax: 1 };

export const stepVerbs: readonly Verb[] = [
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
];
