/** From the words of a command line to the call of a verb. */
import { parseArgs } from "node:util";
import { CoterieError, toCoterieError } from "../src/core/errors.ts";
import { suggest } from "../src/core/suggest.ts";
import { defaultDir, parserOptions, usageLine, type Call, type Verb } from "./verb.ts";

export type Parsed = Pick<Call, "args" | "rest" | "values" | "dir">;

function usage(message: string, hint: string): never {
  throw new CoterieError("USAGE", message, { hint });
}

/** Throws `USAGE` with what may have been meant. */
export function findVerb(verbs: readonly Verb[], name: string): Verb {
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
export function positionals(verbs: readonly Verb[], words: readonly string[]): number[] {
  const options = Object.assign({}, ...verbs.map(parserOptions));
  const { tokens } = parseArgs({ args: [...words], options, strict: false, tokens: true });
  return tokens.flatMap(({ kind, index }) => (kind === "positional" ? [index] : []));
}

/** `words` without the verb's name. Throws `USAGE` for options that the verb has not. */
export function parseWords(verb: Verb, words: readonly string[], rest: readonly string[]): Parsed {
  const options = parserOptions(verb);
  try {
    const parsed = parseArgs({ args: [...words], options, allowPositionals: true });
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

/** Throws `USAGE` for arguments that are too many or too few. */
export function checkArguments(verb: Verb, { args, rest }: Pick<Parsed, "args" | "rest">): void {
  const hint = `usage: ${usageLine(verb)}`;
  const extra = args[verb.argsMax] ?? (verb.rest ? undefined : rest[0]);
  if (extra !== undefined) usage(`"testnet ${verb.name}" has no use for "${extra}"`, hint);
  if (args.length < verb.argsMin || (verb.rest && rest.length === 0)) {
    usage(`"testnet ${verb.name}" wants ${verb.args}`, hint);
  }
}
