/**
 * Processes by process id and start time. A process id alone is reused sooner or later; with the time at which its
 * process started it names that process and no other, so that a signal never hits a stranger.
 *
 * Linux: field 22 of /proc/PID/stat, in clock ticks since boot (proc_pid_stat(5)). Elsewhere `ps -o lstart=`.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { waitUntil } from "./wait-until.ts";

export type ProcessIdentity = { readonly pid: number; readonly startedAt: string };

/** Undefined when no such process runs; one that has ended and that nobody has collected yet does not run. */
export function identify(pid: number): ProcessIdentity | undefined {
  const found = find(pid);
  return found && { pid, startedAt: found.startedAt };
}

type Found = { readonly state: string; readonly startedAt: string };

function find(pid: number): Found | undefined {
  const found = process.platform === "linux" ? fromProc(pid) : fromPs(pid);
  return found === undefined || /^[ZX]/.test(found.state) ? undefined : found;
}

function fromProc(pid: number): Found | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH") return undefined;
    throw error;
  }
  // the name in field 2 may hold spaces and parentheses; field 3 follows its last one
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0] ?? "", startedAt: fields[22 - 3] ?? "" };
}

/** The columns of `ps` are the same on macOS, the BSDs and Linux; language and time zone are fixed. */
export function fromPs(pid: number): Found | undefined {
  let line: string;
  try {
    line = execFileSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"], LC_ALL: "C", TZ: "UTC0" },
    }).trim();
  } catch (error) {
    // its way to say that there is none
    if ((error as { status?: number | null }).status === 1) return undefined;
    throw error;
  }
  const [state = "", ...startedAt] = line.split(/\s+/);
  return { state, startedAt: startedAt.join(" ") };
}

/** True also for one that is paused. */
export function isRunning({ pid, startedAt }: ProcessIdentity): boolean {
  return find(pid)?.startedAt === startedAt;
}

/** True when a signal has stopped it, and none has let it go on. */
export function isPaused({ pid, startedAt }: ProcessIdentity): boolean {
  const found = find(pid);
  return found?.startedAt === startedAt && found.state.startsWith("T");
}

/** False when that process has ended; another that has its id by now is left alone. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isRunning(identity)) return false;
  try {
    process.kill(identity.pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

const leaveMs = 6_000;
const killMs = 5_000;
const pauseMs = 5_000;

/** Resolves true when it does nothing any more, false when it does not stop or is gone. */
export function pauseProcess(identity: ProcessIdentity): Promise<boolean> {
  signalProcess(identity, "SIGSTOP");
  return waitUntil(() => isPaused(identity), { timeoutMs: pauseMs });
}

/** Resolves true when it goes on, false when it does not or is gone. */
export async function resumeProcess(identity: ProcessIdentity): Promise<boolean> {
  signalProcess(identity, "SIGCONT");
  await waitUntil(() => !isPaused(identity), { timeoutMs: pauseMs });
  return isRunning(identity) && !isPaused(identity);
}

/** Kills it; resolves true when it is gone. */
export function killProcess(identity: ProcessIdentity): Promise<boolean> {
  signalProcess(identity, "SIGKILL");
  return waitUntil(() => !isRunning(identity), { timeoutMs: killMs });
}

/** Tells it to leave, and kills it when it has not done so by the deadline; resolves true when it is gone. */
export async function stopProcess(
  identity: ProcessIdentity,
  timeoutMs = leaveMs,
): Promise<boolean> {
  signalProcess(identity, "SIGTERM");
  signalProcess(identity, "SIGCONT"); // a paused one would not hear of it
  const left = await waitUntil(() => !isRunning(identity), { timeoutMs });
  return left || killProcess(identity);
}
