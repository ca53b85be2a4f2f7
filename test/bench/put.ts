/** Single puts through the control API of a real daemon, each acknowledged when it is on disk. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { percentile } from "../../scripts/show/measure.ts";
import { createClient } from "../../src/control/client.ts";
import { openLmdbStore } from "../../src/host/lmdb-store.ts";
import { until } from "./peers.ts";
import type { Benchmark } from "./report.ts";

const puts = 500;
const program = join(import.meta.dirname, "../../bin/coterie.js");

async function times(count: number, put: (index: number) => Promise<unknown>): Promise<number[]> {
  const taken: number[] = [];
  for (let index = 0; index < count; index++) {
    const startedAt = performance.now();
    await put(index);
    taken.push(performance.now() - startedAt);
  }
  return taken;
}

async function ofDaemon(folder: string): Promise<number[]> {
  const words = ["up", "--data-dir", folder, "--listen", "/ip4/127.0.0.1/tcp/0", "--no-mdns"];
  const daemon = spawn(process.execPath, [program, ...words], { stdio: "ignore" });
  try {
    const client = createClient(join(folder, "control.sock"));
    await until("the daemon answers", () =>
      client.status().then(
        () => true,
        () => false,
      ),
    );
    const bytes = new Uint8Array(64);
    const put = (index: number): Promise<unknown> =>
      client.kvPut("default", `put/${index}`, { kind: "bytes", bytes });
    await times(50, put);
    return await times(puts, put);
  } finally {
    const gone = once(daemon, "exit");
    daemon.kill("SIGTERM");
    await gone;
  }
}

async function ofLmdb(folder: string): Promise<number[]> {
  const store = openLmdbStore(folder);
  const taken = await times(puts, async (index) => {
    store.transaction((tx) => tx.put(Buffer.from(`put/${index}`), new Uint8Array(64)));
    await store.flushed();
  });
  await store.close();
  return taken;
}

export const put: Benchmark = {
  name: "put",
  about: `${puts} single puts through the API of a daemon, one after the other`,
  async run(runs, say) {
    const p50: number[] = [];
    const p99: number[] = [];
    const plain: number[] = [];
    for (let run = 0; run < runs; run++) {
      say(`run ${run + 1} of ${runs}`);
      const folder = mkdtempSync(join(tmpdir(), "coterie-bench-"));
      try {
        const taken = await ofDaemon(join(folder, "daemon"));
        p50.push(percentile(taken, 50));
        p99.push(percentile(taken, 99));
        plain.push(percentile(await ofLmdb(join(folder, "lmdb")), 50));
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }
    return [
      { what: "acknowledged put, p50", unit: "ms", values: p50 },
      { what: "acknowledged put, p99", unit: "ms", values: p99 },
      { what: "lmdb alone, a flush each, p50", unit: "ms", values: plain },
    ];
  },
};
