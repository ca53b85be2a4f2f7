/** Shared files between real daemons: what one adds the others have, through losses, lies, kills and full disks. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { toCoterieError } from "../../src/core/errors.ts";
import { bytesOf, KiB, MiB } from "../files/fixture.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { coterie } from "./command.ts";
import { launchDaemon, until, type DaemonProcess } from "./daemon-process.ts";
import { daemonOfTest } from "./fixture.ts";
import { connected, joining } from "./pair.ts";
import { configure, findingsOf, hashesOf, hashOf, resultOf, spoilBlock } from "./shared-files.ts";
import { noSmallDisk, smallDisk } from "./small-disk.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const reason = noSmallDisk();
if (reason !== undefined) console.log(`skipped: ${reason}`);

const folder = mkdtempSync(join(tmpdir(), "coterie-test-"));
const names = ["one", "two", "three", "four"] as const;
type Name = (typeof names)[number];
const daemons = new Map<Name, DaemonProcess>();
let ticket: string[];

function at(name: Name): DaemonProcess {
  const daemon = daemons.get(name);
  if (daemon === undefined) throw new Error(`${name} does not run`);
  return daemon;
}

async function start(name: Name): Promise<void> {
  const words = ["--name", name, "--enable-faults", ...(ticket ?? [])];
  daemons.set(name, await launchDaemon({ dataDir: join(folder, name), words }));
}

async function kill(name: Name): Promise<void> {
  await at(name).kill();
  daemons.delete(name);
}

beforeAll(async () => {
  await start("one");
  ticket = await joining(at("one"));
  await Promise.all(names.slice(1).map(start));
  await Promise.all(names.slice(1).map((name) => connected(at("one"), at(name))));
});

afterAll(async () => {
  await Promise.all(Array.from(daemons.values(), (daemon) => daemon.kill()));
  rmSync(folder, { recursive: true, force: true });
});

function plant(name: string, seed: number, bytes: number): string {
  const path = join(folder, name);
  writeFileSync(path, bytesOf(seed, bytes));
  return path;
}

function run(name: Name, ...words: string[]) {
  return coterie(words, { dataDir: at(name).info.dataDir });
}

async function share(from: Name, path: string, copies: number): Promise<string> {
  const { client } = at(from);
  const wish = { path, copiesMin: copies, copiesMax: copies };
  return (await resultOf(client.shareAdd(wish))).root;
}

/** Who says that it holds a share, as one member sees it. */
async function holders(of: Name, name: string): Promise<Name[]> {
  const { shares } = await at(of).client.share(name);
  const ids = shares.flatMap((each) => each.holders);
  return names.filter((one) => {
    const daemon = daemons.get(one);
    return daemon !== undefined && ids.includes(daemon.info.peerId);
  });
}

function held(of: Name, name: string, count: number): Promise<void> {
  return until(`${count} hold ${name}`, async () => {
    const { client } = at(of);
    if (!(await client.shares()).shares.some((known) => known.name === name)) return false;
    const { shares } = await client.share(name);
    return shares[0]?.copies === count && shares[0].holders.length >= count;
  });
}

function copyAt(name: Name, what: string, path: string): Promise<unknown> {
  return resultOf(at(name).client.fileGet(what, path));
}

test("a file and a folder come out on another node as they went in, and have the copies they want", async () => {
  const file = plant("large", 1, 5 * MiB);
  const tree = join(folder, "tree");
  mkdirSync(join(tree, "deep/er"), { recursive: true });
  for (let n = 0; n < 40; n++) {
    writeFileSync(join(tree, n % 2 ? "deep" : "deep/er", `name ${n}`), bytesOf(n, n * KiB));
  }
  for (const path of [file, tree]) {
    const { code, err } = await run("one", "share", "add", path, "--copies", "2..2");
    expect([code, err]).toEqual([0, ""]);
  }
  await Promise.all([held("three", "large", 2), held("three", "tree", 2)]);
  for (const what of ["large", "tree"]) {
    const got = await run("three", "share", "get", what, "-o", join(folder, `${what}.got`));
    expect([got.code, got.err]).toEqual([0, ""]);
  }
  expect(hashOf(join(folder, "large.got"))).toBe(hashOf(file));
  const { files, bulk } = await at("one").client.status();
  expect(files?.liveBytes).toBeGreaterThan(5 * MiB);
  expect(files?.quotaBytes).toBeGreaterThan(files?.diskBytes ?? Number.POSITIVE_INFINITY);
  expect(bulk).toEqual({ direct: expect.any(Number), libp2p: expect.any(Number) });
  expect(hashesOf(join(folder, "tree.got"))).toEqual(hashesOf(tree));
  const { out } = await run("three", "share", "status", "large");
  expect(out).toMatch(/copies +2 present, 2 to 2 wanted/);
});

