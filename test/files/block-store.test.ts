import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import type { BlockStore } from "../../src/share/files/block-store.ts";
import { codedError } from "../coded-error.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { blocksOfTest } from "./blocks-of-test.ts";
import { blockOf, closeBlocks, KiB, leaf, MiB, node, openBlocks, type Block } from "./fixture.ts";

const forever = new AbortController().signal;

function leaves(count: number, from = 0, length = 1 * KiB): Block[] {
  return Array.from({ length: count }, (_, index) => leaf(from + index, length));
}

function packsOf(folder: string): string[] {
  return readdirSync(join(folder, "blocks")).map((name) => join(folder, "blocks", name));
}

async function expectHere(blocks: BlockStore, wanted: readonly Block[]): Promise<void> {
  for (const { cid, bytes } of wanted) {
    expect(blocks.has(cid)).toBe(true);
    expect(Buffer.from((await blocks.get(cid)) ?? []).equals(bytes)).toBe(true);
  }
}

async function damagedIn(blocks: BlockStore): Promise<number> {
  let damaged = 0;
  for await (const { sound } of blocks.verify(forever)) damaged += sound ? 0 : 1;
  return damaged;
}

describe("blocks", () => {
  test("are here once written, after a restart too", async () => {
    const folder = temporaryFolder();
    const first = await openBlocks(folder);
    const small = leaves(100);
    const large = leaves(3, 1_000, 1 * MiB);
    const root = node([...small, ...large]);
    await first.blocks.putMany([...small, ...large, root]);
    await expectHere(first.blocks, [...small, ...large, root]);
    await first.blocks.hold(root.cid, "pinned");
    await closeBlocks(first);
    const second = await openBlocks(folder);
    await expectHere(second.blocks, [...small, ...large, root]);
    expect(await damagedIn(second.blocks)).toBe(0);
    await closeBlocks(second);
  });

  test("are stored once, however often and by however many they are written", async () => {
    const { blocks } = await blocksOfTest();
    const one = leaf(1, 100 * KiB);
    const before = blocks.usage().diskBytes;
    await Promise.all(Array.from({ length: 20 }, () => blocks.putMany([one, one])));
    const after = blocks.usage().diskBytes - before;
    expect(after).toBeLessThan(101 * KiB);
    await blocks.putMany([one]);
    expect(blocks.usage().diskBytes - before).toBe(after);
  });

  test("of other codecs and hashes, too large, or linking too much, are refused", async () => {
    const { blocks } = await blocksOfTest();
    const other = blockOf(0x71, Buffer.from("{}"));
    expect(() => blocks.has(other.cid)).toThrow(/of a kind that files do not use/);
    await codedError(() => blocks.putMany([other]), "BAD_BLOCK");
    await codedError(() => blocks.putMany([leaf(1, 2 * MiB + 1)]), "BAD_BLOCK");
    await codedError(() => blocks.putMany([blockOf(0x70, Buffer.from("no node"))]), "BAD_BLOCK");
    const wide = node(Array.from({ length: limits.blockLinksMax + 1 }, (_, seed) => leaf(seed, 8)));
    await codedError(() => blocks.putMany([wide]), "BAD_BLOCK");
  });

  test("of a session survive the collector, and are collected when nothing needs them after it", async () => {
    const { blocks } = await blocksOfTest();
    const session = blocks.session();
    const loose = leaves(50);
    await blocks.putMany(loose);
    await blocks.collect(forever);
    await expectHere(blocks, loose);
    session.end();
    await blocks.collect(forever);
    expect(loose.filter(({ cid }) => blocks.has(cid))).toEqual([]);
    expect(blocks.usage().liveBytes).toBe(0);
  });

  test("that a session finds here are kept for it, though others give them up meanwhile", async () => {
    const { blocks } = await blocksOfTest();
    const shared = leaves(20);
    const old = node(shared, Buffer.from("old"));
    await blocks.putMany([...shared, old]);
    await blocks.hold(old.cid, "pinned");
    const session = blocks.session();
    await blocks.putMany(shared);
    blocks.release(old.cid, "pinned");
    await blocks.collect(forever);
    expect(blocks.has(old.cid)).toBe(false);
    await expectHere(blocks, shared);
    const fresh = node(shared, Buffer.from("new"));
    await blocks.putMany([fresh]);
    await blocks.hold(fresh.cid, "pinned");
    session.end();
    await blocks.collect(forever);
    await expectHere(blocks, [...shared, fresh]);
  });
});

