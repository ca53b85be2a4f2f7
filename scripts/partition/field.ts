/** The testnet that is cut: `coterie testnet`, in this process, on a folder of its own. */
import { join } from "node:path";
import { Writable } from "node:stream";
import { main } from "../../testnet/main.ts";
import type { Client } from "../../src/control/client.ts";
import { liveNodes, type LiveNode } from "../../testnet/nodes.ts";
import { readRecord, type TestnetRecord } from "../../testnet/record.ts";

const launcher = join(import.meta.dirname, "../../bin/coterie.js");
const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });

export class Field {
  readonly dir: string;
  /** By socket, and kept: each new one would leave a connection open for some seconds. */
  readonly #clients = new Map<string, Client>();

  constructor(dir: string) {
    this.dir = dir;
  }

  record(): TestnetRecord {
    return readRecord(this.dir).record;
  }

  /** Nodes that run. */
  live(): LiveNode[] {
    return liveNodes(this.record().nodes).map(({ node, client }) => {
      const path = node.socketPath ?? "";
      const kept = this.#clients.get(path) ?? client;
      this.#clients.set(path, kept);
      return { node, client: kept };
    });
  }

  /** The node, while it runs. */
  find(index: number): LiveNode | undefined {
    return this.live().find(({ node }) => node.index === index);
  }

  /** What `coterie testnet VERB WORDS` does. Throws as it does. */
  async run(verb: string, ...words: readonly string[]): Promise<void> {
    const { stdin, env } = process;
    const [stdout, stderr] = [nowhere, nowhere] as unknown as NodeJS.WriteStream[];
    const io = { stdin, stdout: stdout!, stderr: stderr!, env };
    const code = await main([verb, "--json", "--dir", this.dir, ...words], io, launcher);
    if (code !== 0) throw new Error(`testnet ${verb} ${words.join(" ")} ended with ${code}`);
  }

  /** Daemons live on without us: who is told to stop takes them down first. */
  downWhenStopped(): void {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.once(signal, () => void this.run("down").finally(() => process.exit(1)));
    }
  }
}
