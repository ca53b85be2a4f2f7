import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { Clock } from "../../src/core/ports.ts";
import { systemClock } from "../../src/host/clock.ts";
import { createMetrics } from "../../src/host/metrics.ts";
import { systemRandom } from "../../src/host/random.ts";
import { Files } from "../../src/share/files/files.ts";
import { Keeper } from "../../src/share/files/keeper.ts";
import type { Progress } from "../../src/share/files/progress.ts";
import { codedError } from "../coded-error.ts";
import { blocksOfTest } from "./blocks-of-test.ts";
import { bytesOf, KiB, MiB, noLog } from "./fixture.ts";
import { Network } from "./network.ts";

const { signal } = new AbortController();
const wish = { copiesMin: 1, copiesMax: 2, replace: false, links: "refuse" } as const;
const patience = { timeout: 10_000, interval: 20 };

/** A hundred times faster: the keeper waits seconds for changes to settle. */
const beganMs = systemClock.wallMs();
const quickClock: Clock = {
  ...systemClock,
  wallMs: () => beganMs + 100 * (systemClock.wallMs() - beganMs),
  after: (delayMs, run) => systemClock.after(delayMs / 100, run),
};

async function member(network: Network, peer: string, options: { isKeeping?: boolean } = {}) {
  const opened = await blocksOfTest();
  const { blocks, folder } = opened;
  network.join(peer, blocks);
  const parts = {
    blocks,
    shares: network.stateOf(peer),
    candidates: network.candidatesOf(peer),
    fetcher: network.fetcherOf(peer),
    providers: network.providers,
    clock: quickClock,
    random: systemRandom,
    log: noLog,
    metrics: createMetrics(),
  };
  const keeper = new Keeper({ ...parts, concurrent: () => 2 });
  if (options.isKeeping !== false) keeper.start();
  onTestFinished(() => keeper.stop());
  const files = new Files({ ...parts, repairedAt: (root) => keeper.repairedAt.get(root) });
  return { files, blocks, folder, peer };
}