test("what is pinned but shared by nobody is found through the DHT by its CID", async () => {
  const root = await share("one", plant("unlisted", 2, 300 * KiB), 1);
  await resultOf(at("one").client.filePin(root));
  await at("one").client.shareRemove("unlisted", false);
  await until("nobody says that it holds it", async () => {
    const findings = await findingsOf(at("two").client, root);
    return findings.some(({ detail }) => detail.startsWith("0 members said"));
  });
  const out = join(folder, "unlisted.got");
  await copyAt("two", root, out);
  expect(hashOf(out)).toBe(hashOf(join(folder, "unlisted")));
});

test("why something cannot be had is told: nobody has it, or the only one that has it is cut off", async () => {
  const unknown = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";
  const none = await run("two", "share", "diag", unknown);
  expect(none.code).toBe(1);
  expect(none.out).toMatch(/fail +member +no member was found that has it\n$/);

  const root = await share("one", plant("lonely", 3, 100 * KiB), 1);
  await held("two", "lonely", 1);
  const { peerId } = at("one").info;
  await at("two").client.setFaults({ blockedPeers: [peerId], links: [] });
  const error = await copyAt("two", root, join(folder, "lonely.got")).catch(toCoterieError);
  expect(error).toMatchObject({ code: "UNREACHABLE" });
  const cut = await run("two", "share", "diag", "lonely");
  expect(cut.code).toBe(1);
  expect(cut.out).toContain("1 member said to hold it");
  expect(cut.out).toMatch(new RegExp(`fail +member +${peerId}: UNREACHABLE`));
  await at("two").client.setFaults({ blockedPeers: [], links: [] });
  await connected(at("one"), at("two"));
  await copyAt("two", root, join(folder, "lonely.got"));
  expect(hashOf(join(folder, "lonely.got"))).toBe(hashOf(join(folder, "lonely")));
});

test("over the quota nothing comes, and the refusal has its code", async () => {
  await share("one", plant("wide", 4, 6 * MiB), 1);
  await held("three", "wide", 1);
  const { liveBytes, cachedBytes } = await at("three").client.blocks(); // what is cached gives way
  const quota = Math.ceil((liveBytes - cachedBytes) / MiB) + 2;
  await configure(at("three"), "files.quota", `${quota}MiB`);
  const error = await copyAt("three", "wide", join(folder, "wide.got")).catch(toCoterieError);
  expect(error).toMatchObject({ code: "FILES_QUOTA" });
  const { code, err } = await run("three", "share", "add", plant("more", 6, 4 * MiB));
  expect([code, err]).toEqual([1, expect.stringContaining("no room: ")]);
  await configure(at("three"), "files.quota", "1GiB");
  await copyAt("three", "wide", join(folder, "wide.got"));
  expect(hashOf(join(folder, "wide.got"))).toBe(hashOf(join(folder, "wide")));
});

test("a receiver that is killed in the middle, twice, goes on where it was", async () => {
  await share("one", plant("long", 7, 20 * MiB), 1);
  await held("four", "long", 1);
  const { liveBytes: others } = await at("four").client.blocks();
  let before = 0;
  for (const part of [5 * MiB, 10 * MiB]) {
    await configure(at("four"), "files.downloadRate", "10MiB");
    const getting = copyAt("four", "long", join(folder, "long.got")).catch(toCoterieError);
    await until("a part is there", async () => {
      return (await at("four").client.blocks()).liveBytes > others + part;
    });
    await kill("four");
    await getting;
    await start("four");
    const { liveBytes } = await at("four").client.blocks();
    before = liveBytes - others;
    expect(before).toBeGreaterThan(part - MiB);
  }
  await configure(at("four"), "files.downloadRate", "0");
  await connected(at("one"), at("four"));
  await copyAt("four", "long", join(folder, "long.got"));
  expect(hashOf(join(folder, "long.got"))).toBe(hashOf(join(folder, "long")));
  const { counters } = await at("four").client.status();
  expect(counters["files.bytes_in"]).toBeLessThan(20 * MiB - before + MiB);
});

