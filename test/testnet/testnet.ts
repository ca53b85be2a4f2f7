/** Testnets for tests: real daemons in a temporary folder, driven as a person would, gone after the test. */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { onTestFinished } from "vitest";
import { liveNodes, type LiveNode } from "../../testnet/nodes.ts";
import { killProcess, type ProcessIdentity } from "../../testnet/process-identity.ts";
import { readRecord, type TestnetRecord } from "../../testnet/record.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const root = join(import.meta.dirname, "../..");
export const launcher = join(root, "bin/coterie.js");

/** For a test with real daemons: several seconds on an idle machine, all of this only on one that has other work. */
export const patient = { timeout: 120_000 };

export type Outcome = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
};

export class Testnet {
  readonly dir: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #commands: ChildProcessWithoutNullStreams[] = [];

  /** In `dir`, which need not be there yet; whatever is left of it at the end of the test is killed. */
  constructor(dir = join(temporaryFolder(), "net"), env: Readonly<Record<string, string>> = {}) {
    this.dir = dir;
    this.#env = env;
    onTestFinished(async () => {
      for (const command of this.#commands) command.kill("SIGKILL");
      const left = [...this.processes(), ...this.#holders()];
      await Promise.all(left.map((identity) => killProcess(identity)));
    });
  }

  get record(): TestnetRecord {
    return readRecord(this.dir).record;
  }

  /** Of all nodes on record that have one; none before the first record and after the last. */
  processes(): ProcessIdentity[] {
    if (!existsSync(join(this.dir, "testnet.json"))) return [];
    return this.record.nodes.flatMap(({ process: found }) => found ?? []);
  }

  /** Who holds the network namespaces, if there are any. */
  #holders(): ProcessIdentity[] {
    if (!existsSync(join(this.dir, "testnet.json"))) return [];
    return [this.record.netns?.holder ?? []].flat();
  }

  live(): LiveNode[] {
    return liveNodes(this.record.nodes);
  }

  spawn(verb: string, ...words: readonly string[]): ChildProcessWithoutNullStreams {
    const env = {
      PATH: process.env["PATH"],
      HOME: tmpdir(),
      // most of a daemon's start is compiling what it is made of
      NODE_COMPILE_CACHE: join(root, "node_modules/.cache/coterie-testnet-tests"),
      ...this.#env,
    };
    const line = [launcher, "testnet", verb, "--dir", this.dir, ...words];
    const command = spawn(process.execPath, line, { env });
    this.#commands.push(command);
    return command;
  }

  /** `coterie testnet VERB ...` to its end, whatever that is. */
  async run(verb: string, ...words: readonly string[]): Promise<Outcome> {
    return outcomeOf(this.spawn(verb, ...words));
  }

  /** The same with `--json`, parsed; throws with what it said when it fails. */
  async json<T>(verb: string, ...words: readonly string[]): Promise<T> {
    const { code, out, err } = await this.run(verb, "--json", ...words);
    if (code !== 0) throw new Error(`testnet ${verb} ${words.join(" ")}: exit ${code}: ${err}`);
    return JSON.parse(out) as T;
  }
}

export async function outcomeOf(child: ChildProcessWithoutNullStreams): Promise<Outcome> {
  const { promise, resolve, reject } =
    Promise.withResolvers<[number | null, NodeJS.Signals | null]>();
  child.on("error", reject);
  child.on("close", (code, signal) => resolve([code, signal]));
  child.stdin.end();
  const [out, err, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    promise,
  ]);
  return { code, signal, out, err };
}

export async function startTestnet(count: number): Promise<Testnet> {
  const testnet = new Testnet();
  await testnet.json("up", "-n", String(count));
  return testnet;
}
