/** The command line: finds the verb, loads its file, runs it, and turns what it throws into a line and an exit code. */
import { exitCodes } from "../core/errors.ts";
import { Call } from "./call.ts";
import { reportFailure } from "./failure.ts";
import { processIo, type Io } from "./io.ts";
import type { Loaders } from "./loaders.ts";
import { parse, type Selection } from "./parse.ts";
import { Values } from "./values.ts";

/** Flags that matter even when the rest cannot be parsed. */
function given(words: readonly string[], flag: string): boolean {
  const end = words.indexOf("--");
  return (end < 0 ? words : words.slice(0, end)).includes(flag);
}

/**
 * A reader that has seen enough closes the pipe: the work is done then, quietly, as with `coterie kv ls | head`.
 * A full disk under a redirected stdout is a failure like another. A daemon outlives its terminal.
 */
function watchOutput(io: Io, outlives: () => boolean): void {
  io.stderr.on("error", () => undefined); // there is nobody left to tell
  io.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (outlives()) return;
    if (error.code === "EPIPE") process.exit(exitCodes.ok);
    io.stderr.write(`coterie: cannot write the output: ${error.message}\n`);
    process.exit(exitCodes.error);
  });
}

function drained(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write("", () => resolve()));
}

async function run(selection: Selection, loaders: Loaders, io: Io): Promise<number> {
  if (selection.kind === "help") {
    const { printHelp } = await import("./help.ts");
    const values = new Values(new Map([["json", selection.json]]));
    return printHelp(new Call(io, loaders, selection.path, values), selection.path);
  }
  const call = new Call(io, loaders, selection.args, selection.values);
  const work = await selection.verb.load();
  try {
    return await work(call);
  } catch (error) {
    throw call.explained(error);
  }
}

/** Resolves with the exit code, when all output is handed to the system. */
export async function main(
  words: readonly string[],
  loaders: Loaders,
  io: Io = processIo(),
): Promise<number> {
  const named =
    words[0] === "--version" || words[0] === "-V" ? ["version", ...words.slice(1)] : words;
  let outlives = false;
  watchOutput(io, () => outlives);
  let code: number;
  try {
    const selection = parse(named);
    outlives = selection.kind === "run" && selection.verb.outlivesOutput === true;
    code = await run(selection, loaders, io);
  } catch (error) {
    code = reportFailure(io, error, {
      json: given(words, "--json"),
      debug: given(words, "--debug"),
    });
  }
  await drained(io.stdout);
  await drained(io.stderr);
  return code;
}