async function done<Result>(progress: AsyncIterable<Progress<Result>>): Promise<Result> {
  for await (const { result } of progress) if (result !== undefined) return result;
  throw new Error("no result");
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

function plant(folder: string, seed: number): string {
  const path = join(folder, `share-${seed}`);
  mkdirSync(path);
  writeFileSync(join(path, "large"), bytesOf(seed, 2 * MiB));
  for (let index = 0; index < 5; index++)
    writeFileSync(join(path, `${index}`), bytesOf(seed + index, KiB));
  return path;
}

describe("a share", () => {
  test("is added, listed, read, removed, and then its space is free", async () => {
    const { files, folder } = await member(new Network(), "a");
    const share = await done(files.add(plant(folder, 1), wish, signal));
    expect(share).toMatchObject({ name: "share-1", kind: "folder", owner: "a" });
    expect([...files.list()]).toMatchObject([
      { name: "share-1", holders: ["a"], isHere: true, isContested: false },
    ]);
    await done(files.get("share-1", join(folder, "out"), signal));
    expect(readFileSync(join(folder, "out/large")).equals(bytesOf(1, 2 * MiB))).toBe(true);
    await files.remove("share-1", false, signal);
    await done(files.collect(signal));
    expect(files.usage()).toMatchObject({ liveBytes: 0, diskBytes: 0 });
    await codedError(() => done(files.get("share-1", join(folder, "again"), signal)), "NOT_FOUND");
  });

  test("of one name for two roots shows both, and wants a CID", async () => {
    const network = new Network();
    const { files } = await member(network, "a", { isKeeping: false });
    const facts = { name: "n", kind: "file", bytes: 1, copiesMin: 1, copiesMax: 2 } as const;
    const roots = [
      "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e",
      "bafkreiacndfy443ter6qr2tmbbdhadvxxheowwf75s6zehscklu6ezxmta",
    ];
    network.both(
      "n",
      roots.map((root, index) => ({ ...facts, root, owner: "ab"[index]! })),
    );
    expect(files.status("n").map(({ isContested }) => isContested)).toEqual([true, true]);
    const error = await codedError(() => files.resolve("n"), "CONFLICT");
    expect(error.hint).toContain(roots[1]);
  });

  test("is not put in the place of another, nor removed by others, unless told so", async () => {
    const network = new Network();
    const [a, b] = [await member(network, "a"), await member(network, "b")];
    const add = (who: typeof a, seed: number, replace: boolean) =>
      done(who.files.add(plant(who.folder, seed), { ...wish, name: "n", replace }, signal));
    await add(a, 1, false);
    await codedError(() => add(b, 2, false), "CONFLICT");
    await codedError(() => b.files.remove("n", false, signal), "REFUSED");
    await add(b, 3, true);
    expect(b.files.status("n")).toMatchObject([{ owner: "b" }]);
    await a.files.remove("n", true, signal);
    await codedError(() => a.files.status("n"), "NOT_FOUND");
  });

  test.each([
    "",
    "a\nb",
    "x".repeat(256),
    "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e",
  ])("cannot have the name %j", async (name) => {
    const { files, folder } = await member(new Network(), "a");
    await codedError(
      () => done(files.add(plant(folder, 1), { ...wish, name }, signal)),
      "BAD_REQUEST",
    );
  });

  test("that was given up half way leaves nothing", async () => {
    const { files, folder } = await member(new Network(), "a");
    const path = join(folder, "large");
    writeFileSync(path, bytesOf(1, 30 * MiB));
    const given = new AbortController();
    const adding = done(files.add(path, wish, given.signal));
    await vi.waitFor(() => expect(files.usage().diskBytes).toBeGreaterThan(MiB), patience);
    given.abort();
    await expect(adding).rejects.toThrow();
    await done(files.collect(signal));
    expect(files.usage().liveBytes).toBe(0);
  });
});

test("a stream is a file of the same CID, and comes out as a CAR file and in again", async () => {
  const network = new Network();
  const { files, folder } = await member(network, "a");
  const bytes = bytesOf(9, 3 * MiB + 5);
  writeFileSync(join(folder, "file"), bytes);
  async function* stream() {
    for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000);
  }
  const added = await done(files.add(join(folder, "file"), wish, signal));
  const streamed = await done(files.addStream(stream(), { ...wish, name: "s" }, signal));
  expect(streamed.root).toBe(added.root);
  const car = await all(files.exportCar("s", signal));
  const other = await member(new Network(), "b");
  async function* pieces(of: Uint8Array) {
    for (let at = 0; at < of.length; at += 77_777) yield of.subarray(at, at + 77_777);
  }
  const whole = Buffer.concat(car);
  expect(await done(other.files.importCar(pieces(whole), signal))).toEqual({ roots: [added.root] });
  const out = await all(other.files.cat(added.root, signal));
  expect(Buffer.concat(out).equals(bytes)).toBe(true);
  const bad = Buffer.from(whole);
  bad[bad.length - 1]! ^= 1;
  await codedError(() => done(other.files.importCar(pieces(bad), signal)), "BAD_BLOCK");
  await codedError(
    () => done(other.files.importCar(pieces(whole.subarray(0, -1)), signal)),
    "BAD_FORMAT",
  );
  const huge = Buffer.concat([whole.subarray(0, 59), Buffer.from([0xff, 0xff, 0xff, 0xff, 0x7f])]);
  await codedError(() => done(other.files.importCar(pieces(huge), signal)), "BAD_FORMAT");
});

test("what another member holds comes when it is wanted, and why it cannot is told", async () => {
  const network = new Network();
  const [a, b] = [await member(network, "a"), await member(network, "b", { isKeeping: false })];
  const { root } = await done(a.files.add(plant(a.folder, 5), wish, signal));
  await done(b.files.get(root, join(b.folder, "out"), signal));
  expect(existsSync(join(b.folder, "out/large"))).toBe(true);
  expect(b.files.usage().cachedBytes).toBeGreaterThan(2 * MiB);
  await done(b.files.pin(root, signal));
  expect(b.files.usage().cachedBytes).toBe(0);
  network.stand("a", "failed");
  const gone = "bafkreiacndfy443ter6qr2tmbbdhadvxxheowwf75s6zehscklu6ezxmta";
  await codedError(() => done(b.files.get(gone, join(b.folder, "gone"), signal)), "UNREACHABLE");
  const findings = await all(b.files.diagnose(gone, signal));
  expect(findings.at(-1)).toEqual({
    step: "member",
    verdict: "fail",
    detail: "no member was found that has it",
  });
});

