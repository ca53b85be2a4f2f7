/** The command line as a person uses it: the built program, run to its end or followed while it runs. */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { createInterface } from "node:readline";
import { plainEnvironment, program, type Place } from "./daemon-process.ts";

export type Outcome = {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  readonly stdout: Buffer;
};

export type CommandOptions = Place & {
  readonly dataDir?: string;
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
};

const endsWithinMs = 25_000;

function start(words: readonly string[], options: CommandOptions): ChildProcessWithoutNullStreams {
  const { dataDir, env, through = [] } = options;
  const [command = "", ...args] = [...through, process.execPath, program, ...words];
  const where = dataDir === undefined ? {} : { COTERIE_DATA_DIR: dataDir };
  const child = spawn(command, args, { env: { ...plainEnvironment(), ...where, ...env } });
  child.stdin.on("error", () => undefined); // it may end before it has read all
  return child;
}

async function outcomeOf(child: ChildProcessWithoutNullStreams): Promise<Outcome> {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  const stdout = Buffer.concat(out);
  return { code, out: stdout.toString(), err: Buffer.concat(err).toString(), stdout };
}

/** Runs `coterie WORDS` to its end; its stdin is `input` or empty. Killed, with code null, after 25 s. */
export async function coterie(
  words: readonly string[],
  options: CommandOptions = {},
): Promise<Outcome> {
  const child = start(words, options);
  const timer = setTimeout(() => child.kill("SIGKILL"), endsWithinMs);
  try {
    child.stdin.end(options.input ?? "");
    return await outcomeOf(child);
  } finally {
    clearTimeout(timer);
  }
}

export type Followed = {
  /** The next line of stdout that fits. */
  line(fits: (line: string) => boolean): Promise<string>;
  stop(): Promise<void>;
};

/** A command that runs until it is stopped. */
export function follow(words: readonly string[], options: CommandOptions = {}): Followed {
  const child = start(words, options);
  const ended = new Promise((resolve) => void child.once("close", resolve));
  const timer = setTimeout(() => child.kill("SIGKILL"), endsWithinMs);
  let err = "";
  child.stderr.on("data", (chunk: Buffer) => void (err += chunk.toString()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    line: async (fits) => {
      for (;;) {
        const next = await lines.next();
        if (next.done) throw new Error(`coterie ${words.join(" ")} ended: ${err}`);
        if (fits(next.value)) return next.value;
      }
    },
    stop: async () => {
      clearTimeout(timer);
      child.kill("SIGTERM");
      await ended;
    },
  };
}
