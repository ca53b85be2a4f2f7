/** Runs the command line in this process: as if on a terminal of 80x24, or as if piped. */
import { Readable, Writable } from "node:stream";
import { main } from "../../src/cli/main.ts";
import type { Io } from "../../src/cli/io.ts";
import * as dataDir from "../../src/host/data-dir.ts";
import * as rooms from "./fake-rooms.ts";

class Screen extends Writable {
  readonly isTTY: boolean;
  readonly columns = 80;
  readonly rows = 24;
  text = "";

  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

type Outcome = { readonly code: number; readonly out: string; readonly err: string };

async function runHere(words: readonly string[], folder: string, isTTY: boolean): Promise<Outcome> {
  const stdout = new Screen(isTTY);
  const stderr = new Screen(isTTY);
  const env = { COTERIE_DATA_DIR: folder };
  const io = { stdin: Readable.from([]), stdout, stderr, env } as unknown as Io;
  const loaders = {
    version: () => "0.1.0",
    dataDir: async () => dataDir,
    daemon: async () => rooms,
    offline: async () => rooms,
    backup: () => import("../../src/backup/backup.ts"),
    testnet: async () => rooms,
  };
  return { code: await main(words, loaders, io), out: stdout.text, err: stderr.text };
}

export function runOnTerminal(words: readonly string[], folder: string): Promise<Outcome> {
  return runHere(words, folder, true);
}

/** As a child process would, but without the price of one. */
export function runPiped(words: readonly string[], folder: string): Promise<Outcome> {
  return runHere(words, folder, false);
}
