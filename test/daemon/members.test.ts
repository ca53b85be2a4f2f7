/** Five daemons: one is killed, one stands still and goes on, one leaves; what the others say of it, and how soon. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Member } from "../../src/control/schema.ts";
import { coterie } from "./command.ts";
import { launchDaemon, until, type DaemonProcess } from "./daemon-process.ts";
import { joining } from "./pair.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const folder = mkdtempSync(join(tmpdir(), "coterie-test-"));
const daemons: DaemonProcess[] = [];

beforeAll(async () => {
  const first = await launchDaemon({ dataDir: join(folder, "0") });
  daemons.push(first);
  const words = await joining(first);
  const start = (name: string) => launchDaemon({ dataDir: join(folder, name), words });
  daemons.push(...(await Promise.all(["1", "2", "3", "4"].map(start))));
  await until("all see all alive and are connected", async () => {
    const statuses = await Promise.all(daemons.map(({ client }) => client.status()));
    return statuses.every(({ members, connections }) => members.alive === 5 && connections === 4);
  });
});

afterAll(async () => {
  await Promise.all(daemons.map((daemon) => daemon.kill()));
  rmSync(folder, { recursive: true, force: true });
});

async function statusesOf(victim: DaemonProcess): Promise<Member["status"][]> {
  const others = daemons.filter((daemon) => daemon !== victim);
  const answers = await Promise.all(others.map(({ client }) => client.members()));
  return answers.flatMap(({ members }) =>
    members.flatMap(({ peerId, status }) => (peerId === victim.info.peerId ? [status] : [])),
  );
}

/** Waits until all others show it so; how long that took. */
async function seen(
  victim: DaemonProcess,
  as: Member["status"],
  withinMs: number,
): Promise<number> {
  const fromMs = performance.now();
  await until(
    `all others see it as ${as}`,
    async () => (await statusesOf(victim)).every((status) => status === as),
    withinMs,
  );
  return performance.now() - fromMs;
}

async function noOtherIsWronged(victim: DaemonProcess): Promise<void> {
  for (const { client } of daemons.filter((daemon) => daemon !== victim)) {
    const { members } = await client.members();
    const others = members.filter(({ peerId }) => peerId !== victim.info.peerId);
    expect(others.filter(({ status }) => status !== "alive")).toEqual([]);
  }
}

test("tags that one sets are seen by all after a reload, and found by them", async () => {
  const [asking, tagged] = [daemons[0]!, daemons[4]!];
  const found = async (tag: string): Promise<string[]> => {
    const { members } = await asking.client.members({ tag: [tag], status: "alive" });
    return members.map(({ peerId }) => peerId);
  };
  const place = { dataDir: join(folder, "4") };
  expect((await coterie(["config", "set", "tags.role=worker"], place)).code).toBe(0);
  const reloaded = await coterie(["config", "reload", "--json"], place);
  expect(JSON.parse(reloaded.out)).toEqual({
    changed: [{ key: "tags", from: {}, to: { role: "worker" } }],
    needRestart: [],
  });
  await until("it is found by its tag", async () => (await found("role=worker")).length === 1);
  expect(await found("role=worker")).toEqual([tagged.info.peerId]);
  expect((await coterie(["config", "unset", "tags.role"], place)).code).toBe(0);
  tagged.signal("SIGHUP");
  await until("it is found no more", async () => (await found("role=worker")).length === 0);
});

test("one that stands still is failed within 10 s, and alive again everywhere when it goes on", async () => {
  const victim = daemons[1]!;
  victim.signal("SIGSTOP");
  const failedMs = await seen(victim, "failed", 10_000);
  await noOtherIsWronged(victim);
  victim.signal("SIGCONT");
  const backMs = await seen(victim, "alive", 10_000);
  await until("it sees all alive itself", async () => {
    return (await victim.client.status()).members.alive === 5;
  });
  console.info(`stopped: failed after ${failedMs | 0} ms, back after ${backMs | 0} ms`);
});

test("one that leaves is left within 3 s", async () => {
  const victim = daemons[2]!;
  victim.signal("SIGTERM");
  const leftMs = await seen(victim, "left", 3_000);
  await victim.ended;
  await noOtherIsWronged(victim);
  console.info(`left after ${leftMs | 0} ms`);
  daemons.splice(2, 1);
});

test("one that is killed is failed within 6 s", async () => {
  const victim = daemons[3]!;
  await victim.kill();
  const failedMs = await seen(victim, "failed", 6_000);
  const { members } = await daemons[0]!.client.members();
  const standings = members.map(({ status }) => status).toSorted();
  expect(standings).toEqual(["alive", "alive", "alive", "failed", "left"]);
  console.info(`killed: failed after ${failedMs | 0} ms`);
});
