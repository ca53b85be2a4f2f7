/** Starts peers (peer.ts) in processes of their own and calls them. */
import { fork, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export type PeerSettings = {
  readonly name: string;
  readonly folder: string;
  /** 32 bytes in hexadecimal; peers with the same one are one network. */
  readonly secret: string;
  readonly connectionsWanted: number;
};

export type PeerCommands = {
  openMs(): Promise<number>;
  start(): Promise<string>;
  connect(address: string): Promise<number>;
  cut(addresses: readonly string[]): Promise<void>;
  connections(): Promise<number>;
  topicPeers(): Promise<number>;
  write(prefix: string, count: number, batch: number): Promise<[number, number]>;
  fill(prefix: string, count: number, batch: number): Promise<number>;
  overwrite(prefix: string, from: number, count: number, step: number): Promise<void>;
  reached(count: number, sum: string): Promise<number>;
  hasKey(key: string): Promise<number>;
  put(key: string): Promise<number>;
  digest(): Promise<{ count: number; sum: string }>;
  usage(): Promise<{ cpuMs: number; rssBytes: number; storeBytes: number; syncBytes: number }>;
  stop(): Promise<void>;
};

const commandNames: readonly (keyof PeerCommands)[] = [
  "openMs",
  "start",
  "connect",
  "cut",
  "connections",
  "topicPeers",
  "write",
  "fill",
  "overwrite",
  "reached",
  "hasKey",
  "put",
  "digest",
  "usage",
  "stop",
];

export type PeerProcess = PeerCommands & {
  readonly folder: string;
  /** Stops it and ends the process; the folder stays. */
  end(): Promise<void>;
};

type Answer = { readonly id: number; readonly result?: unknown; readonly error?: string };

const program = join(import.meta.dirname, "peer.ts");
const startMs = 30_000;

async function launch(settings: PeerSettings): Promise<PeerProcess> {
  mkdirSync(settings.folder, { recursive: true });
  const child = fork(program, [JSON.stringify(settings)]);
  const waiting = new Map<number, (answer: Answer) => void>();
  let last = 0;
  const answered = (id: number): Promise<Answer> =>
    new Promise((resolve) => waiting.set(id, resolve));
  const ready = answered(0);
  child.on("message", (answer: Answer) => {
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  const died = new Promise<never>((_, reject) => {
    child.once("exit", (code) => reject(new Error(`peer ${settings.name} ended with ${code}`)));
  });
  died.catch(() => undefined); // whoever waits for an answer hears of it
  const tooLate = sleep(startMs, undefined, { ref: false }).then(() => {
    throw new Error(`peer ${settings.name} did not start within ${startMs} ms`);
  });
  await Promise.race([ready, died, tooLate]);
  const call = async (name: string, given: readonly unknown[]): Promise<unknown> => {
    const id = ++last;
    child.send({ id, name, given });
    const { result, error } = await Promise.race([answered(id), died]);
    if (error !== undefined) throw new Error(`${name} on ${settings.name}: ${error}`);
    return result;
  };
  const end = async (): Promise<void> => {
    await call("stop", []);
    await ended(child);
  };
  const commands = Object.fromEntries(
    commandNames.map((name) => [name, (...given: unknown[]) => call(name, given)]),
  ) as PeerCommands;
  return { ...commands, folder: settings.folder, end };
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.disconnect();
  });
}

/** Peers of one network, in one temporary folder. */
export class Bench {
  readonly folder = mkdtempSync(join(tmpdir(), "coterie-bench-"));
  readonly #secret = Array.from({ length: 32 }, () =>
    Math.floor(Math.random() * 256)
      .toString(16)
      .padStart(2, "0"),
  ).join("");
  readonly #running = new Set<PeerProcess>();

  async peer(name: string, connectionsWanted = 0): Promise<PeerProcess> {
    const folder = join(this.folder, name);
    const started = await launch({ name, folder, secret: this.#secret, connectionsWanted });
    this.#running.add(started);
    return started;
  }

  async end(peer: PeerProcess): Promise<void> {
    this.#running.delete(peer);
    await peer.end();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running].map((peer) => this.end(peer)));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Bytes that crossed the loopback interface so far, with all headers; nobody else is on it when we have our own. */
export function wireBytes(): number {
  const line = readFileSync("/proc/net/dev", "utf8")
    .split("\n")
    .find((text) => text.includes("lo:"));
  return Number(line?.trim().split(/[\s:]+/)[1] ?? Number.NaN);
}

export async function until(
  what: string,
  holds: () => Promise<boolean>,
  ms = 30_000,
): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited ${ms} ms in vain: ${what}`);
    await sleep(20);
  }
}
