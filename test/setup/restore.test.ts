import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { restoreBackup, verifyBackup } from "../../src/backup/backup.ts";
import { toHex } from "../../src/core/codec.ts";
import { systemClock } from "../../src/host/clock.ts";
import { acquireLock } from "../../src/host/lock.ts";
import { ensureNode, initNode, joinNode, loadNode } from "../../src/offline.ts";
import { encodeTicket } from "../../src/core/ticket.ts";
import { stateDigest } from "../../src/state-digest.ts";
import { codedError } from "../coded-error.ts";
import { startChild } from "../start-child.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { backedUp, withState, writeKeys, type Backed } from "./backup-fixture.ts";

const newDir = (): string => join(temporaryFolder(), "node");

/** What lies in a data directory besides its locks. */
const contentOf = (dataDir: string): string[] =>
  readdirSync(dataDir).filter((name) => !name.startsWith("lock"));

/** The same backup with other bytes, in a file of its own. */
function changed(bytes: Uint8Array): string {
  const file = join(temporaryFolder(), "changed.backup");
  writeFileSync(file, bytes);
  return file;
}

const nodeFiles = [
  "addresses.json",
  "bootstrap.json",
  "config.toml",
  "identity.key",
  "network.json",
  "owner.key",
  "services.json",
];

describe("a restore", () => {
  test("makes the node that was backed up, with a writer of its own", async () => {
    const backed = await backedUp(500);
    const dataDir = newDir();
    const report = await restoreBackup({ file: backed.file, dataDir });
    const { peer } = backed.node.identity;
    expect(report).toMatchObject({
      dataDir,
      peerId: peer,
      name: "falcon",
      identity: "same",
      owner: true,
      leadMs: 0,
      bytes: backed.bytes.length,
      ...backed.digest,
    });
    expect(contentOf(dataDir).toSorted()).toEqual([...nodeFiles, "store"]);
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
    for (const name of nodeFiles) {
      expect(statSync(join(dataDir, name)).mode & 0o777).toBe(0o600);
      const before = readFileSync(join(backed.node.paths.root, name), "utf8");
      expect(readFileSync(join(dataDir, name), "utf8")).toBe(before);
    }
    const node = await loadNode(dataDir);
    const nonce = await withState(node, (state) => {
      expect(stateDigest(state)).toEqual(backed.digest);
      return toHex(state.writer.subarray(32));
    });
    const old = await withState(backed.node, (state) => toHex(state.writer.subarray(32)));
    expect(nonce).not.toBe(old);
  });

  test("with a new identity makes another node of the same network and state", async () => {
    const backed = await backedUp(3);
    const dataDir = newDir();
    mkdirSync(dataDir);
    const report = await restoreBackup({ file: backed.file, dataDir, newIdentity: true });
    const node = await loadNode(dataDir);
    expect(node.identity.peer).not.toBe(backed.node.identity.peer);
    expect(report).toMatchObject({ peerId: node.identity.peer, identity: "new", owner: true });
    expect(toHex(node.network.id)).toBe(toHex(backed.node.network.id));
    expect(node.owner?.peer).toBe(backed.node.owner?.peer);
    await withState(node, (state) => expect(stateDigest(state)).toEqual(backed.digest));
  });

  test("gives the state at the end of the backup, whatever was written meanwhile", async () => {
    let writes = 0;
    let pauses = 0;
    const { file, digest } = await backedUp(2_000, systemClock.wallMs(), (state) => {
      const write = () => writeKeys(state, 50 * writes++, 100, systemClock.wallMs());
      const timer = setInterval(write, 0);
      return {
        // then as fast as it can, or it would never come to an end
        pause: async () => void (++pauses < 30 && (await systemClock.sleep(2))),
        stop: () => clearInterval(timer),
      };
    });
    expect(writes).toBeGreaterThan(10);
    const report = await restoreBackup({ file, dataDir: newDir() });
    expect(report).toMatchObject(digest);
  });

  test("keeps what is ahead of this machine's clock, and says by how much", async () => {
    const backed = await backedUp(3, systemClock.wallMs() + 86_400_000);
    const dataDir = newDir();
    const { leadMs } = await restoreBackup({ file: backed.file, dataDir });
    expect(leadMs).toBeGreaterThan(86_000_000);
    await withState(await loadNode(dataDir), (state) => {
      expect(stateDigest(state)).toEqual(backed.digest);
    });
  });

  test("goes into no directory that holds anything, and leaves it as it was", async () => {
    const { file, node } = await backedUp(3);
    await codedError(
      () => restoreBackup({ file, dataDir: node.paths.root }),
      "ALREADY_INITIALISED",
    );
    const dataDir = temporaryFolder();
    writeFileSync(join(dataDir, "config.toml"), "mine");
    const error = await codedError(() => restoreBackup({ file, dataDir }), "ALREADY_INITIALISED");
    expect(error.message).toBe(`${dataDir} is not empty: it holds config.toml`);
    expect(contentOf(dataDir)).toEqual(["config.toml"]);
    expect(readFileSync(join(dataDir, "config.toml"), "utf8")).toBe("mine");
  });

  test("waits for nobody who holds the directory", async () => {
    const { file } = await backedUp(3);
    const dataDir = temporaryFolder();
    const lock = await acquireLock(dataDir);
    await codedError(() => restoreBackup({ file, dataDir }), "ALREADY_RUNNING");
    lock.release();
    await restoreBackup({ file, dataDir });
  });

  test("that is killed anywhere leaves no node and nobody takes the directory; the next one is whole", async () => {
    const backed = await backedUp(3_000);
    const dataDir = newDir();
    const ticket = encodeTicket({ network: backed.node.network, addresses: [] });
    let halves = 0;
    for (const at of ["1 ", "2 262144", "2 524288", "2 1572864", `2 ${backed.bytes.length}`]) {
      const child = startChild("setup/restore-child.ts", [backed.file, dataDir]);
      await child.line((line) => line.startsWith(at));
      await child.kill();
      expect(existsSync(join(dataDir, "network.json"))).toBe(false);
      if (!existsSync(join(dataDir, "network.json.restoring"))) continue;
      halves++;
      for (const make of [
        () => initNode({ dataDir }),
        () => joinNode({ dataDir, ticket }),
        () => ensureNode({ dataDir }),
      ]) {
        expect((await codedError(make, "BAD_DATA_DIR")).hint).toContain("coterie restore FILE");
      }
    }
    expect(halves).toBeGreaterThan(2);
    await restoreBackup({ file: backed.file, dataDir });
    expect(contentOf(dataDir).toSorted()).toEqual([...nodeFiles, "store"]);
    await withState(await loadNode(dataDir), (state) => {
      expect(stateDigest(state)).toEqual(backed.digest);
    });
  });
});