test("a holder whose disk has spoiled gives no wrong byte; another does, verify names it, and it is mended", async () => {
  const root = await share("one", plant("spoilt", 8, 3 * MiB), 2);
  await held("one", "spoilt", 2);
  const [other] = (await holders("one", "spoilt")).filter((name) => name !== "one");
  const reader = names.find((name) => name !== "one" && name !== other)!;
  for await (const chunk of at("one").client.fileBytes("long")) void chunk; // nothing else is in its memory
  spoilBlock(join(folder, "one"), bytesOf(8, 1 * KiB));

  const cut = { blockedPeers: [at(other!).info.peerId], links: [] };
  await at(reader).client.setFaults(cut);
  const alone = await copyAt(reader, root, join(folder, "alone")).catch(toCoterieError);
  expect(alone).toMatchObject({ code: expect.stringMatching(/^(NOT_FOUND|UNREACHABLE)$/) });
  const told = await findingsOf(at(reader).client, root);
  expect(told.map(({ detail }) => detail).join("\n")).toContain(at("one").info.peerId);
  await at(reader).client.setFaults({ blockedPeers: [], links: [] });
  await connected(at(other!), at(reader));
  await copyAt(reader, root, join(folder, "spoilt.got"));
  expect(hashOf(join(folder, "spoilt.got"))).toBe(hashOf(join(folder, "spoilt")));
  expect((await at(reader).client.status()).counters["files.lies"] ?? 0).toBe(0);

  const found = await run("one", "share", "verify", "--json");
  expect(found.code).toBe(1);
  expect(JSON.parse(found.out).incomplete).toContain(root);
  await copyAt("one", root, join(folder, "mended"));
  expect(hashOf(join(folder, "mended"))).toBe(hashOf(join(folder, "spoilt")));
  expect((await run("one", "share", "verify")).code).toBe(0);
});

test("a holder that is killed is replaced by another", async () => {
  const root = await share("one", plant("wanted", 9, 1 * MiB), 2);
  await held("one", "wanted", 2);
  const [lost] = (await holders("one", "wanted")).filter((name) => name !== "one");
  await kill(lost!);
  await until(
    "there are two again",
    async () => (await holders("one", "wanted")).length === 2,
    30_000,
  );
  const [next] = (await holders("one", "wanted")).filter((name) => name !== "one");
  const { shares } = await at(next!).client.share("wanted");
  expect(shares[0]).toMatchObject({ root, isHere: true, held: ["kept"], copies: 2 });
  expect(shares[0]?.lastRepairAt).toBeGreaterThan(Date.now() - 30_000);
});

describe.skipIf(reason !== undefined)("on a small disk", () => {
  test("a copy that does not fit ends with a code, the state goes on, and space is all it needs", async () => {
    const disk = await smallDisk(144 * MiB);
    const daemon = await daemonOfTest({ ...disk, words: await joining(at("one")) });
    await connected(at("one"), daemon);
    const root = await share("one", plant("heavy", 10, 24 * MiB), 1);
    disk.fill(76 * MiB); // of which files leave 64 MiB to the state
    const out = join(temporaryFolder(), "heavy");
    const error = await resultOf(daemon.client.fileGet(root, out)).catch(toCoterieError);
    expect(error).toMatchObject({ code: "STORE_FULL" });
    expect((await daemon.client.blocks()).diskBytes).toBeGreaterThan(2 * MiB);
    await daemon.client.kvPut("default", "still", { kind: "text", bytes: Buffer.from("here") });
    disk.free();
    await resultOf(daemon.client.fileGet(root, out));
    expect(hashOf(out)).toBe(hashOf(join(folder, "heavy")));
  });
});
