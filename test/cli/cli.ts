/** Runs the command line as a child process, against a fake daemon behind the real control server in this one. */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startControl } from "../../src/control/server.ts";
import type { Log } from "../../src/core/ports.ts";
import { systemClock } from "../../src/host/clock.ts";
import { fakeDaemon, fakeState, type FakeState } from "./fake-daemon.ts";

export const entry = fileURLToPath(new URL("./entry.ts", import.meta.url));
export const root = fileURLToPath(new URL("../..", import.meta.url));

const quiet: Log = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  trace: () => undefined,
  child: () => quiet,
};

export function temporaryFolder(): { path: string; [Symbol.dispose](): void } {
  const path = realpathSync(mkdtempSync(join(tmpdir(), "coterie-cli-")));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export type Fake = {
  readonly dataDir: string;
  readonly state: FakeState;
  stop(): Promise<void>;
};

/** A daemon that answers in a data directory of its own. */
export async function startFake(dataDir: string): Promise<Fake> {
  const state = fakeState(dataDir);
  const control = await startControl({
    daemon: fakeDaemon(state),
    socketPath: join(dataDir, "control.sock"),
    log: quiet,
    metrics: { count: () => undefined, read: () => ({}) },
    clock: systemClock,
    version: "0.1.0",
  });
  return { dataDir, state, stop: () => control.stop() };
}

export type Outcome = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly out: string;
  readonly err: string;
};

export type RunOptions = {
  readonly dataDir?: string;
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
};

export function environment({ dataDir, env }: RunOptions): NodeJS.ProcessEnv {
  return {
    PATH: process.env["PATH"],
    HOME: tmpdir(),
    // stripping types is most of a start; the cache halves it
    NODE_COMPILE_CACHE: join(root, "node_modules", ".cache", "coterie-cli-tests"),
    ...(dataDir === undefined ? {} : { COTERIE_DATA_DIR: dataDir }),
    ...env,
  };
}

/** Started, for tests that talk to it while it runs. */
export function start(
  words: readonly string[],
  options: RunOptions = {},
): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [entry, ...words], { env: environment(options) });
}

export async function outcomeOf(child: ChildProcessWithoutNullStreams): Promise<Outcome> {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  const { promise, resolve, reject } = Promise.withResolvers<Pick<Outcome, "code" | "signal">>();
  child.on("error", reject);
  child.on("close", (code, signal) => resolve({ code, signal }));
  const end = await promise;
  const stdout = Buffer.concat(out);
  return { ...end, stdout, out: stdout.toString(), err: Buffer.concat(err).toString() };
}

/** Runs to the end. Its stdin is closed, after `input` if there is any. */
export async function run(words: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const child = start(words, options);
  child.stdin.on("error", () => undefined); // it may end before it has read all
  child.stdin.end(options.input ?? "");
  return outcomeOf(child);
}
