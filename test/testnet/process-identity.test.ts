import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import {
  fromPs,
  identify,
  isRunning,
  killProcess,
  signalProcess,
  stopProcess,
  type ProcessIdentity,
} from "../../testnet/process-identity.ts";
import { waitUntil } from "../../testnet/wait-until.ts";

function startScript(script: string): { child: ChildProcess; identity: ProcessIdentity } {
  const child = spawn(
    process.execPath,
    ["-e", `${script}; console.log("on"); setInterval(() => {}, 1000)`],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  onTestFinished(() => void child.kill("SIGKILL"));
  const identity = identify(child.pid ?? 0);
  if (identity === undefined) throw new Error("the child did not start");
  return { child, identity };
}

test("a process that only has the id of the one on record is left alone", async () => {
  const { child, identity } = startScript("");
  const former = { ...identity, startedAt: `${identity.startedAt}0` };
  expect(isRunning(former)).toBe(false);
  expect(signalProcess(former, "SIGKILL")).toBe(false);
  expect(await killProcess(former)).toBe(true);
  expect(await stopProcess(former)).toBe(true);
  expect(child.exitCode ?? child.signalCode).toBeNull();
  expect(isRunning(identity)).toBe(true);
});

test("stopping asks first, and kills what does not leave", async () => {
  const polite = startScript('process.on("SIGTERM", () => process.exit(7))');
  const deaf = startScript('process.on("SIGTERM", () => {})');
  await Promise.all([polite, deaf].map(({ child }) => once(child.stdout!, "data")));
  const ends = Promise.all([polite, deaf].map(({ child }) => once(child, "exit")));
  expect(await stopProcess(polite.identity)).toBe(true);
  expect(await stopProcess(deaf.identity, 100)).toBe(true);
  expect(await ends).toEqual([
    [7, null],
    [null, "SIGKILL"],
  ]);
});

test("a process that has ended does not run, even while nobody collects it", async () => {
  const parent = spawn("sh", ["-c", "true & echo $!; exec sleep 60"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void parent.kill("SIGKILL"));
  const [pid] = (await once(parent.stdout, "data")) as [Buffer];
  const gone = (): boolean => identify(Number(pid.toString())) === undefined;
  expect(await waitUntil(gone, { timeoutMs: 5_000 })).toBe(true);
});

test("no process is found under an id that none has", () => {
  expect(identify(2 ** 30)).toBeUndefined();
  expect(fromPs(2 ** 30)).toBeUndefined();
});

test("where there is no /proc, ps tells when a process started", () => {
  const { identity } = startScript("");
  const first = fromPs(identity.pid);
  expect(first?.startedAt).toMatch(/^\w{3} \w{3} +\d+ [\d:]{8} \d{4}$/);
  expect(fromPs(identity.pid)?.startedAt).toBe(first?.startedAt);
  expect(fromPs(process.ppid)?.startedAt).not.toBe(first?.startedAt);
});
