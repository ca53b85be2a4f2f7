/** Help, made from the table of verbs. */
import { exitCodes } from "../core/errors.ts";
import { Call } from "./call.ts";
import { padEnd } from "./terminal/display-width.ts";
import { parse, usageLine } from "./parse.ts";
import { groups, verbs, verbsOf } from "./table.ts";
import {
  commandOf,
  globalOptions,
  type Option,
  type Options,
  type Run,
  type Verb,
} from "./verb.ts";

const columnsMax = 80;

function wrap(text: string, indent = ""): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(" ")) {
    if (line.length > indent.length && line.length + 1 + word.length > columnsMax) {
      lines.push(line);
      line = indent;
    }
    line += line.length > indent.length ? ` ${word}` : word;
  }
  return [...lines, line];
}

/** Two columns, the right one wrapped under itself. */
function pairs(rows: readonly (readonly [string, string])[], width: number): string[] {
  return rows.flatMap(([left, right]) => {
    const [first = "", ...more] = wrap(right, " ".repeat(width + 4));
    return [`  ${padEnd(left, width)}  ${first.trimStart()}`, ...more];
  });
}

function widest(rows: readonly (readonly [string, string])[]): number {
  return Math.max(...rows.map(([left]) => left.length));
}

function optionRow([name, option]: [string, Option]): readonly [string, string] {
  const short = option.short === undefined ? "    " : `-${option.short}, `;
  const value = option.value === undefined ? "" : ` ${option.value}`;
  const choices = option.choices === undefined ? "" : `: ${option.choices.join(", ")}`;
  return [`${short}--${name}${value}`, `${option.help}${choices}`];
}

function section(
  title: string,
  rows: readonly (readonly [string, string])[],
  width: number,
): string[] {
  return rows.length === 0 ? [] : ["", title, ...pairs(rows, width)];
}

function optionRows(options: Options): (readonly [string, string])[] {
  return Object.entries(options).map(optionRow);
}

/** All verbs, by group. */
export function overview(): string {
  const width = Math.max(...verbs.map((verb) => commandOf(verb).length));
  return [
    "Coterie: a peer-to-peer network of your own machines, with one shared state and no server",
    "",
    "Usage: coterie COMMAND [ARGUMENTS] [OPTIONS]",
    ...groups.flatMap((group) =>
      section(
        group.title,
        group.verbs.map((verb) => [commandOf(verb), verb.summary]),
        width,
      ),
    ),
    ...section(
      "Options of every command",
      optionRows(globalOptions),
      widest(optionRows(globalOptions)),
    ),
    "",
    ...wrap(
      "Exit codes: 0 ok, 1 error, 2 usage, 3 daemon not running, 4 timed out, 5 partly done, 6 refused, " +
        "130 after Ctrl-C.",
    ),
    "More: coterie help COMMAND",
    "",
  ].join("\n");
}

function groupHelp(noun: string): string {
  const rows = verbsOf(noun).map((verb) => [usageLine(verb), verb.summary] as const);
  return [`Usage: coterie ${noun} VERB`, ...section("Verbs", rows, widest(rows)), ""].join("\n");
}

export function verbHelp(verb: Verb): string {
  const args = verb.args.map(({ name, help }) => [name, help] as const);
  const own = optionRows(verb.options);
  const global = optionRows(globalOptions);
  const width = widest([...args, ...own, ...global]);
  return [
    `Usage: ${usageLine(verb)} [OPTIONS]`,
    "",
    ...wrap(`${verb.summary[0]?.toUpperCase()}${verb.summary.slice(1)}.`),
    ...(verb.detail === undefined ? [] : wrap(verb.detail)),
    ...section("Arguments", args, width),
    ...section("Options", own, width),
    ...section("Options of every command", global, width),
    "",
    "Examples",
    ...verb.examples.map((example) => `  ${example}`),
    "",
  ].join("\n");
}

function verbFacts(verb: Verb) {
  const { summary, detail, args, options, examples } = verb;
  return {
    command: commandOf(verb),
    usage: usageLine(verb),
    summary,
    detail,
    args,
    options,
    examples,
  };
}

async function print(call: Call, shown: readonly Verb[], text: string): Promise<number> {
  if (!call.out.json) await call.out.write(text);
  else await call.out.document({ options: globalOptions, commands: shown.map(verbFacts) });
  return exitCodes.ok;
}

/** Prints help for a verb, for all verbs of a noun, or an overview; throws `USAGE` for words that name none. */
export async function printHelp(call: Call, path: readonly string[]): Promise<number> {
  const [noun] = path;
  if (noun === undefined) return print(call, verbs, overview());
  const selection = parse([...path, "--help"]);
  if (selection.kind === "run") {
    const work = await selection.verb.load();
    return work(new Call(call.io, call.loaders, selection.args, selection.values));
  }
  const exact = verbs.find((verb) => commandOf(verb) === selection.path.join(" "));
  if (exact !== undefined) return print(call, [exact], verbHelp(exact));
  return print(call, verbsOf(noun), groupHelp(noun));
}

export const help: Run = (call) => printHelp(call, call.args);
