import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { acquireLock } from "../../src/host/lock.ts";
import { codedError } from "../coded-error.ts";
import { startChild, type Child } from "../start-child.ts";
import { temporaryFolder } from "../temporary-folder.ts";

async function contender(root: string): Promise<Child> {
  const child = startChild("host/lock-child.ts", [root]);
  await child.line((line) => line === "ready");
  return child;
}

async function tried(child: Child): Promise<string> {
  child.say("go");
  return child.line(() => true);
}

async function holder(root: string): Promise<Child> {
  const child = await contender(root);
  expect(await tried(child)).toBe("held");
  return child;
}

describe("the lock of a data directory", () => {
  test("keeps a second process out and names the first", async () => {
    const root = temporaryFolder();
    const first = await holder(root);
    const error = await codedError(() => acquireLock(root), "ALREADY_RUNNING");
    expect(error.message).toBe(`process ${first.pid} already uses ${root}`);
  });

  test("keeps the same process out a second time", async () => {
    const root = temporaryFolder();
    const lock = await acquireLock(root);
    await codedError(() => acquireLock(root), "ALREADY_RUNNING");
    lock.release();
    (await acquireLock(root)).release();
  });

  test("is free after a release, which may be repeated, and leaves no process id behind", async () => {
    const root = temporaryFolder();
    const lock = await acquireLock(root);
    lock.release();
    const next = await holder(root);
    lock.release();
    await codedError(() => acquireLock(root), "ALREADY_RUNNING");
    next.say("release");
    await next.line((line) => line === "released");
    expect(existsSync(join(root, "lock.pid"))).toBe(false);
  });

  test("is free at once after kill -9, whoever has the dead one's process id now", async () => {
    const root = temporaryFolder();
    const first = await holder(root);
    await first.kill();
    writeFileSync(join(root, "lock.pid"), `${process.pid}\n`);
    const second = await contender(root);
    expect(await tried(second)).toBe("held");
  });

  test("is not free while its holder is merely stopped", async () => {
    const root = temporaryFolder();
    const first = await holder(root);
    process.kill(first.pid, "SIGSTOP");
    await codedError(() => acquireLock(root), "ALREADY_RUNNING");
    process.kill(first.pid, "SIGCONT");
  });

  test("goes to exactly one of twenty at once, when it is new and when its holder was killed", async () => {
    const root = temporaryFolder();
    let contenders = await Promise.all(Array.from({ length: 20 }, () => contender(root)));
    for (let round = 0; round < 3; round++) {
      const outcomes = await Promise.all(contenders.map(tried));
      const [winner, ...others] = contenders.filter((_, index) => outcomes[index] === "held");
      expect(others).toEqual([]);
      const refusal = `ALREADY_RUNNING process ${winner?.pid} already uses ${root}`;
      expect(new Set(outcomes)).toEqual(new Set(["held", refusal]));
      await winner?.kill();
      contenders = contenders.filter((one) => one !== winner);
    }
  });

  test("is not taken on what is no lock file of ours", async () => {
    const root = temporaryFolder();
    writeFileSync(join(root, "lock"), "12345\n".repeat(200));
    const error = await codedError(() => acquireLock(root), "BAD_DATA_DIR");
    expect(error.hint).toMatch(/^remove .*\/lock/);
  });

  test("of a missing directory cannot be taken", async () => {
    const root = join(temporaryFolder(), "none");
    const error = await codedError(() => acquireLock(root), "BAD_DATA_DIR");
    expect(error.message).toContain(root);
  });
});
