/**
 * The checks of `coterie doctor`, each with a verdict and what to do about it. What lies on disk is looked at here;
 * what only the running daemon knows it passes in, and without a daemon those checks are skipped.
 */
import { readFile, rm, stat, statfs } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { toCoterieError } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import { controlSocketPath, dataDirPaths } from "./data-dir.ts";
import { errnoOf, othersMayRead, writeFileAtomic } from "./files.ts";

export type DoctorCheck = {
  readonly name: string;
  readonly verdict: "ok" | "warn" | "fail" | "skip";
  readonly detail: string;
  readonly remedy: string | null;
};

/** What only the running daemon knows. */
export type DaemonFacts = {
  /** Addresses at which others can dial this node. */
  readonly addresses: readonly string[];
  readonly connections: number;
  /** Peers besides this node that it has heard of: members of the roster, or addresses from a ticket. */
  readonly othersKnown: number;
  readonly routingTableSize: number;
  /** This clock minus the median of the peers'; null before the first session. */
  readonly clockOffsetMs: number | null;
  /** How far the state's stamps lead the wall clock. */
  readonly clockLeadMs: number;
  /** False when the last write to the store failed (disk full, read-only). */
  readonly writable: boolean;
};

export type DoctorFacts = {
  readonly dataDir: string;
  /** Absent when no daemon runs. */
  readonly daemon?: DaemonFacts;
  /** The runtime's version; this process's own if absent. */
  readonly nodeVersion?: string;
  /** Bytes free for us on the disk of a path; asked of the file system if absent. */
  readonly freeBytes?: (path: string) => Promise<number>;
};

type Finding = Omit<DoctorCheck, "name">;

const MiB = 1024 * 1024;
const oldestNode = [22, 19] as const;
const offsetMsWarn = 5_000;
const offsetMsFail = 60_000;
const socketMs = 2_000;

function ok(detail: string, remedy: string | null = null): Finding {
  return { verdict: "ok", detail, remedy };
}

function warn(detail: string, remedy: string): Finding {
  return { verdict: "warn", detail, remedy };
}

function fail(detail: string, remedy: string | null): Finding {
  return { verdict: "fail", detail, remedy };
}

/** Never rejects: a check that cannot be made has failed. */
export function runDoctor(facts: DoctorFacts): Promise<DoctorCheck[]> {
  const { dataDir, daemon } = facts;
  const live = (check: (daemon: DaemonFacts) => Finding): Finding =>
    daemon === undefined
      ? { verdict: "skip", detail: "needs the daemon", remedy: null }
      : check(daemon);
  return Promise.all([
    named("runtime", () => checkRuntime(facts.nodeVersion ?? process.versions.node)),
    named("data-dir", () => checkWritable(dataDir)),
    named("lock", async () => {
      const holder = daemon && (await lockHolder(dataDir));
      return live(() => checkLock(holder));
    }),
    named("key-files", () => checkKeyFiles(dataDir)),
    named("socket", () => checkSocket(dataDir)),
    named("addresses", () => live(checkAddresses)),
    named("clock", () => live(checkClock)),
    named("peers", () => live(checkPeers)),
    named("dht", () => live(checkDht)),
    named("state", () => live(checkState)),
    named("disk", async () => checkDisk(await (facts.freeBytes ?? freeBytesOf)(dataDir))),
  ]);
}

async function named(name: string, check: () => Finding | Promise<Finding>): Promise<DoctorCheck> {
  try {
    return { name, ...(await check()) };
  } catch (error) {
    const { message, hint } = toCoterieError(error);
    return { name, ...fail(message, hint ?? null) };
  }
}

function checkRuntime(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [oldestMajor, oldestMinor] = oldestNode;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) {
    return ok(`Node ${version}`);
  }
  return fail(
    `Node ${version} is too old`,
    `install Node ${oldestMajor}.${oldestMinor} or later; 24 is best`,
  );
}

async function checkWritable(dataDir: string): Promise<Finding> {
  const { mode } = await stat(dataDir);
  if (othersMayRead(mode)) return fail(`${dataDir} is open to others`, `chmod 700 ${dataDir}`);
  const probe = join(dataDir, "doctor.probe");
  await writeFileAtomic(probe, "");
  await rm(probe);
  return ok(`${dataDir} is writable`);
}

async function lockHolder(dataDir: string): Promise<number> {
  return Number.parseInt(await readFile(dataDirPaths(dataDir).lockPid, "utf8"), 10);
}

