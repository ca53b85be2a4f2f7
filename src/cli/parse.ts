/**
 * From words to a call, in two passes of `parseArgs` over the table of verbs. The first is lenient and knows the
 * options of all verbs, only to find which words name the verb, wherever the options stand; the second is strict and
 * knows that verb's options alone.
 */
import { parseArgs, type ParseArgsConfig } from "node:util";
import { CoterieError } from "../core/errors.ts";
import { suggest } from "../core/suggest.ts";
import { parseDuration } from "./duration.ts";
import { nouns, verbs, verbsOf } from "./table.ts";
import { Values, type Value } from "./values.ts";
import { commandOf, globalOptions, type Option, type Options, type Verb } from "./verb.ts";

export type Selection =
  | { readonly kind: "help"; readonly path: readonly string[]; readonly json: boolean }
  | {
      readonly kind: "run";
      readonly verb: Verb;
      readonly args: readonly string[];
      readonly values: Values;
    };

function usage(message: string, hint?: string): never {
  throw new CoterieError("USAGE", message, hint === undefined ? {} : { hint });
}

const shownMax = 60;

/** What was given, short enough for one line. */
function shown(word: string): string {
  return `"${word.length > shownMax ? `${word.slice(0, shownMax)}…` : word}"`;
}

function didYouMean(meant: string | undefined, otherwise: string): string {
  return meant === undefined ? otherwise : `did you mean "${meant}"?`;
}

type ParserOptions = NonNullable<ParseArgsConfig["options"]>;

function parserOptions(options: Options): ParserOptions {
  const out: ParserOptions = {};
  for (const [name, option] of Object.entries(options)) {
    out[name] = {
      type: option.type === "flag" ? "boolean" : "string",
      multiple: option.type === "list",
      ...(option.short === undefined ? {} : { short: option.short }),
    };
  }
  return out;
}

function everyOption(): ParserOptions {
  return parserOptions(Object.assign({}, globalOptions, ...verbs.map((verb) => verb.options)));
}

type Token = {
  readonly kind: string;
  readonly index: number;
  readonly name?: string;
  readonly rawName?: string;
  readonly value?: unknown;
  readonly inlineValue?: boolean | undefined;
};

function tokensOf(words: readonly string[], options: ParserOptions): readonly Token[] {
  return parseArgs({ args: words, options, strict: false, allowPositionals: true, tokens: true })
    .tokens;
}

/** The verb that two or one positional words name; throws `USAGE` with the nearest one for others. */
function findVerb(first: string, second: string | undefined): Verb {
  const candidates = verbsOf(first);
  const single = candidates.find((verb) => verb.path.length === 1);
  if (single !== undefined) return single;
  if (candidates.length === 0) {
    usage(`unknown command ${shown(first)}`, didYouMean(meantCommand(first), "see: coterie help"));
  }
  const names = candidates.map((verb) => verb.path[1] ?? "");
  if (second === undefined) {
    usage(`"${first}" wants one of: ${names.join(", ")}`, `see: coterie help ${first}`);
  }
  const found = candidates.find((verb) => verb.path[1] === second);
  if (found !== undefined) return found;
  const synonym = candidates.find((verb) => verb.synonyms?.includes(second));
  const meant = synonym?.path[1] ?? suggest(second, names);
  return usage(
    `unknown command ${shown(`${first} ${second}`)}`,
    didYouMean(meant && `${first} ${meant}`, `see: coterie help ${first}`),
  );
}

function meantCommand(word: string): string | undefined {
  const single = verbs.find((verb) => verb.path.length === 1 && verb.synonyms?.includes(word));
  if (single !== undefined) return single.path[0];
  const inner = verbs.find((verb) => verb.path[1] === word);
  if (inner !== undefined) return commandOf(inner);
  const near = suggest(word, nouns);
  if (near !== undefined) return near;
  const synonym = verbs.find((verb) => verb.synonyms?.includes(word));
  return synonym && commandOf(synonym);
}

function unknownOption(token: Token, options: Options, command: string): never {
  const names = Object.keys(options);
  const meant = token.rawName?.startsWith("--") ? suggest(token.name ?? "", names) : undefined;
  return usage(
    `unknown option ${shown(token.rawName ?? "")} for "${command}"`,
    didYouMean(
      meant && `--${meant}`,
      `see: coterie help ${command}; words that begin with a hyphen go after --`,
    ),
  );
}

