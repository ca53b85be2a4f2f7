/** How a daemon ends, and what it does on the signals that do not end it. */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import type { LogRecord } from "../../src/control/schema.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { coterie } from "./command.ts";
import { launchDaemon, until, type DaemonProcess, type StartingDaemon } from "./daemon-process.ts";
import { daemonOfTest } from "./fixture.ts";
import { connected, joining } from "./pair.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const leavesWithinMs = 5_000;
const folder = mkdtempSync(join(tmpdir(), "coterie-test-"));
let staying: DaemonProcess;

beforeAll(async () => {
  staying = await launchDaemon({ dataDir: join(folder, "staying") });
});

afterAll(async () => {
  await staying.kill();
  rmSync(folder, { recursive: true, force: true });
});

async function neighbour(): Promise<DaemonProcess> {
  const words = await joining(staying);
  const daemon = await daemonOfTest({ dataDir: temporaryFolder(), words });
  await connected(staying, daemon);
  return daemon;
}

/** Waits until the staying daemon shows the other as `status`. */
async function seenAs(status: string, { info }: DaemonProcess): Promise<void> {
  await until(`its neighbour sees it as ${status}`, async () => {
    const { members } = await staying.client.members();
    return members.some((member) => member.peerId === info.peerId && member.status === status);
  });
}

function logged(daemon: StartingDaemon, message: string): LogRecord | undefined {
  return daemon.log().find((record) => record.message === message);
}

test.each(["SIGTERM", "SIGINT"] as const)(
  "%s: it says goodbye and exits with 0 within 5 s",
  async (signal) => {
    const leaver = await neighbour();
    await seenAs("alive", leaver);
    const askedMs = performance.now();
    leaver.signal(signal);
    expect(await leaver.ended).toEqual({ code: 0, signal: null });
    expect(performance.now() - askedMs).toBeLessThan(leavesWithinMs);
    await seenAs("left", leaver);
  },
);

test("coterie down: it is gone when the command returns; started again, it is alive again", async () => {
  const leaver = await neighbour();
  const { dataDir, peerId, pid } = leaver.info;
  const down = await coterie(["down", "--json"], { dataDir });
  expect({ code: down.code, err: down.err }).toEqual({ code: 0, err: "" });
  expect(JSON.parse(down.out)).toMatchObject({ stopped: true, pid });
  expect(await leaver.ended).toEqual({ code: 0, signal: null });
  await seenAs("left", leaver);
  expect(await coterie(["status"], { dataDir })).toMatchObject({ code: 3, out: "" });
  const back = await daemonOfTest({ dataDir });
  expect(back.info).toMatchObject({ peerId, created: false });
  await seenAs("alive", back);
});

/** An upload that never ends: stopping waits for it for a second. */
async function openUpload({ info }: DaemonProcess): Promise<void> {
  const upload = request({
    socketPath: info.socketPath,
    method: "PUT",
    path: "/v1/kv/default/slow",
    headers: {
      host: "localhost",
      "content-type": "text/plain",
      "content-length": 1_000,
      expect: "100-continue",
    },
  });
  onTestFinished(() => void upload.destroy());
  upload.flushHeaders();
  await once(upload, "continue");
  upload.on("error", () => undefined); // it is cut
}

test("a second INT forces, unless it comes together with the first", async () => {
  const daemon = await daemonOfTest({ dataDir: temporaryFolder() });
  await openUpload(daemon);
  const askedMs = performance.now();
  daemon.signal("SIGINT");
  daemon.signal("SIGINT");
  await until("it leaves", () => logged(daemon, "leaving") !== undefined);
  await until("the signals are apart", () => performance.now() - askedMs > 300);
  expect(logged(daemon, "forced to stop")).toBeUndefined();
  daemon.signal("SIGINT");
  expect(await daemon.ended).toEqual({ code: 1, signal: null });
  expect(logged(daemon, "forced to stop")?.fields).toEqual({ why: "SIGINT" });
});

test("it leaves when whoever started it dies before it said `release`", async () => {
  const daemon = await daemonOfTest({ dataDir: temporaryFolder() });
  daemon.stdin.end();
  expect(await daemon.ended).toEqual({ code: 0, signal: null });
  expect(logged(daemon, "leaving")?.fields).toEqual({ why: "its starter died" });
});

test("it stays when whoever started it said `release`", async () => {
  const daemon = await daemonOfTest({ dataDir: temporaryFolder() });
  daemon.stdin.end("release\n");
  for (const round of ["1", "2", "3"]) {
    const { written } = await daemon.client.kvPut("default", "here", {
      kind: "text",
      bytes: Buffer.from(round),
    });
    expect(written).toBe(1);
  }
  daemon.signal("SIGTERM");
  expect(await daemon.ended).toEqual({ code: 0, signal: null });
  expect(logged(daemon, "leaving")?.fields).toEqual({ why: "SIGTERM" });
});

test("HUP: what changed in the file takes effect and is logged; a broken file changes nothing", async () => {
  const dataDir = temporaryFolder();
  const daemon = await daemonOfTest({ dataDir });
  const settings = async (): Promise<Map<string, unknown>> =>
    new Map((await daemon.client.config()).items.map(({ key, value }) => [key, value]));
  const file = join(dataDir, "config.toml");
  expect((await settings()).get("log.level")).toBe("info");

  writeFileSync(file, '[log]\nlevel = "debug"\n');
  daemon.signal("SIGHUP");
  await until("it reloads", () => logged(daemon, "configuration reloaded") !== undefined);
  const change = { key: "log.level", from: '"info"', to: '"debug"' };
  expect(logged(daemon, "setting changed")?.fields).toEqual(change);
  expect((await settings()).get("log.level")).toBe("debug");
  await until("it logs at the new level", async () => {
    await daemon.client.status();
    return daemon.log().some(({ level }) => level === "debug");
  });

  const before = await settings();
  writeFileSync(file, '[log]\nlevel = "loud"\n');
  daemon.signal("SIGHUP");
  const refused = "the configuration was not reloaded";
  await until("it refuses", () => logged(daemon, refused) !== undefined);
  expect(logged(daemon, refused)).toMatchObject({ level: "error", fields: { code: "BAD_CONFIG" } });
  expect(logged(daemon, refused)?.fields["reason"]).toContain(
    `${file}:2: log.level must be one of`,
  );
  expect(await settings()).toEqual(before);
  expect(logged(daemon, "leaving")).toBeUndefined();
});