describe("a root", () => {
  test("keeps what is under it, and lets go only of what no other root needs", async () => {
    const { blocks } = await blocksOfTest();
    const [a, b, c] = [leaves(10), leaves(10, 100), leaves(10, 200)];
    const inner = node(b);
    const [one, two] = [node([...a, inner]), node([...c, inner])];
    await blocks.putMany([...a, ...b, ...c, inner, one, two]);
    await blocks.hold(one.cid, "pinned");
    await blocks.hold(two.cid, "kept");
    blocks.release(one.cid, "pinned");
    await blocks.collect(forever);
    expect([...a, one].filter(({ cid }) => blocks.has(cid))).toEqual([]);
    await expectHere(blocks, [...b, ...c, inner, two]);
    blocks.release(two.cid, "kept");
    await blocks.collect(forever);
    expect(blocks.usage().liveBytes).toBe(0);
  });

  test("that is to come keeps its blocks as they come, root first", async () => {
    const { blocks } = await blocksOfTest();
    const below = leaves(10);
    const root = node(below);
    await blocks.hold(root.cid, "kept");
    await blocks.putMany([root]);
    await blocks.putMany(below.slice(0, 5));
    await blocks.collect(forever);
    await expectHere(blocks, [root, ...below.slice(0, 5)]);
    blocks.release(root.cid, "kept");
    await blocks.collect(forever);
    expect(blocks.usage().liveBytes).toBe(0);
  });

  test("held for two reasons needs both taken away", async () => {
    const { blocks } = await blocksOfTest();
    const one = leaf(1);
    await blocks.putMany([one]);
    await blocks.hold(one.cid, "pinned");
    await blocks.hold(one.cid, "kept");
    blocks.release(one.cid, "kept");
    await blocks.collect(forever);
    await expectHere(blocks, [one]);
    expect(blocks.root(one.cid)?.held).toEqual(["pinned"]);
  });
});