describe("a file that is not a sound backup", () => {
  let backed: Backed;
  beforeEach(async () => {
    backed = await backedUp(300);
  });

  const fixed = (bytes: Buffer): Buffer => {
    const body = bytes.subarray(0, -32);
    return Buffer.concat([body, createHash("sha256").update(body).digest()]);
  };
  const flipped = (bytes: Buffer, at: number): Buffer => {
    const copy = Buffer.from(bytes);
    copy[at]! ^= 1;
    return copy;
  };

  test.each<[string, (bytes: Buffer) => Buffer, string]>([
    ["cut short", (bytes) => bytes.subarray(0, -1), "it is cut short, after"],
    ["damaged", (bytes) => flipped(bytes, bytes.length - 200), "it is damaged: "],
    ["foreign", () => Buffer.from("PK\u0003\u0004".repeat(99)), "it is not a backup of Coterie"],
  ])("%s is named with its fault, and nothing is written", async (_name, change, fault) => {
    const file = changed(change(backed.bytes));
    const dataDir = newDir();
    for (const read of [() => verifyBackup({ file }), () => restoreBackup({ file, dataDir })]) {
      expect((await codedError(read, "BAD_BACKUP")).message).toContain(`${file}: ${fault}`);
    }
    expect(existsSync(dataDir)).toBe(false);
  });

  test("of a newer version is told from a damaged one", async () => {
    const newer = fixed(flipped(backed.bytes, 15));
    const error = await codedError(() => verifyBackup({ file: changed(newer) }), "STORE_VERSION");
    expect(error.message).toContain("it is of version 257");
    expect(error.hint).toContain("newer version");
  });

  test("a forged entry under a checksum that holds: found by verify, and restored by nobody", async () => {
    const at = backed.bytes.lastIndexOf(Buffer.from("xxxx"));
    const file = changed(fixed(flipped(backed.bytes, at)));
    expect((await codedError(() => verifyBackup({ file }), "BAD_BACKUP")).message).toContain(
      "entries do not match the signed root",
    );
    const dataDir = newDir();
    await codedError(() => restoreBackup({ file, dataDir }), "BAD_BACKUP");
    expect(contentOf(dataDir)).toEqual([]);
  });

  test("a sum that is not that of the entries is found by restore, which leaves nothing", async () => {
    const end = backed.bytes.lastIndexOf(Buffer.from(backed.digest.digest, "hex"));
    const file = changed(fixed(flipped(backed.bytes, end)));
    const dataDir = newDir();
    const error = await codedError(() => restoreBackup({ file, dataDir }), "BAD_BACKUP");
    expect(error.message).toContain("it gives another state");
    expect(contentOf(dataDir)).toEqual([]);
    await restoreBackup({ file: backed.file, dataDir });
  });

  test("the key of another node is found before anything is written", async () => {
    const other = await backedUp(1);
    const keyOf = ({ node }: Backed): Buffer => readFileSync(node.paths.identity);
    const at = backed.bytes.indexOf(keyOf(backed));
    const bytes = Buffer.from(backed.bytes);
    keyOf(other).copy(bytes, at);
    const dataDir = newDir();
    const restoring = () => restoreBackup({ file: changed(fixed(bytes)), dataDir });
    expect((await codedError(restoring, "BAD_BACKUP")).message).toContain("key of another node");
    expect(existsSync(dataDir)).toBe(false);
  });

  test("that is not there or a folder is told like other files", async () => {
    const folder = temporaryFolder();
    await codedError(() => verifyBackup({ file: join(folder, "none") }), "NOT_FOUND");
    const error = await codedError(() => verifyBackup({ file: folder }), "BAD_DATA_DIR");
    expect(error.message).toBe(`cannot read ${folder}: it is a folder`);
  });
});

test("verify says what a backup holds", async () => {
  const { file, node, bytes, digest } = await backedUp(12);
  expect(digest.entries).toBe(12);
  const seen: number[] = [];
  const report = await verifyBackup({
    file,
    onProgress: ({ bytes: at, of }) => seen.push(at / of),
  });
  expect(report).toMatchObject({
    file,
    bytes: bytes.length,
    peerId: node.identity.peer,
    name: "falcon",
    network: { id: toHex(node.network.id), name: "home" },
    owner: true,
    ...digest,
  });
  expect(Math.abs(report.createdAt - systemClock.wallMs())).toBeLessThan(60_000);
  expect(seen.at(-1)).toBe(1);
});