function checkLock(holder: number | undefined): Finding {
  return holder === process.pid
    ? ok(`locked by this daemon, process ${holder}`)
    : fail(`locked by process ${holder}, not by this daemon`, "stop both, then: coterie up");
}

async function checkKeyFiles(dataDir: string): Promise<Finding> {
  const paths = dataDirPaths(dataDir);
  const missing: Readonly<Record<string, string>> = {
    [paths.network]: "coterie init, or with a ticket: coterie join TICKET",
    [paths.identity]: "restore it from a backup, or join again with another --data-dir",
  };
  for (const path of [paths.network, paths.identity, paths.owner]) {
    const mode = await modeOf(path);
    if (mode === undefined && path in missing)
      return fail(`${path} is missing`, missing[path] ?? null);
    if (mode !== undefined && othersMayRead(mode)) {
      return fail(`${path} may be read by others`, `chmod 600 ${path}`);
    }
  }
  return ok("only we may read the keys");
}

async function modeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mode;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function checkSocket(dataDir: string): Promise<Finding> {
  const path = controlSocketPath(dataDir);
  const fault = await socketFault(path);
  return fault === undefined ? ok(path) : fail(`no daemon answers (${fault})`, "coterie up");
}

function socketFault(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const done = (fault: string | undefined): void => {
      socket.destroy();
      resolve(fault);
    };
    socket.once("connect", () => done(undefined));
    socket.once("error", (error) => done(errnoOf(error) ?? error.message));
    socket.setTimeout(socketMs, () => done("no answer in time"));
  });
}

function checkAddresses({ addresses }: DaemonFacts): Finding {
  if (addresses.length === 0) {
    return fail(
      "nobody can dial this node",
      "coterie config set network.listen /ip4/0.0.0.0/tcp/0",
    );
  }
  const shown = addresses.slice(0, 3).join(", ");
  const loopback = addresses.every((address) => /^\/ip4\/127\.|^\/ip6\/::1\//.test(address));
  return loopback
    ? warn(
        `only this machine can dial it: ${shown}`,
        "connect the machine, or check network.listen",
      )
    : ok(shown);
}

function checkClock({ clockOffsetMs }: DaemonFacts): Finding {
  if (clockOffsetMs === null) {
    return { verdict: "skip", detail: "no peer's clock is known yet", remedy: null };
  }
  const seconds = (Math.abs(clockOffsetMs) / 1000).toFixed(1);
  const detail = `${seconds} s ${clockOffsetMs < 0 ? "behind" : "ahead of"} the peers' median`;
  const remedy = "set the clock, or let NTP do it (timedatectl set-ntp true)";
  if (Math.abs(clockOffsetMs) > offsetMsFail) return fail(detail, remedy);
  return Math.abs(clockOffsetMs) > offsetMsWarn ? warn(detail, remedy) : ok(detail);
}

const unreachable = "check the network and firewalls, or get a new ticket: coterie join TICKET";

function checkPeers({ connections, othersKnown }: DaemonFacts): Finding {
  if (connections > 0) return ok(`${connections} connected`);
  return othersKnown > 0
    ? warn(`none connected, of ${othersKnown} known`, unreachable)
    : ok("none yet: this node is alone in its network", "let others in: coterie invite");
}

function checkDht({ routingTableSize, connections, othersKnown }: DaemonFacts): Finding {
  if (routingTableSize > 0) return ok(`${routingTableSize} peers in the routing table`);
  return connections > 0 || othersKnown > 0
    ? warn("the routing table is empty", unreachable)
    : ok("empty: this node is alone in its network", "let others in: coterie invite");
}

function checkState({ writable, clockLeadMs }: DaemonFacts): Finding {
  if (!writable)
    return fail("the store takes no writes", "free space on the disk, or make it writable");
  if (clockLeadMs > limits.futureToleranceMs) {
    return fail(
      `the state's clock leads this machine's by ${Math.round(clockLeadMs / 1000)} s: writes are refused`,
      "set the clock; if it is right, wait until it has caught up",
    );
  }
  return ok("takes writes");
}

async function freeBytesOf(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}

function checkDisk(freeBytes: number): Finding {
  const detail = `${Math.floor(freeBytes / MiB)} MiB free`;
  const remedy = "free space on the disk of the data directory";
  if (freeBytes < 64 * MiB) return fail(detail, remedy);
  return freeBytes < 1024 * MiB ? warn(detail, remedy) : ok(detail);
}