describe("the quota", () => {
  const quotaBytes = 8 * MiB;
  const options = { packBytes: 1 * MiB, quotaBytes: () => quotaBytes };

  test("refuses what has no room, and what is pinned stays", async () => {
    const { blocks } = await blocksOfTest(options);
    const session = blocks.session();
    const mine = leaves(7, 0, 1 * MiB);
    await blocks.putMany(mine);
    for (const { cid } of mine) await blocks.hold(cid, "pinned");
    session.end();
    await codedError(() => blocks.putMany(leaves(2, 100, 1 * MiB)), "FILES_QUOTA");
    await expectHere(blocks, mine);
  });

  test("takes what is cached for what comes, the least recently used first", async () => {
    const { blocks } = await blocksOfTest(options);
    for (const block of leaves(30, 0, 1 * MiB)) {
      const session = blocks.session();
      await blocks.putMany([block]);
      await blocks.hold(block.cid, "cached", { whole: true, bytes: 1 * MiB });
      session.end();
      expect(blocks.usage().diskBytes).toBeLessThan(quotaBytes + 4 * MiB);
    }
    const left = [...blocks.roots()].map(({ cid }) => cid.toString());
    const newest = leaves(4, 26, 1 * MiB).map(({ cid }) => cid.toString());
    expect(left).toEqual(expect.arrayContaining(newest));
    expect(blocks.usage().cachedBytes).toBe(left.length * MiB);
  });

  test("holds while much is written and given up, and the packs of what died go", async () => {
    const { blocks } = await blocksOfTest(options);
    let held: Block[] = [];
    for (let round = 0; round < 60; round++) {
      const session = blocks.session();
      const fresh = leaves(64, round * 1_000, 16 * KiB);
      const root = node(fresh);
      await blocks.putMany([...fresh, root]);
      await blocks.hold(root.cid, "pinned");
      session.end();
      held.push(root);
      if (held.length === 6) {
        const gone = held.filter((_, index) => index % 2 === 0);
        held = held.filter((_, index) => index % 2 === 1);
        for (const { cid } of gone) blocks.release(cid, "pinned");
      }
      expect(blocks.usage().diskBytes).toBeLessThan(quotaBytes + 4 * MiB);
    }
    expect(await damagedIn(blocks)).toBe(0);
    await expectHere(blocks, held);
    for (const { cid } of held) blocks.release(cid, "pinned");
    await blocks.collect(forever);
    expect(blocks.usage().diskBytes).toBeLessThan(1 * MiB);
  });

  test.each([64 * KiB, limits.fileChunkBytes, limits.blockBytesMax])(
    "is not spent on what lies dead beside living blocks of %i bytes",
    async (length) => {
      const { blocks } = await blocksOfTest({ packBytes: 8 * MiB });
      const all = leaves((16 * MiB) / length, 0, length);
      const session = blocks.session();
      await blocks.putMany(all);
      for (const { cid } of all) await blocks.hold(cid, "pinned");
      session.end();
      const kept = all.filter((_, index) => index % 2 === 0);
      for (const block of all) if (!kept.includes(block)) blocks.release(block.cid, "pinned");
      await blocks.collect(forever);
      const { diskBytes, liveBytes } = blocks.usage();
      expect(diskBytes).toBe(liveBytes);
      await expectHere(blocks, kept);
    },
  );

  test("counts each pack that goes once, however many collect at a time", async () => {
    const { blocks, folder } = await blocksOfTest({ packBytes: 256 * KiB });
    const fresh = leaves(64, 0, 64 * KiB);
    const root = node(fresh);
    const session = blocks.session();
    await blocks.putMany([...fresh, root]);
    await blocks.hold(root.cid, "pinned");
    session.end();
    blocks.release(root.cid, "pinned");
    await Promise.all(Array.from({ length: 4 }, () => blocks.collect(forever)));
    const bytes = packsOf(folder).reduce((sum, path) => sum + statSync(path).size, 0);
    expect(blocks.usage().diskBytes).toBe(bytes);
  });
});

