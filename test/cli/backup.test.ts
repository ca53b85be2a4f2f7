import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { once } from "node:events";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { BackupReader, BackupWriter } from "../../src/core/backup-stream.ts";
import { start, run, startFake, temporaryFolder, type Fake } from "./cli.ts";
import { fakeState, networkId, peerA } from "./fake-daemon.ts";
import { runOnTerminal, runPiped } from "./terminal.ts";
import { waitUntil } from "../../testnet/wait-until.ts";

const folder = temporaryFolder();
let fake: Fake;

beforeAll(async () => {
  fake = await startFake(folder.path);
});
beforeEach(() => {
  Object.assign(fake.state, fakeState(folder.path));
});
afterAll(async () => {
  await fake.stop();
  folder[Symbol.dispose]();
});

function place(): string {
  const own = temporaryFolder();
  onTestFinished(() => own[Symbol.dispose]());
  return join(own.path, "node.backup");
}

const piped = (...words: string[]) => runPiped(words, folder.path);

/** Gives three bundles, and then what comes of `after`. */
async function* backupThat(
  after: (writer: BackupWriter) => Promise<Uint8Array | undefined>,
): AsyncGenerator<Uint8Array> {
  const writer = new BackupWriter();
  const whose = { version: "0.1.0", createdAt: 1_700_000_000_000, peerId: peerA, name: "falcon" };
  yield writer.write({
    kind: "info",
    info: { ...whose, network: { id: networkId, name: "home" } },
  });
  for (let count = 0; count < 3; count++) {
    yield writer.write({ kind: "bundles", entries: 100, bundles: [new Uint8Array(1_000)] });
  }
  const last = await after(writer);
  if (last !== undefined) yield last;
}

describe("a backup to a file", () => {
  test("is private, whole, alone in its folder, and called what it is", async () => {
    const file = place();
    const { code, out, err } = await piped("backup", file);
    expect(code).toBe(0);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(file, ".."))).toEqual(["node.backup"]);
    const bytes = readFileSync(file);
    const reader = new BackupReader();
    reader.push(bytes);
    reader.finish();
    expect(out).toBe(`0 entries, ${bytes.length} B, written to ${file}\n`);
    expect(err).toContain(`${file} holds this node's keys and the secret of its network`);
  });

  test("is a document with --json, and nothing else", async () => {
    const file = place();
    const { code, out, err } = await piped("backup", file, "--json");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(JSON.parse(out)).toEqual({
      file,
      bytes: statSync(file).size,
      entries: 0,
      digest: "ab".repeat(32),
      namespaces: [],
    });
  });

  test("shows how far it is, on a terminal", async () => {
    const sum = { entries: 250, digest: "ab".repeat(32), namespaces: [] };
    fake.state.backup = () => backupThat(async (writer) => writer.write({ kind: "end", sum }));
    const { code, err } = await runOnTerminal(["backup", place()], folder.path);
    expect(code).toBe(0);
    expect(err).toMatch(/\r[\d.]+ (KiB|B), \d+ entries/);
  });

  test.each<[string, () => Promise<undefined>]>([
    ["the daemon breaks off", () => Promise.reject(new Error("gone"))],
    ["it ends too early", () => Promise.resolve(undefined)],
  ])("leaves nothing and the old one alone when %s", async (_name, after) => {
    const file = place();
    for (const content of [undefined, "old"]) {
      if (content !== undefined) writeFileSync(file, content);
      fake.state.backup = () => backupThat(after);
      const { code, out, err } = await piped("backup", file, "--json");
      expect([code, out]).toEqual([1, ""]);
      expect(err).toMatch(/"(BAD_BACKUP|UNREACHABLE)"/);
      expect(readdirSync(join(file, ".."))).toEqual(content === undefined ? [] : ["node.backup"]);
    }
    expect(readFileSync(file, "utf8")).toBe("old");
  });

  test("that is killed has no name yet", async () => {
    const file = place();
    fake.state.backup = () => backupThat(() => new Promise(() => undefined));
    const child = start(["backup", file], { dataDir: folder.path });
    const partial = `${file}.${child.pid}.partial`;
    const arrived = () => existsSync(partial) && statSync(partial).size > 3_000;
    expect(await waitUntil(arrived, { timeoutMs: 10_000 })).toBe(true);
    expect(statSync(partial).mode & 0o777).toBe(0o600);
    child.kill("SIGKILL");
    await once(child, "close");
    expect(existsSync(file)).toBe(false);
  });
});

describe("a backup to stdout", () => {
  test("is the bytes, with the warning beside them", async () => {
    const { code, stdout, err } = await run(["backup", "-"], { dataDir: folder.path });
    expect(code).toBe(0);
    const reader = new BackupReader();
    expect(reader.push(stdout)).toHaveLength(2);
    reader.finish();
    expect(err).toContain("Keep it like a password");
  });

  test("goes to no terminal and into no document", async () => {
    for (const { code, out, err } of [
      await runOnTerminal(["backup", "-"], folder.path),
      await piped("backup", "-", "--json"),
    ]) {
      expect([code, out]).toEqual([2, ""]);
      expect(err).toContain("coterie backup FILE");
    }
  });
});

test("what is no backup is refused by verify and restore, with exit code 1", async () => {
  const file = place();
  writeFileSync(file, "no backup");
  const dataDir = join(file, "..", "node");
  for (const words of [
    ["backup", "--verify", file],
    ["restore", file, "--data-dir", dataDir],
  ]) {
    const { code, out, err } = await piped(...words);
    expect({ code, out, err }).toEqual({
      code: 1,
      out: "",
      err: `coterie: ${file}: it is not a backup of Coterie\n`,
    });
  }
  expect(existsSync(dataDir)).toBe(false);
});
