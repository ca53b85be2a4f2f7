/** Scenario files. Everything that can be wrong in one is found before the first daemon starts. */
import { basename } from "node:path";
import { parseCut } from "../cut.ts";
import { parseDirections } from "../link.ts";
import { nodesMax } from "../loopback.ts";
import { netKinds } from "../netns/kinds.ts";
import { formatNodeSet, parseNodeSet } from "../node-set.ts";
import type { Verb } from "../verb.ts";
import { checkArguments, findVerb, parseWords } from "../words.ts";
import { bookTypes } from "../workload/books.ts";
import { expectations } from "./parse-expectation.ts";
import type { Action, Scenario, Step } from "./scenario.ts";
import { shellWords } from "./shell-words.ts";
import { durationIn, nodesIn } from "./take.ts";
import { parseTable, type TomlTable } from "./toml-table.ts";

const timeoutDefaultMs = 600_000;
const withinDefaultMs = 30_000;
const writesMax = 100_000;
const stepsMax = 1_000;

const fileKeys = ["title", "nodes", "net", "timeout", "step"];
const common = ["on", "within"];
/** What a step does, by the key that says so, with the other keys that belong to it. */
const stepKeys: Readonly<Record<string, readonly string[]>> = {
  testnet: [],
  exec: ["exit", "output", ...common],
  write: ["count", ...common],
  load: [],
  wait: [],
  expect: ["type", "key", "value", "missing", "who", "are", ...common],
  parallel: [],
};
const kinds = Object.keys(stepKeys);
const stepKeysAll = new Set([...kinds, ...Object.values(stepKeys).flat()]);

type Context = { readonly nodes: number; readonly verbs: readonly Verb[] };

/** `verbs` are those that a step may name. Throws `BAD_CONFIG` with file and line. */
export function parseScenario(file: string, text: string, verbs: readonly Verb[]): Scenario {
  const table = parseTable(file, text);
  const nodes = table.count("nodes", 1, nodesMax);
  if (nodes === undefined) return table.fail("nodes is missing: how many the testnet has");
  const scenario = {
    file,
    title: table.text("title") ?? basename(file, ".toml"),
    nodes,
    net: table.choice("net", netKinds) ?? "loopback",
    timeoutMs: durationIn(table, "timeout") ?? timeoutDefaultMs,
    steps: table.tables("step").map((step) => parseStep(step, { nodes, verbs }, true)),
  };
  table.end(fileKeys);
  if (scenario.steps.length === 0) return table.fail("there is no [[step]]");
  if (scenario.steps.length > stepsMax) return table.fail(`more than ${stepsMax} steps`);
  return scenario;
}

function parseStep(table: TomlTable, context: Context, mayBranch: boolean): Step {
  const named = table.keys.filter((key) => kinds.includes(key));
  const [kind = "", second] = named;
  if (second !== undefined) table.fail(`a step does one thing, not ${named.join(" and ")}`, second);
  if (kind === "") {
    const stray = table.keys.find((key) => !stepKeysAll.has(key));
    if (stray !== undefined) table.end(kinds); // it says more than what is missing
    table.fail(`what does this step do? one of ${kinds.join(", ")}`);
  }
  const on = nodesIn(table, "on", context.nodes) ?? null;
  const withinMs = durationIn(table, "within") ?? withinDefaultMs;
  const { action, text } = readers[kind]!(table, { ...context, mayBranch });
  const known = [kind, ...(stepKeys[kind] ?? [])];
  const misplaced = common.find((key) => table.keys.includes(key) && !known.includes(key));
  if (misplaced !== undefined) table.fail(`"${misplaced}" says nothing of ${kind}`, misplaced);
  table.end(known);
  const where = on === null ? "" : ` on ${formatNodeSet(on)}`;
  const within = kind === "expect" ? ` within ${withinMs / 1_000} s` : "";
  return { line: table.line, text: `${text}${where}${within}`, action, on, withinMs };
}

type Read = { readonly action: Action; readonly text: string };
type Reader = (table: TomlTable, context: Context & { readonly mayBranch: boolean }) => Read;

const readers: Readonly<Record<string, Reader>> = {
  testnet: (table, { nodes, verbs }) => {
    const text = table.text("testnet") ?? "";
    return table.take("testnet", () => {
      const [name = "", ...words] = shellWords(text);
      const verb = findVerb(verbs, name);
      const parsed = parseWords(verb, words, []);
      if (parsed.values["dir"] !== undefined) {
        table.fail("the testnet is the scenario's own: leave out --dir", "testnet");
      }
      checkArguments(verb, parsed);
      checkNodes(verb, parsed.args, nodes);
      return { action: { kind: "testnet", verb, parsed }, text };
    });
  },
  exec: (table) => {
    const text = table.text("exec") ?? "";
    const words = table.take("exec", () => shellWords(text));
    if (words.length === 0) table.fail("exec wants a command such as kv put colour blue", "exec");
    const exit = table.count("exit", 0, 255) ?? 0;
    const output = table.text("output") ?? null;
    return { action: { kind: "exec", words, exit, output }, text };
  },
  write: (table) => {
    const type = table.choice("write", [...bookTypes, "all"]) ?? "all";
    const count = table.count("count", 1, writesMax) ?? 1;
    return { action: { kind: "write", type, count }, text: `write ${count} ${type}` };
  },
  load: (table) => {
    const load = table.choice("load", ["start", "stop"]) ?? "start";
    return { action: { kind: "load", load }, text: `load ${load}` };
  },
  wait: (table) => {
    const ms = durationIn(table, "wait") ?? 0;
    return { action: { kind: "wait", ms }, text: `wait ${ms / 1_000} s` };
  },
  expect: (table, { nodes }) => {
    const that = table.choice("expect", ["converged", "value", "members", "nothing lost"]);
    const { expectation, text } = expectations[that ?? "converged"](table, nodes);
    return { action: { kind: "expect", expectation }, text: `expect ${text}` };
  },
  parallel: (table, context) => {
    if (!context.mayBranch) table.fail("a parallel step has no parallel steps in it", "parallel");
    const steps = table.tables("parallel").map((each) => parseStep(each, context, false));
    if (steps.length === 0) table.fail("parallel wants steps", "parallel");
    return { action: { kind: "parallel", steps }, text: `${steps.length} steps at once` };
  },
};

function checkNodes({ name }: Verb, args: readonly string[], count: number): void {
  if (name === "partition") parseCut(args, count);
  else if (name === "link" && args.length > 0) parseDirections(args, count);
  else if (args[0] !== undefined) parseNodeSet(args[0], count);
}
