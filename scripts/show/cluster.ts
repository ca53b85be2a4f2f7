/** The testnet that is measured: driven by the command line as a person would, looked into by the client. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { liveNodes, type LiveNode } from "../../testnet/nodes.ts";
import { readRecord } from "../../testnet/record.ts";

const launcher = join(import.meta.dirname, "../../bin/coterie.js");

export class Cluster {
  readonly count: number;
  readonly #parent = mkdtempSync(join(tmpdir(), "coterie-show-"));
  readonly dir = join(this.#parent, "net");

  constructor(count: number) {
    this.count = count;
  }

  nodes(): LiveNode[] {
    return liveNodes(readRecord(this.dir).record.nodes);
  }

  /** Its progress goes to our stderr. Throws when it fails. */
  async run(verb: string, ...words: readonly string[]): Promise<void> {
    const line = [launcher, "testnet", verb, "--dir", this.dir, ...words];
    const child = spawn(process.execPath, line, { stdio: ["ignore", "ignore", "inherit"] });
    const [code] = (await once(child, "exit")) as [number | null];
    if (code !== 0) throw new Error(`testnet ${verb} ${words.join(" ")} ended with ${code}`);
  }

  async end(): Promise<void> {
    await this.run("down");
    rmSync(this.#parent, { recursive: true });
  }
}
