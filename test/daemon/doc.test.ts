/** Two people edit one file, each on a machine of their own, while the machines cannot reach one another. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { coterie } from "./command.ts";
import { launchDaemon, until, type DaemonProcess } from "./daemon-process.ts";
import { connected, joining } from "./pair.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const folder = mkdtempSync(join(tmpdir(), "coterie-test-"));
let one: DaemonProcess;
let other: DaemonProcess;

beforeAll(async () => {
  const words = ["--enable-faults"];
  one = await launchDaemon({ dataDir: join(folder, "one"), words });
  const more = [...words, ...(await joining(one))];
  other = await launchDaemon({ dataDir: join(folder, "other"), words: more });
  await connected(one, other);
});

afterAll(async () => {
  await Promise.all([one.kill(), other.kill()]);
  rmSync(folder, { recursive: true, force: true });
});

const fileOf = (at: DaemonProcess): string => join(folder, `${at === one ? "one" : "other"}.md`);

async function edit(at: DaemonProcess): Promise<string> {
  const words = ["doc", "edit", "paper", fileOf(at)];
  const { code, err } = await coterie(words, { dataDir: at.info.dataDir });
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return readFileSync(fileOf(at), "utf8");
}

const text = async (at: DaemonProcess): Promise<string> =>
  (await at.client.docGet("default", "paper").catch(() => ({ text: "" }))).text;

async function cut(isCut: boolean): Promise<void> {
  for (const [at, from] of [
    [one, other],
    [other, one],
  ] as const) {
    await at.client.setFaults({ blockedPeers: isCut ? [from.info.peerId] : [] });
  }
}

test("after the heal both files hold both edits, and a restart changes nothing", async () => {
  const base = Array.from({ length: 20 }, (_, line) => `line ${line} of the paper\n`).join("");
  writeFileSync(fileOf(one), base);
  await edit(one);
  await until("the other has it", async () => (await text(other)) === base);
  expect(await edit(other)).toBe(base);

  await cut(true);
  writeFileSync(
    fileOf(one),
    base.replace("line 3 of", "line three of").replace("line 9 of the", "line 9 of one's"),
  );
  writeFileSync(
    fileOf(other),
    `a title\n${base.replace("line 9 of the paper", "line 9 of the other's paper")}`,
  );
  await edit(one);
  await edit(other);
  expect(await text(one)).not.toContain("a title");
  await cut(false);

  const both = async (): Promise<boolean> => {
    const [ours, theirs] = [await text(one), await text(other)];
    return ours === theirs && ours.includes("a title") && ours.includes("line three");
  };
  await until("both hold both", both, 20_000);
  const files = [await edit(one), await edit(other)];
  expect(files[0]).toBe(files[1]);
  for (const part of ["a title\n", "line three of", "one's", "other's", "line 19 of the paper\n"]) {
    expect(files[0]).toContain(part);
  }

  const { dataDir } = one.info;
  await one.kill();
  one = await launchDaemon({ dataDir, words: ["--enable-faults"] });
  expect(await text(one)).toBe(files[0]);
});
