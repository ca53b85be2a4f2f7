/**
 * `up --detach`: the same command in a session of its own. Its stderr is `daemon.log`; its stdout is a pipe to us on
 * which it says, as JSON, that it is ready, and which is gone when we are. A ticket goes in by stdin, since arguments
 * can be read by every user of the machine.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { CoterieError, exitCodes, isErrorCode, type ErrorBody } from "../core/errors.ts";
import type { Call } from "./call.ts";
import { humanDuration } from "./terminal/human.ts";
import type { ReadyInfo } from "./loaders.ts";
import { waitUntilGone } from "./process-end.ts";
import { readyText } from "./ready.ts";
import { ticketWord } from "./ticket-word.ts";

const stopMs = 5_000;
const logTailBytes = 64 * 1024;

function childWords({ values }: Call, dataDir: string): string[] {
  const name = values.text("name");
  const level = values.text("log-level");
  return [
    "up",
    "--json",
    `--data-dir=${dataDir}`,
    ...(values.text("join") === undefined ? [] : ["--join", "-"]),
    ...values.list("listen").map((address) => `--listen=${address}`),
    ...(name === undefined ? [] : [`--name=${name}`]),
    ...(level === undefined ? [] : [`--log-level=${level}`]),
    ...["no-mdns", "enable-faults", "debug"]
      .filter((flag) => values.flag(flag))
      .map((flag) => `--${flag}`),
  ];
}

function start(
  words: readonly string[],
  logFile: string,
  ticket: string | undefined,
): ChildProcess {
  const log = openSync(logFile, "a", 0o600);
  const script = process.argv[1] ?? "";
  const child = spawn(process.execPath, [...process.execArgv, script, ...words], {
    detached: true,
    stdio: [ticket === undefined ? "ignore" : "pipe", "pipe", log],
  });
  closeSync(log);
  child.stdin?.on("error", () => undefined); // it ended before it read: its own error says why
  child.stdin?.end(ticket);
  return child;
}

/** The line with which the child says that it is ready; undefined when it ends without. */
async function readyLine(child: ChildProcess): Promise<ReadyInfo | undefined> {
  if (child.stdout === null) return undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    return JSON.parse(line) as ReadyInfo;
  }
  return undefined;
}

/** What this start wrote into the log: everything after `from` bytes. */
type LogPart = { readonly file: string; readonly from: number };

async function textOf(log: LogPart): Promise<string> {
  const file = await open(log.file, "r");
  try {
    const { size } = await file.stat();
    const at = Math.max(log.from, size - logTailBytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - at), 0, size - at, at);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** What the child said when it gave up, as if we had met it ourselves. */
async function failureOf(child: ChildProcess, log: LogPart): Promise<CoterieError> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  const lines = (await textOf(log)).trimEnd().split("\n");
  const last = lines.findLast((line) => line.startsWith('{"error":'));
  if (last !== undefined) {
    const { code, message, hint } = (JSON.parse(last) as { error: ErrorBody }).error;
    const known = isErrorCode(code) ? code : "INTERNAL";
    return new CoterieError(known, message, hint === undefined ? {} : { hint });
  }
  const how = child.signalCode ?? `exit code ${child.exitCode}`;
  const hint = `see ${log.file}`;
  return new CoterieError("INTERNAL", `the daemon ended (${how}) before it was ready`, { hint });
}

async function stop(child: ChildProcess): Promise<void> {
  const { pid } = child;
  if (pid === undefined) return;
  child.kill("SIGTERM");
  if (!(await waitUntilGone(pid, stopMs))) child.kill("SIGKILL");
}

/** What the child says of itself when it is ready; stops it and throws when that takes too long or it gives up. */
async function ready(child: ChildProcess, timeoutMs: number, log: LogPart): Promise<ReadyInfo> {
  const { promise: late, resolve } = Promise.withResolvers<"late">();
  const timer = setTimeout(resolve, timeoutMs, "late");
  const unborn = once(child, "error").then(([error]) => {
    throw error as Error;
  });
  const info = await Promise.race([readyLine(child), late, unborn]);
  clearTimeout(timer);
  if (info === undefined) throw await failureOf(child, log);
  if (info !== "late") return info;
  await stop(child);
  const message = `the daemon was not ready within ${humanDuration(timeoutMs)} and was stopped`;
  throw new CoterieError("TIMEOUT", message, { hint: `see ${log.file}` });
}

export async function detach(call: Call): Promise<number> {
  const dataDir = await call.dataDir();
  const given = call.values.text("join");
  const ticket = given === undefined ? undefined : await ticketWord(call, given);
  const { prepareDataDir } = await call.loaders.dataDir();
  prepareDataDir(dataDir);
  const file = join(dataDir, "daemon.log");
  const from = existsSync(file) ? statSync(file).size : 0;

  const child = start(childWords(call, dataDir), file, ticket);
  const info = await ready(child, call.timeoutMs(), { file, from });
  child.stdout?.destroy();
  child.unref();
  await call.out.write(readyText(call, info));
  call.out.aside(`logging to ${file}`);
  return exitCodes.ok;
}
