/**
 * Starts one daemon as a process of its own. Its stdin is the lifeline (`--lifeline`), on which it gets the ticket if
 * it is to join: until it has read the line `release`, it leaves when the pipe ends, so that no daemon outlives a
 * command that was killed before it was done. Its stdout is a pipe on which it says, in one line of JSON, that it is
 * ready; its log is `daemon.log`.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { CoterieError, type ErrorBody } from "../src/core/errors.ts";
import { identify, stopProcess, type ProcessIdentity } from "./process-identity.ts";
import type { NodeRecord } from "./record.ts";

export type LaunchOptions = {
  /** The script `coterie`, run by the Node that runs us. */
  readonly launcher: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Words that run it somewhere else, under the same process id; none for here. */
  readonly within?: readonly string[];
  /** True for a first start in a network that is there: `join` will say which. */
  readonly joins?: boolean;
};

/** What the testnet wants to know of the line that `coterie up --json` prints. */
export type Ready = {
  readonly peerId: string;
  readonly socketPath: string;
  readonly addresses: readonly string[];
};

export type Launched = {
  readonly index: number;
  readonly process: ProcessIdentity;
  /** Hands it the ticket that it waits for while it loads; the list of processes does not show it. */
  join(ticket: string): void;
  /** Rejects when the daemon ends before it is ready, saying why, `TIMEOUT` when it takes too long, or as aborted. */
  ready(timeoutMs: number, signal: AbortSignal): Promise<Ready>;
  /** Lets it live without us; resolves when it has been told. */
  release(): Promise<void>;
  /** Resolves when the process is gone. */
  stop(): Promise<boolean>;
};

export function logPath(dataDir: string): string {
  return join(dataDir, "daemon.log");
}

/** The environment without settings: what a daemon of a testnet does is said by its command line alone. */
export function bareEnvironment(env: LaunchOptions["env"]): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("COTERIE_")));
}

export function launch(node: NodeRecord, options: LaunchOptions): Launched {
  mkdirSync(node.dataDir, { recursive: true, mode: 0o700 });
  const file = logPath(node.dataDir);
  const log = openSync(file, "a", 0o600);
  const from = statSync(file).size;
  const words = [
    "up",
    "--json",
    `--data-dir=${node.dataDir}`,
    `--name=${node.name}`,
    `--listen=${node.listen}`,
    "--no-mdns",
    "--enable-faults",
    "--lifeline",
    ...(options.joins === true ? ["--join=-"] : []),
  ];
  const [program = process.execPath, ...line] = [
    ...(options.within ?? []),
    process.execPath,
    options.launcher,
    ...words,
  ];
  const child = spawn(program, line, {
    detached: true, // a session of its own: Ctrl-C is for the command alone
    env: bareEnvironment(options.env),
    stdio: ["pipe", "pipe", log],
  });
  closeSync(log);
  child.on("error", () => undefined); // it has no process id then, which is seen below
  child.stdin?.on("error", () => undefined); // it has ended: `ready` says so, or the record
  const identity = child.pid === undefined ? undefined : identify(child.pid);
  if (identity === undefined) {
    throw new CoterieError("INTERNAL", `${node.name} could not be started`, {
      hint: `see ${file}`,
    });
  }
  return {
    index: node.index,
    process: identity,
    join: (ticket) => void child.stdin?.write(`${ticket}\n`),
    ready: (timeoutMs, signal) => {
      const ready = readyLine(child, { name: node.name, file, from });
      return inTime(ready, timeoutMs, signal, `${node.name} to be ready (see ${file})`);
    },
    release: () => release(child),
    stop: () => stopProcess(identity),
  };
}

/** What this start writes into the log: everything after `from` bytes. */
type LogPart = { readonly name: string; readonly file: string; readonly from: number };

async function inTime<T>(
  work: Promise<T>,
  timeoutMs: number,
  signal: AbortSignal,
  what: string,
): Promise<T> {
  const { promise: never, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new CoterieError("TIMEOUT", `waited ${timeoutMs / 1_000} s for ${what}`));
  }, timeoutMs);
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([work, never]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

async function readyLine(child: ChildProcess, log: LogPart): Promise<Ready> {
  if (child.stdout !== null) {
    for await (const line of createInterface({ input: child.stdout })) {
      return JSON.parse(line) as Ready;
    }
  }
  return failure(child, log);
}

async function failure(child: ChildProcess, { name, file, from }: LogPart): Promise<never> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  const lines = readFileSync(file).subarray(from).toString().trimEnd().split("\n");
  const said = lines.findLast((line) => line.startsWith('{"error":'));
  const reason =
    said === undefined
      ? (child.signalCode ?? `exit code ${child.exitCode}`)
      : (JSON.parse(said) as { error: ErrorBody }).error.message;
  const message = `${name} ended before it was ready: ${reason}`;
  throw new CoterieError("INTERNAL", message, { hint: `see ${file}` });
}

async function release(child: ChildProcess): Promise<void> {
  child.stdout?.destroy();
  child.unref();
  await new Promise<void>((resolve) => child.stdin?.end("release\n", () => resolve()));
}
