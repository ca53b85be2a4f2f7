import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CID } from "multiformats/cid";
import { describe, expect, test } from "vitest";
import { systemRandom } from "../../src/host/random.ts";
import { walkDag } from "../../src/share/files/dag-walk.ts";
import { extract } from "../../src/share/files/extract.ts";
import type { ReadBlock } from "../../src/share/files/unixfs-read.ts";
import { codedError } from "../coded-error.ts";
import { blocksOfTest } from "./blocks-of-test.ts";
import { blockOf } from "./fixture.ts";
import { dagNode, get, readerOf, signal, treeOf, unixfs } from "./unixfs-fixture.ts";

describe("getting is refused, with nothing written, for", () => {
  const x = blockOf(0x55, Buffer.from("x"));

  async function refused(
    made: readonly ReturnType<typeof blockOf>[],
    code: "BAD_DAG" | "STORE_FULL" | "BAD_FILE",
  ) {
    const { blocks, folder } = await blocksOfTest();
    const session = blocks.session();
    await blocks.putMany([x, ...made]);
    const before = treeOf(folder);
    const error = await codedError(() => get(blocks, made.at(-1)!.cid, join(folder, "out")), code);
    expect(
      Object.keys(treeOf(folder)).filter((path) => !(path in before) && !path.startsWith("store")),
    ).toEqual([]);
    session.end();
    return error;
  }

  test.each(["..", ".", "", "/etc/passwd", "a/b", "a\0b"])("the name %j", async (name) => {
    await refused([dagNode(unixfs(1), [{ cid: x.cid, name }])], "BAD_DAG");
  });

  test("one name twice, a link first and a folder to be written through it", async () => {
    const link = dagNode(unixfs(4, [], Buffer.from("inside")), []);
    const inner = dagNode(unixfs(1), [{ cid: x.cid, name: "x" }]);
    const two = [link, inner].map(({ cid }) => ({ cid, name: "same" }));
    await refused(
      [link, inner, dagNode(unixfs(1), [...two, { cid: inner.cid, name: "inside" }])],
      "BAD_FILE",
    );
    const both = ["same", "same"].map((name) => ({ cid: x.cid, name }));
    await refused([dagNode(unixfs(1), both)], "BAD_FILE");
  });

  test("a file that says it is larger than the disk, however small its blocks", async () => {
    const made = [x];
    let size = 1;
    for (let level = 0; level < 5; level++) {
      const below = made.at(-1)!;
      const many = Array.from({ length: 1_000 }, () => ({ cid: below.cid }));
      made.push(
        dagNode(
          unixfs(
            2,
            many.map(() => size),
          ),
          many,
        ),
      );
      size *= 1_000;
    }
    await refused(made, "STORE_FULL");
    const lying = dagNode(unixfs(2, [2 ** 53 - 1, 2 ** 53 - 1]), [{ cid: x.cid }, { cid: x.cid }]);
    await refused([lying], "BAD_DAG");
  });

  test("parts that have other sizes than were said, or are no files", async () => {
    await refused([dagNode(unixfs(2, [2]), [{ cid: x.cid }])], "BAD_DAG");
    await refused([dagNode(unixfs(2, []), [{ cid: x.cid }])], "BAD_DAG");
    const folder = dagNode(unixfs(1), []);
    await refused([folder, dagNode(unixfs(2, [1]), [{ cid: folder.cid }])], "BAD_DAG");
    await refused([dagNode(Buffer.from("no message"), [])], "BAD_DAG");
  });

  test.each([
    ["100,000, files of files", 100_000, (below: CID) => dagNode(unixfs(2, [1]), [{ cid: below }])],
    [
      "2,000, folders in folders",
      2_000,
      (below: CID) => dagNode(unixfs(1), [{ cid: below, name: "a" }]),
    ],
  ])("a DAG of depth %s", async (_what, depth, above) => {
    const { folder } = await blocksOfTest();
    const here = new Map([[x.cid.toString(), x.bytes]]);
    let top = x;
    for (let level = 0; level < depth; level++) {
      top = above(top.cid);
      // of what is never reached a part is enough
      if (level > depth - 1_000) here.set(top.cid.toString(), top.bytes);
    }
    const read: ReadBlock = async (cid) => here.get(cid.toString())!;
    const options = { signal, random: systemRandom, onWritten: () => undefined };
    await codedError(() => extract(read, top.cid, join(folder, "out"), options), "BAD_DAG");
    expect(existsSync(join(folder, "out"))).toBe(false);
    await codedError(async () => {
      for await (const _ of walkDag(read, top.cid, signal));
    }, "BAD_DAG");
  });

  test("a path that is there, or whose folder is not", async () => {
    const { blocks, folder } = await blocksOfTest();
    await blocks.putMany([x]);
    await blocks.hold(x.cid, "pinned");
    writeFileSync(join(folder, "there"), "mine");
    const error = await codedError(() => get(blocks, x.cid, join(folder, "there")), "BAD_FILE");
    expect(error.message).toContain("is there already");
    expect(readFileSync(join(folder, "there"), "utf8")).toBe("mine");
    await codedError(() => get(blocks, x.cid, join(folder, "missing/out")), "BAD_FILE");
  });
});

test("a DAG that links the same blocks again and again is walked once", async () => {
  const { blocks } = await blocksOfTest();
  const session = blocks.session();
  let top = blockOf(0x55, Buffer.from("x"));
  await blocks.putMany([top]);
  for (let level = 0; level < 40; level++) {
    const below = top;
    top = dagNode(
      unixfs(1),
      Array.from({ length: 100 }, (_, index) => ({ cid: below.cid, name: `${index}` })),
    );
    await blocks.putMany([top]);
  }
  let walked = 0;
  for await (const _ of walkDag(readerOf(blocks), top.cid, signal)) walked++;
  expect(walked).toBe(41);
  session.end();
});
