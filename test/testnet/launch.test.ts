import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { launch, logPath, type Launched } from "../../testnet/launch.ts";
import { isRunning } from "../../testnet/process-identity.ts";
import { createRecord, readRecord } from "../../testnet/record.ts";
import { waitUntil } from "../../testnet/wait-until.ts";
import { codedError } from "../coded-error.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { runMain } from "./fake-io.ts";

/** A stand-in for bin/coterie.js, started as a daemon would be. */
function launchScript(script: string): Launched & { readonly log: string } {
  const folder = temporaryFolder();
  const launcher = join(folder, "coterie.mjs");
  writeFileSync(launcher, script);
  const dir = createRecord(join(folder, "net"), ["/ip4/127.0.0.1/tcp/0"]);
  const [node] = readRecord(dir).record.nodes;
  const launched = launch(node!, { launcher, env: process.env });
  onTestFinished(async () => void (await launched.stop()));
  return { ...launched, log: logPath(node!.dataDir) };
}

const forever = AbortSignal.any([]);

test("a daemon that gives up is quoted", async () => {
  const refusal = JSON.stringify({ error: { code: "BAD_CONFIG", message: "unknown key" } });
  const launched = launchScript(`console.error('an old line'); console.error('${refusal}')`);
  const error = await codedError(() => launched.ready(10_000, forever), "INTERNAL");
  expect(error.message).toBe("node-0 ended before it was ready: unknown key");
  expect(error.hint).toContain("node-0/daemon.log");
});

test("a daemon that dies without a word is reported by how it ended", async () => {
  const launched = launchScript("process.kill(process.pid, 'SIGSEGV')");
  const error = await codedError(() => launched.ready(10_000, forever), "INTERNAL");
  expect(error.message).toBe("node-0 ended before it was ready: SIGSEGV");
});

test("a daemon that does not get ready is not waited for in vain, and can be stopped", async () => {
  const launched = launchScript("setInterval(() => {}, 1000)");
  await codedError(() => launched.ready(50, forever), "TIMEOUT");
  expect(isRunning(launched.process)).toBe(true);
  expect(await launched.stop()).toBe(true);
  expect(isRunning(launched.process)).toBe(false);
});

test("a daemon hears release on its lifeline and then its end", async () => {
  const launched = launchScript(
    `console.log(JSON.stringify({ peerId: "p", socketPath: "s", addresses: [] }));
     process.stdin.pipe(process.stderr);`,
  );
  expect(await launched.ready(10_000, forever)).toMatchObject({ peerId: "p", socketPath: "s" });
  expect(isRunning(launched.process)).toBe(true);
  await launched.release();
  expect(await waitUntil(() => !isRunning(launched.process), { timeoutMs: 10_000 })).toBe(true);
  expect(readFileSync(launched.log, "utf8")).toBe("release\n");
});

test("an up whose daemons give up keeps their logs until down", async () => {
  const folder = temporaryFolder();
  const launcher = join(folder, "coterie.mjs");
  writeFileSync(launcher, "console.error('what went wrong'); process.exit(1)");
  const dir = join(folder, "net");
  await codedError(() => runMain(["up", "-n", "2", "--dir", dir], launcher), "INTERNAL");
  const { out } = await runMain(["logs", "0", "--dir", dir]);
  expect(out).toBe("what went wrong\n");
  await runMain(["down", "--dir", dir]);
  expect(existsSync(dir)).toBe(false);
});