describe("copies", () => {
  test("are made by others, again by survivors after losses, and shed when the lost return", async () => {
    const network = new Network();
    const members = await Promise.all(
      ["a", "b", "c", "d", "e"].map((peer) => member(network, peer)),
    );
    const a = members[0]!;
    const path = plant(a.folder, 7);
    const { root } = await done(a.files.add(path, { ...wish, copiesMin: 3, copiesMax: 3 }, signal));
    await vi.waitFor(() => expect(network.holders(root)).toHaveLength(3), patience);
    const lost = ["a", network.holders(root).find((peer) => peer !== "a")!];
    for (const peer of lost) network.stand(peer, "failed");
    await vi.waitFor(() => expect(network.holders(root)).toHaveLength(3), patience);
    for (const peer of lost) network.stand(peer, "alive");
    await vi.waitFor(() => expect(network.holders(root)).toHaveLength(3), patience);
    expect(network.holders(root)).toContain("a");
    for (const one of members.filter(({ peer }) => network.holders(root).includes(peer))) {
      await done(one.files.get(root, join(one.folder, "out"), signal));
    }
  });

  test("of what is not shared any more go, of what is pinned stay", async () => {
    const network = new Network();
    const [a, b, c] = await Promise.all(["a", "b", "c"].map((peer) => member(network, peer)));
    const { root } = await done(
      a!.files.add(plant(a!.folder, 8), { ...wish, copiesMin: 3, copiesMax: 3 }, signal),
    );
    await vi.waitFor(() => expect(network.holders(root)).toHaveLength(3), patience);
    await done(b!.files.pin(root, signal));
    await a!.files.remove("share-8", false, signal);
    await vi.waitFor(async () => {
      await done(c!.files.collect(signal));
      expect(c!.files.usage().liveBytes).toBe(0);
    }, patience);
    await done(b!.files.collect(signal));
    expect((await done(b!.files.verify(signal))).incomplete).toEqual([]);
    expect(b!.files.usage().liveBytes).toBeGreaterThan(2 * MiB);
  });

  test("of what another member removed are given up by who added it", async () => {
    const network = new Network();
    const [a, b] = await Promise.all(["a", "b"].map((peer) => member(network, peer)));
    const { root } = await done(a!.files.add(plant(a!.folder, 9), wish, signal));
    await b!.files.remove("share-9", true, signal);
    await vi.waitFor(async () => {
      network.changed();
      await done(a!.files.collect(signal));
      expect([a!.files.usage().liveBytes, network.holders(root)]).toEqual([0, []]);
    }, patience);
  });

  test("that are damaged are made whole by others: at once where they are read, else when it is found", async () => {
    const network = new Network();
    const [a, b] = await Promise.all(["a", "b"].map((peer) => member(network, peer)));
    const roots: string[] = [];
    for (const seed of [10, 20]) {
      const path = plant(a!.folder, seed);
      const of = { ...wish, copiesMin: 2, copiesMax: 2 };
      roots.push((await done(a!.files.add(path, of, signal))).root);
    }
    await vi.waitFor(() => {
      expect(roots.map((root) => network.holders(root))).toEqual([
        ["a", "b"],
        ["a", "b"],
      ]);
    }, patience);
    const [first = "", second = ""] = roots;
    spoil(b!.folder, 10); // not `a`, that has in memory what it gave
    const out = join(b!.folder, "out");
    await done(b!.files.get(first, out, signal));
    expect((await done(b!.files.verify(signal))).damaged).toEqual([]);
    expect(readFileSync(join(out, "large")).equals(bytesOf(10, 2 * MiB))).toBe(true);
    spoil(a!.folder, 20);
    const { damaged, incomplete } = await done(a!.files.verify(signal));
    expect([damaged.length, incomplete]).toEqual([1, [second]]);
    await vi.waitFor(async () => {
      network.changed();
      expect(network.holders(second)).toEqual(["a", "b"]);
      expect((await done(a!.files.verify(signal))).incomplete).toEqual([]);
      expect(a!.files.status("share-20")[0]?.isHere).toBe(true);
    }, patience);
    expect(b!.files.status("share-20")[0]?.copies).toBe(2);
  });
});

/** Changes one byte of what was planted, on the disk of the packs. */
function spoil(folder: string, seed: number): void {
  const pack = join(folder, "blocks/00000001.pack");
  const bytes = readFileSync(pack);
  const at = bytes.indexOf(bytesOf(seed, 1 * KiB)) + 100;
  bytes[at] = bytes[at]! ^ 1;
  writeFileSync(pack, bytes);
}