function checkOption(token: Token, options: Options, command: string): void {
  const option = Object.hasOwn(options, token.name ?? "") ? options[token.name ?? ""] : undefined;
  if (option === undefined) return unknownOption(token, options, command);
  if (option.type === "flag") return;
  if (token.value === undefined) {
    usage(`${token.rawName} wants ${option.value}`, `see: coterie help ${command}`);
  }
  const value = typeof token.value === "string" ? token.value : "";
  if (!token.inlineValue && /^-./.test(value)) {
    usage(
      `${token.rawName} wants ${option.value}, not ${shown(value)}`,
      `one that begins with a hyphen is written --${token.name}=${option.value}`,
    );
  }
}

function strictParse(words: readonly string[], options: Options, command: string) {
  const parser = parserOptions(options);
  for (const token of tokensOf(words, parser)) {
    if (token.kind === "option") checkOption(token, options, command);
  }
  try {
    return parseArgs({ args: words, options: parser, strict: true, allowPositionals: true });
  } catch (error) {
    const message =
      error instanceof Error ? error.message.split(/\.?\n|\.$/, 1)[0]! : String(error);
    return usage(`${message[0]?.toLowerCase()}${message.slice(1)}`, `see: coterie help ${command}`);
  }
}

function convert(name: string, option: Option, given: unknown): Value {
  if (typeof given !== "string") return given as boolean | string[];
  if (option.choices !== undefined && !option.choices.includes(given)) {
    const meant = suggest(given, option.choices);
    usage(
      `--${name} wants one of ${option.choices.join(", ")}, not ${shown(given)}`,
      meant && `did you mean "${meant}"?`,
    );
  }
  if (option.type === "duration") return parseDuration(given, `--${name}`);
  if (option.type !== "count") return given;
  if (!/^\d{1,15}$/.test(given)) usage(`--${name} wants a whole number, not ${shown(given)}`);
  return Number(given);
}

function checkArguments(verb: Verb, args: readonly string[]): void {
  const hint = `usage: ${usageLine(verb)}`;
  const missing = verb.args[args.length];
  if (missing !== undefined && missing.optional !== true) {
    usage(`"${commandOf(verb)}" wants ${missing.name}`, hint);
  }
  const extra = args[verb.args.length];
  if (extra !== undefined && verb.args.at(-1)?.many !== true) {
    usage(`"${commandOf(verb)}" has no use for ${shown(extra)}`, hint);
  }
  for (const [index, { name, choices }] of verb.args.entries()) {
    const given = args[index];
    if (choices === undefined || given === undefined || choices.includes(given)) continue;
    const meant = suggest(given, choices);
    usage(`${name} is one of ${choices.join(", ")}, not ${shown(given)}`, didYouMean(meant, hint));
  }
}

/** `coterie kv put KEY [VALUE]` */
export function usageLine(verb: Verb): string {
  const args = verb.args.map(({ name, optional, many }) => {
    const text = many ? `${name}...` : name;
    return optional ? `[${text}]` : text;
  });
  return ["coterie", ...verb.path, ...args].join(" ");
}

function parseFor(verb: Verb, words: readonly string[]): Selection {
  const options = { ...globalOptions, ...verb.options };
  const parsed = strictParse(words, options, commandOf(verb));
  checkArguments(verb, parsed.positionals);
  const values = new Map<string, Value>();
  for (const [name, given] of Object.entries(parsed.values)) {
    if (given !== undefined) values.set(name, convert(name, options[name]!, given));
  }
  return { kind: "run", verb, args: parsed.positionals, values: new Values(values) };
}

/** Throws `USAGE` with what is wrong and, where it can be guessed, what was meant. */
export function parse(words: readonly string[]): Selection {
  const tokens = tokensOf(words, everyOption());
  const given = (name: string) =>
    tokens.some((token) => token.kind === "option" && token.name === name);
  const helpFor = (path: readonly string[]): Selection => ({
    kind: "help",
    path,
    json: given("json"),
  });
  const [first, second] = tokens.filter((token) => token.kind === "positional");
  if (first === undefined) {
    if (!given("help")) strictParse(words, globalOptions, "help");
    return helpFor([]);
  }
  const noun = String(first.value);
  const isGroup = verbsOf(noun).some((verb) => verb.path.length === 2);
  if (given("help") && isGroup && second === undefined) return helpFor([noun]);

  const verb = findVerb(noun, second && String(second.value));
  const naming = verb.path.length === 2 ? [first.index, second?.index] : [first.index];
  const rest = words.filter((_, index) => !naming.includes(index));
  if (verb.raw) return { kind: "run", verb, args: rest, values: new Values(new Map()) };
  return given("help") ? helpFor(verb.path) : parseFor(verb, rest);
}
