/** `coterie testnet`: a network of real daemons on this machine. Parses the words and runs the verb. */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { CoterieError, exitCodes, toCoterieError } from "../src/core/errors.ts";
import { suggest } from "../src/core/suggest.ts";
import { overview, verbHelp } from "./help.ts";
import type { Io } from "./io.ts";
import { Output } from "./output.ts";
import { defaultDir, parserOptions, usageLine, type Call, type Verb } from "./verb.ts";
import { verbs } from "./verbs.ts";

/** Seen from dist/testnet/. */
const ownLauncher = join(import.meta.dirname, "../../bin/coterie.js");

/** Resolves with the exit code; throws coded errors, which the command line prints. */
export async function main(args: string[], io: Io, launcher = ownLauncher): Promise<number> {
  const end = args.indexOf("--");
  const words = end < 0 ? args : args.slice(0, end);
  const rest = end < 0 ? [] : args.slice(end + 1);
  const [first, second] = positionals(words);
  if (first === undefined || words[first] === "help") {
    const topic = second === undefined ? undefined : findVerb(words[second] ?? "");
    return print(io, topic === undefined ? overview(verbs) : verbHelp(topic));
  }
  const verb = findVerb(words[first] ?? "");
  const call = parse(verb, words.toSpliced(first, 1), rest);
  if (call.values["help"] === true) return print(io, verbHelp(verb));
  checkArguments(verb, call.args, rest);
  const out = new Output(io, call.values["json"] === true);
  try {
    return await verb.run({ ...call, io, out, launcher });
  } finally {
    out.endProgress();
  }
}

async function print(io: Io, text: string): Promise<number> {
  await new Output(io, false).write(text);
  return exitCodes.ok;
}

function usage(message: string, hint: string): never {
  throw new CoterieError("USAGE", message, { hint });
}

function findVerb(name: string): Verb {
  const found = verbs.find((verb) => verb.name === name);
  if (found !== undefined) return found;
  const meant = suggest(
    name,
    verbs.map((verb) => verb.name),
  );
  return usage(
    `unknown command "testnet ${name}"`,
    meant === undefined ? "see: coterie testnet help" : `did you mean "testnet ${meant}"?`,
  );
}

/** Where the words stand that are neither options nor their values. */
function positionals(words: string[]): number[] {
  const options = Object.assign({}, ...verbs.map(parserOptions));
  const { tokens } = parseArgs({ args: words, options, strict: false, tokens: true });
  return tokens.flatMap(({ kind, index }) => (kind === "positional" ? [index] : []));
}

type Parsed = Pick<Call, "args" | "rest" | "values" | "dir">;

function parse(verb: Verb, words: string[], rest: string[]): Parsed {
  const options = parserOptions(verb);
  try {
    const parsed = parseArgs({ args: words, options, allowPositionals: true });
    const values = parsed.values as Call["values"];
    const { dir = defaultDir } = values as { dir?: string };
    return { args: parsed.positionals, rest, values, dir };
  } catch (error) {
    const [message = ""] = toCoterieError(error).message.split(/\.?\n|\. |\.$/, 1);
    return usage(
      `${message.charAt(0).toLowerCase()}${message.slice(1)}`,
      `see: coterie testnet help ${verb.name}`,
    );
  }
}

function checkArguments(verb: Verb, args: readonly string[], rest: readonly string[]): void {
  const hint = `usage: ${usageLine(verb)}`;
  const extra = args[verb.argsMax] ?? (verb.rest ? undefined : rest[0]);
  if (extra !== undefined) usage(`"testnet ${verb.name}" has no use for "${extra}"`, hint);
  if (args.length < verb.argsMin || (verb.rest && rest.length === 0)) {
    usage(`"testnet ${verb.name}" wants ${verb.args}`, hint);
  }
}
