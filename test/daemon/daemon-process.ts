/**
 * A real daemon: the built program in a process of its own. Nothing here knows of the test runner, so that scripts use
 * it too. Its lifeline is our end of a pipe: when this process dies, however it dies, the daemon leaves.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { ReadyInfo } from "../../src/cli/loaders.ts";
import { createClient, type Client } from "../../src/control/client.ts";
import type { LogRecord } from "../../src/control/schema.ts";
import { waitUntil } from "../../testnet/wait-until.ts";

export const root = join(import.meta.dirname, "../..");
export const program = join(root, "bin", "coterie.js");

export type Place = {
  /** A command that runs the one that follows it, such as `nsenter ...`. */
  readonly through?: readonly string[];
  /** Where the file system of that place is seen from here. */
  readonly seenAt?: string;
};

export type StartOptions = Place & {
  readonly dataDir: string;
  /** Further words after `up`. */
  readonly words?: readonly string[];
};

export type Ending = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

export type StartingDaemon = {
  readonly pid: number;
  /** Rejects with what it said on stderr when it ends before. */
  readonly ready: Promise<ReadyInfo>;
  readonly ended: Promise<Ending>;
  /** Everything it has logged. */
  log(): LogRecord[];
  signal(signal: NodeJS.Signals): void;
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>;
  readonly stdin: NonNullable<ChildProcess["stdin"]>;
};

export type DaemonProcess = StartingDaemon & {
  readonly info: ReadyInfo;
  readonly client: Client;
  /** From spawn to the line that says that it is ready. */
  readonly readyMs: number;
};

const readyWithinMs = 30_000;

/** The environment of a person without settings of ours. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env["PATH"], HOME: tmpdir(), TMPDIR: tmpdir() };
}

function spawnDaemon({ dataDir, words = [], through = [] }: StartOptions): ChildProcess {
  const listen = words.includes("--listen") ? [] : ["--listen", "/ip4/127.0.0.1/tcp/0"];
  const up = ["up", "--json", "--no-mdns", "--lifeline", ...listen, "--data-dir", dataDir];
  const [command = "", ...args] = [...through, process.execPath, program, ...up, ...words];
  return spawn(command, args, { env: plainEnvironment(), stdio: "pipe" });
}

export function startDaemon(options: StartOptions): StartingDaemon {
  const child = spawnDaemon(options);
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null || stderr === null) throw new Error("it has no pipes");
  stdin.on("error", () => undefined); // it may end while it is spoken to
  let text = "";
  stderr.setEncoding("utf8").on("data", (chunk: string) => void (text += chunk));
  const ended = new Promise<Ending>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal }));
  });
  const ready = new Promise<ReadyInfo>((resolve, reject) => {
    createInterface({ input: stdout }).once("line", (line) => resolve(JSON.parse(line)));
    ended.then(({ code, signal }) => {
      reject(new Error(`the daemon ended (${signal ?? code}) before it was ready: ${text}`));
    }, reject);
  });
  ready.catch(() => undefined); // whoever starts one only to kill it does not wait
  return {
    pid: child.pid ?? 0,
    ready,
    ended,
    stdin,
    log: () => recordsOf(text),
    signal: (signal) => void child.kill(signal),
    kill: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Started and ready. One that is not ready in time is killed. */
export async function launchDaemon(options: StartOptions): Promise<DaemonProcess> {
  const spawnedMs = performance.now();
  const daemon = startDaemon(options);
  const timer = setTimeout(() => void daemon.kill(), readyWithinMs);
  try {
    const info = await daemon.ready;
    const readyMs = performance.now() - spawnedMs;
    const client = createClient(`${options.seenAt ?? ""}${info.socketPath}`);
    return { ...daemon, info, client, readyMs };
  } finally {
    clearTimeout(timer);
  }
}

function recordsOf(text: string): LogRecord[] {
  const lines = text.split("\n").filter((line) => line.startsWith('{"time"'));
  return lines.map((line) => JSON.parse(line) as LogRecord);
}

/** Waits for a condition; throws, saying which, when it does not hold by the deadline. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  timeoutMs = 15_000,
): Promise<void> {
  if (!(await waitUntil(holds, { timeoutMs }))) throw new Error(`not in ${timeoutMs} ms: ${what}`);
}
