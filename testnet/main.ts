/** `coterie testnet`: a network of real daemons on this machine. Parses the words and runs the verb. */
import { join } from "node:path";
import { exitCodes } from "../src/core/errors.ts";
import { overview, verbHelp } from "./help.ts";
import type { Io } from "./io.ts";
import { Output } from "./output.ts";
import { verbs } from "./verbs.ts";
import { checkArguments, findVerb, parseWords, positionals } from "./words.ts";

/** Seen from dist/testnet/. */
const ownLauncher = join(import.meta.dirname, "../../bin/coterie.js");

/** Resolves with the exit code; throws coded errors, which the command line prints. */
export async function main(args: string[], io: Io, launcher = ownLauncher): Promise<number> {
  const end = args.indexOf("--");
  const words = end < 0 ? args : args.slice(0, end);
  const rest = end < 0 ? [] : args.slice(end + 1);
  const [first, second] = positionals(verbs, words);
  if (first === undefined || words[first] === "help") {
    const topic = second === undefined ? undefined : findVerb(verbs, words[second] ?? "");
    return print(io, topic === undefined ? overview(verbs) : verbHelp(topic));
  }
  const verb = findVerb(verbs, words[first] ?? "");
  const call = parseWords(verb, words.toSpliced(first, 1), rest);
  if (call.values["help"] === true) return print(io, verbHelp(verb));
  checkArguments(verb, call);
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
