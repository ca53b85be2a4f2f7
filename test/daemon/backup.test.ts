/** A node is backed up while it writes, dies, and comes back from the backup. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import type { BackupReport, RestoreReport } from "../../src/cli/loaders.ts";
import type { Client } from "../../src/control/client.ts";
import { seededRandom } from "../seeded-random.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { coterie } from "./command.ts";
import { plainEnvironment, program, until, type DaemonProcess } from "./daemon-process.ts";
import { daemonOfTest } from "./fixture.ts";
import { connected, joining } from "./pair.ts";
import { WriteHistory } from "./write-history.ts";
import { WriteLoad } from "./write-load.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** More than the buffers on the way from a daemon to a client that does not read. */
const ballastBytes = 8 * 1024 * 1024;
const valueBytes = 200 * 1024;

async function fill(client: Client): Promise<void> {
  const value = { kind: "bytes", bytes: Buffer.alloc(valueBytes, "ballast ") } as const;
  const keys = Array.from({ length: ballastBytes / valueBytes }, (_, index) => `ballast/${index}`);
  await Promise.all(keys.map((key) => client.kvPut("ballast", key, value)));
}

async function json<T>(words: readonly string[], dataDir?: string): Promise<T> {
  const { code, out, err } = await coterie(
    [...words, "--json"],
    dataDir === undefined ? {} : { dataDir },
  );
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return JSON.parse(out) as T;
}

/** Reads a backup slowly, so that `between` happens in its midst. */
async function backUp(
  client: Client,
  file: string,
  between: () => Promise<unknown>,
): Promise<void> {
  const out = createWriteStream(file, { mode: 0o600 });
  let pauses = 0;
  for await (const chunk of client.backup()) {
    if (!out.write(chunk)) await once(out, "drain");
    if (++pauses < 20) await between();
  }
  out.end();
  await once(out, "close");
}

const stateOf = async ({ client }: DaemonProcess) => (await client.status()).state;

test("a node comes back from a backup that was made while it wrote", async () => {
  const folder = temporaryFolder();
  const one = await daemonOfTest({ dataDir: join(folder, "one") });
  const other = await daemonOfTest({ dataDir: join(folder, "other"), words: await joining(one) });
  await connected(one, other);
  await fill(one.client);
  const oldWriter = (await one.client.identity()).writer;
  const value = { kind: "text", bytes: Buffer.from("here") } as const;
  await one.client.kvPut("default", "before", value);

  const history = new WriteHistory();
  const load = new WriteLoad(one.client, history, seededRandom(7));
  const file = join(folder, "node.backup");
  const before = await stateOf(one);
  await backUp(one.client, file, async () => {
    const sofar = history.acknowledged;
    await until("it has written meanwhile", () => history.acknowledged > sofar + 20);
  });
  await load.end();
  const report = await json<BackupReport>(["backup", "--verify", file]);
  expect(report).toMatchObject({ peerId: one.info.peerId, owner: true });
  expect(report.digest).not.toBe(before.digest);
  await one.kill();
  const dataDir = join(folder, "again");
  const restored = await json<RestoreReport>(["restore", file], dataDir);
  expect(restored).toMatchObject({ ...report, dataDir, identity: "same" });
  expect(restored.entries).toBeGreaterThan(ballastBytes / valueBytes);

  const again = await daemonOfTest({ dataDir, words: await joining(other) });
  expect(again.info.peerId).toBe(one.info.peerId);
  expect((await again.client.identity()).writer).not.toBe(oldWriter);
  expect(await again.client.kvGet("default", "before")).toMatchObject({ value: "here" });
  await again.client.kvPut("default", "after", value);
  await until("the two agree", async () => {
    const [ours, theirs] = await Promise.all([stateOf(again), stateOf(other)]);
    return ours.digest === theirs.digest;
  });
  expect(await other.client.kvGet("default", "after")).toMatchObject({ value: "here" });
  for (const node of [again, other]) {
    expect(await stateOf(node)).toMatchObject({ forks: 0, quarantined: 0, writable: true });
  }
});

test("a daemon that is killed while it is backed up leaves no half file", async () => {
  const folder = temporaryFolder();
  const daemon = await daemonOfTest({ dataDir: join(folder, "one") });
  await fill(daemon.client);
  const file = join(folder, "files", "node.backup");
  mkdirSync(join(folder, "files"));
  const words = [program, "backup", file, "--data-dir", daemon.info.dataDir];
  const child = spawn(process.execPath, words, { env: plainEnvironment(), stdio: "ignore" });
  const ended = once(child, "close");
  onTestFinished(() => void child.kill("SIGKILL"));
  await until("it has begun", () => readdirSync(join(folder, "files")).length > 0);
  await daemon.kill();
  const [code] = await ended;
  if (code === 0) await json(["backup", "--verify", file]); // it was quicker
  else expect({ code, left: readdirSync(join(folder, "files")) }).toEqual({ code: 1, left: [] });
});
