/** Help, made from the table of verbs. */
import { globalOptions, usageLine, type Option, type Verb } from "./verb.ts";

type Pair = readonly [string, string];

function pairs(rows: readonly Pair[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}

function optionRow([name, { value, short, help }]: [string, Option]): Pair {
  const long = name.length === 1 ? `-${name}` : `--${name}`;
  const flag = short === undefined ? long : `-${short}, ${long}`;
  return [value === undefined ? flag : `${flag} ${value}`, help];
}

function optionRows(options: Readonly<Record<string, Option>> = {}): Pair[] {
  return Object.entries(options).map(optionRow);
}

export function overview(verbs: readonly Verb[]): string {
  return [
    "Usage: coterie testnet VERB [ARGUMENTS] [OPTIONS]",
    "",
    "A network of real daemons on this machine, each told of its predecessor alone, with faults",
    "that need no root. A set of nodes is written 3, 0-4 or 0,2,4.",
    "",
    "Verbs",
    ...pairs(verbs.map((verb) => [`${verb.name} ${verb.args}`.trimEnd(), verb.summary])),
    "",
    "Options of every verb",
    ...pairs(optionRows(globalOptions)),
    "",
    "Examples",
    "  coterie testnet up -n 10",
    "  coterie testnet exec 0 -- kv put hello world",
    "  coterie testnet partition 0-4 5-9",
    "  coterie testnet heal && coterie testnet converge",
    "  coterie testnet partition '0-4>5-9'",
    "  coterie testnet link 0 1 --latency 50ms --rate 1mbit",
    "  coterie testnet chaos --seed 7 --for 60s",
    "  coterie testnet run docs/scenarios/partition-and-heal.toml",
    "  coterie testnet down",
    "",
  ].join("\n");
}

export function verbHelp(verb: Verb): string {
  const summary = `${verb.summary.charAt(0).toUpperCase()}${verb.summary.slice(1)}.`;
  const rows = [...optionRows(verb.options), ...optionRows(globalOptions)];
  return [
    `Usage: ${usageLine(verb)} [OPTIONS]`,
    "",
    summary,
    "",
    "Options",
    ...pairs(rows),
    "",
  ].join("\n");
}
