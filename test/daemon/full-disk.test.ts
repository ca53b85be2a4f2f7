import { describe, expect, test, vi } from "vitest";
import type { Doctor } from "../../src/control/schema.ts";
import { toCoterieError, type CoterieError } from "../../src/core/errors.ts";
import { coterie, type Outcome } from "./command.ts";
import { until, type DaemonProcess } from "./daemon-process.ts";
import { daemonOfTest } from "./fixture.ts";
import { noSmallDisk, smallDisk, type SmallDisk } from "./small-disk.ts";
import { readAll } from "./write-load.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const reason = noSmallDisk();
if (reason !== undefined) console.log(`skipped: ${reason}`);

const valueBytes = 100_000;
const upWords = ["up", "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"];

/** Writes ever new keys until the store refuses; adds what was acknowledged and returns the refusal. */
async function writeUntilRefused(
  { client }: DaemonProcess,
  acknowledged: Map<string, string>,
): Promise<CoterieError> {
  for (;;) {
    if (acknowledged.size * valueBytes > 2 ** 26) throw new Error("64 MB went onto a disk of 32");
    const key = `key-${acknowledged.size}`;
    const value = `${key} `.padEnd(valueBytes, "x");
    try {
      await client.kvPut("default", key, { kind: "text", bytes: Buffer.from(value) });
    } catch (error) {
      return toCoterieError(error);
    }
    acknowledged.set(key, value);
  }
}

function run(disk: SmallDisk, ...words: string[]): Promise<Outcome> {
  return coterie(words, { dataDir: disk.dataDir, through: disk.through ?? [] });
}

/** The names of doctor's checks that failed, and its exit code. */
async function diagnosis(disk: SmallDisk): Promise<{ code: number | null; failed: string[] }> {
  const { code, out } = await run(disk, "doctor", "--json");
  const { checks } = JSON.parse(out) as Doctor;
  return {
    code,
    failed: checks.filter(({ verdict }) => verdict === "fail").map(({ name }) => name),
  };
}

describe.skipIf(reason !== undefined)("on a disk of 32 MiB", () => {
  test("full: writes are refused with a code, reads go on, and space is all it needs to recover", async () => {
    const disk = await smallDisk();
    const daemon = await daemonOfTest(disk);
    const acknowledged = new Map<string, string>();
    expect(await writeUntilRefused(daemon, acknowledged)).toMatchObject({ code: "STORE_FULL" });
    disk.fill();
    expect(acknowledged.size).toBeGreaterThan(20);

    const put = await run(disk, "kv", "put", "one-more", "value");
    expect({ code: put.code, out: put.out }).toEqual({ code: 1, out: "" });
    expect(put.err).toMatch(/^coterie: the store .*free some; the daemon goes on by itself\n$/);
    expect((await daemon.client.status()).state.writable).toBe(false);
    expect(await readAll(daemon.client)).toEqual(acknowledged);
    const exported = await run(disk, "kv", "export");
    expect({ code: exported.code, err: exported.err }).toEqual({ code: 0, err: "" });
    expect(exported.out.trimEnd().split("\n")).toHaveLength(acknowledged.size);
    const found = await diagnosis(disk);
    expect(found.code).toBe(1);
    expect(found.failed).toEqual(expect.arrayContaining(["state", "disk"]));

    disk.free();
    expect(await run(disk, "kv", "put", "one-more", "value")).toMatchObject({ code: 0, err: "" });
    expect((await daemon.client.status()).state.writable).toBe(true);
    expect(daemon.log().map(({ message }) => message)).toEqual([
      "ready",
      "the store refuses writes",
      "the store takes writes again",
    ]);
  });

  test("kill -9 while it is full: it starts there again and has everything that was acknowledged", async () => {
    const disk = await smallDisk();
    const daemon = await daemonOfTest(disk);
    const acknowledged = new Map<string, string>();
    await writeUntilRefused(daemon, acknowledged);
    disk.fill();
    const inFlight = Array.from({ length: 8 }, (_, number) => {
      const value = { kind: "text", bytes: Buffer.from("lost") } as const;
      return daemon.client.kvPut("default", `lost-${number}`, value);
    });
    const [outcomes] = await Promise.all([Promise.allSettled(inFlight), daemon.kill()]);
    expect(outcomes.map(({ status }) => status)).toEqual(inFlight.map(() => "rejected"));

    const again = await daemonOfTest(disk);
    expect(await readAll(again.client)).toEqual(acknowledged);
    expect(await writeUntilRefused(again, acknowledged)).toMatchObject({ code: "STORE_FULL" });
    disk.free();
    const before = acknowledged.size;
    await writeUntilRefused(again, acknowledged);
    expect(acknowledged.size).toBeGreaterThan(before);
    expect(await readAll(again.client)).toEqual(acknowledged);
  });

  test("one that left starts again if there is little space, and if there is none says why not", async () => {
    const disk = await smallDisk();
    const daemon = await daemonOfTest(disk);
    await daemon.client.kvPut("default", "kept", { kind: "text", bytes: Buffer.from("value") });
    daemon.signal("SIGTERM");
    expect(await daemon.ended).toEqual({ code: 0, signal: null });

    disk.fill();
    const up = await run(disk, ...upWords, "--json");
    expect({ code: up.code, out: up.out }).toEqual({ code: 1, out: "" });
    expect(JSON.parse(up.err)).toMatchObject({ error: { code: "STORE_FULL" } });

    disk.free();
    disk.fill(1024 * 1024);
    const again = await daemonOfTest(disk);
    expect(await readAll(again.client)).toEqual(new Map([["kept", "value"]]));
    const status = await again.client.status();
    expect(status.members).toMatchObject({ alive: 0, left: 1 });
    expect(status.files).toBeNull();
    disk.free();
    await until("it is a member again", async () => {
      const { members } = await again.client.status();
      return members.alive === 1;
    });
  });

  test("read-only: writes are refused with a code, reads go on, and it recovers by itself", async () => {
    const disk = await smallDisk();
    const daemon = await daemonOfTest(disk);
    expect(await run(disk, "kv", "put", "kept", "value")).toMatchObject({ code: 0 });
    disk.makeReadOnly();
    const put = await run(disk, "kv", "put", "one-more", "value");
    expect({ code: put.code, out: put.out }).toEqual({ code: 1, out: "" });
    expect(put.err).toMatch(/^coterie: the store .*read-only; make it writable; .*\n$/);
    expect(await run(disk, "kv", "get", "kept")).toMatchObject({ code: 0, out: "value\n" });
    expect((await daemon.client.status()).state.writable).toBe(false);
    const { code, failed } = await diagnosis(disk);
    expect(code).toBe(1);
    expect(failed).toEqual(expect.arrayContaining(["state", "data-dir"]));

    disk.makeWritable();
    expect(await run(disk, "kv", "put", "one-more", "value")).toMatchObject({ code: 0, err: "" });
    expect(await readAll(daemon.client)).toEqual(
      new Map([
        ["kept", "value"],
        ["one-more", "value"],
      ]),
    );

    await daemon.kill();
    disk.makeReadOnly();
    const up = await run(disk, ...upWords, "--json");
    expect({ code: up.code, out: up.out }).toEqual({ code: 1, out: "" });
    expect(JSON.parse(up.err)).toMatchObject({ error: { code: "STORE_READ_ONLY" } });
  });
});