describe("after a crash", () => {
  /** A store as it is when the process dies after a root and what it links were flushed: the index knows no block. */
  async function crashed(root: Block, below: readonly Block[]): Promise<string> {
    const folder = temporaryFolder();
    const first = await openBlocks(folder, { packBytes: 256 * KiB });
    await first.blocks.hold(root.cid, "pinned");
    await first.blocks.putMany([root]);
    for (const block of below) await first.blocks.putMany([block]);
    await first.blocks.flush();
    const image = temporaryFolder();
    cpSync(folder, image, { recursive: true });
    await closeBlocks(first);
    return image;
  }

  test("blocks that the index does not know are found in the packs", async () => {
    const below = leaves(40, 0, 10 * KiB);
    const root = node(below);
    const folder = await crashed(root, below);
    const second = await openBlocks(folder);
    await second.blocks.collect(forever);
    await expectHere(second.blocks, [root, ...below]);
    await closeBlocks(second);
  });

  test("a tail that was cut short is cut off, and written over", async () => {
    const below = leaves(5, 0, 10 * KiB);
    const root = node(below);
    const folder = await crashed(root, below);
    const [pack = ""] = packsOf(folder).toSorted();
    truncateSync(pack, readFileSync(pack).length - 100);
    const second = await openBlocks(folder);
    expect(below.filter(({ cid }) => !second.blocks.has(cid))).toEqual([below[4]]);
    const { liveBytes, diskBytes } = second.blocks.usage();
    expect(diskBytes).toBe(liveBytes);
    await second.blocks.putMany(below);
    await expectHere(second.blocks, below);
    await closeBlocks(second);
    const third = await openBlocks(folder);
    expect(await damagedIn(third.blocks)).toBe(0);
    await expectHere(third.blocks, below);
    await closeBlocks(third);
  });

  test("a pack that was removed and is there again, as after a loss of power, is dead", async () => {
    const folder = temporaryFolder();
    const options = { packBytes: 64 * KiB };
    const first = await openBlocks(folder, options);
    const dead = leaves(30, 0, 10 * KiB);
    const kept = leaves(3, 500, 10 * KiB);
    const root = node(kept);
    await first.blocks.putMany([...dead.slice(0, 15), ...kept, root, ...dead.slice(15)]);
    await first.blocks.hold(root.cid, "pinned");
    await first.blocks.flush();
    const before = temporaryFolder();
    cpSync(join(folder, "blocks"), before, { recursive: true });
    await first.blocks.collect(forever);
    const { liveBytes } = first.blocks.usage();
    await closeBlocks(first);
    const removed = readdirSync(before).filter((name) => !existsSync(join(folder, "blocks", name)));
    expect(removed.length).toBeGreaterThan(0);
    for (const name of removed) cpSync(join(before, name), join(folder, "blocks", name));
    const second = await openBlocks(folder, options);
    await expectHere(second.blocks, [root, ...kept]);
    await second.blocks.collect(forever);
    expect(second.blocks.usage().liveBytes).toBe(liveBytes);
    expect(removed.filter((name) => existsSync(join(folder, "blocks", name)))).toEqual([]);
    expect(await damagedIn(second.blocks)).toBe(0);
    await expectHere(second.blocks, [root, ...kept]);
    await closeBlocks(second);
  });

  test("with the index lost, everything is found and what nothing links is pinned", async () => {
    const below = leaves(100, 0, 10 * KiB);
    const root = node(below);
    const folder = await crashed(root, below);
    rmSync(join(folder, "store"), { recursive: true });
    const second = await openBlocks(folder);
    await second.blocks.collect(forever);
    await expectHere(second.blocks, [...below, root]);
    expect([...second.blocks.roots()].map(({ cid }) => cid.toString())).toEqual([
      root.cid.toString(),
    ]);
    await closeBlocks(second);
  });

  test.each(["known", "lost"])(
    "damage in a pack costs the block it lies in, and that can come again, with the index %s",
    async (index) => {
      const below = leaves(20, 0, 10 * KiB);
      const root = node(below);
      const folder = await crashed(root, below);
      await closeBlocks(await openBlocks(folder));
      const [pack = ""] = packsOf(folder).toSorted();
      const bytes = readFileSync(pack);
      bytes[25 * KiB]! ^= 1;
      writeFileSync(pack, bytes);
      if (index === "lost") rmSync(join(folder, "store"), { recursive: true });
      const second = await openBlocks(folder);
      const lost: Block[] = [];
      for (const block of below) {
        if ((await second.blocks.get(block.cid)) === undefined) lost.push(block);
      }
      expect(lost).toHaveLength(1);
      expect(second.blocks.has(lost[0]!.cid)).toBe(false);
      await second.blocks.putMany(lost);
      await second.blocks.collect(forever);
      expect(await damagedIn(second.blocks)).toBe(0);
      await expectHere(second.blocks, [...below, root]);
      await closeBlocks(second);
    },
  );

  test("a pack that is gone loses its blocks and no others", async () => {
    const below = leaves(60, 0, 10 * KiB);
    const folder = await crashed(node(below), below);
    await closeBlocks(await openBlocks(folder));
    rmSync(packsOf(folder).toSorted()[0]!);
    const second = await openBlocks(folder);
    expect(await damagedIn(second.blocks)).toBeGreaterThan(10);
    const here = below.filter(({ cid }) => second.blocks.has(cid));
    expect(here.length).toBeGreaterThan(20);
    await expectHere(second.blocks, here);
    await second.blocks.putMany(below);
    await expectHere(second.blocks, below);
    await closeBlocks(second);
  });
});
