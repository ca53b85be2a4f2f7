import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";

/** A script of the test tree as a process of its own, spoken to in lines; killed at the end of the test. */
export type Child = {
  readonly pid: number;
  /** The next line of its output that fits; rejects if it exits before. */
  line(fits: (line: string) => boolean): Promise<string>;
  say(line: string): void;
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Resolves with the exit code, null after a signal. */
  readonly exited: Promise<number | null>;
};

export function startChild(script: string, args: readonly string[]): Child {
  const child = spawn(process.execPath, [join(import.meta.dirname, script), ...args], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(child, "exit").then(([code]) => code as number | null);
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  child.stdin.on("error", () => {
    // it was killed while being spoken to
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    pid: child.pid ?? 0,
    exited,
    line: async (fits) => {
      for (;;) {
        const next = await lines.next();
        if (next.done) throw new Error(`${script} ended`);
        if (fits(next.value)) return next.value;
      }
    },
    say: (line) => void child.stdin.write(`${line}\n`),
    kill: async (signal = "SIGKILL") => {
      child.kill(signal);
      await exited;
    },
  };
}
