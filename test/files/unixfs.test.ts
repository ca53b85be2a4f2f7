import { execFileSync } from "node:child_process";
import { createCipheriv, createHash } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { exporter, recursive } from "ipfs-unixfs-exporter";
import type { CID } from "multiformats/cid";
import { describe, expect, test } from "vitest";
import { BlockSink } from "../../src/share/files/block-sink.ts";
import {
  buildFile,
  buildFolder,
  buildSmallFile,
  type Built,
} from "../../src/share/files/unixfs-build.ts";
import { readFile, readNode } from "../../src/share/files/unixfs-read.ts";
import { codedError } from "../coded-error.ts";
import { blocksOfTest } from "./blocks-of-test.ts";
import { bytesOf, KiB, MiB } from "./fixture.ts";
import { add, get, readerOf, signal, treeOf } from "./unixfs-fixture.ts";

/**
 * The vectors of IPIP-499 for `unixfs-v1-2025`, made by kubo: test/cli/cid_profiles_test.go of ipfs/kubo and
 * packages/ipfs-unixfs-importer/test/ipip-499-profiles.spec.ts of ipfs/js-ipfs-unixfs. Their bytes are the ChaCha20 key
 * stream under SHA-256 of a seed and a nonce of zeros; names are letters drawn by such bytes.
 */
describe("the published CIDs of the profile:", () => {
  function keyStream(seed: string): (bytes: number) => Buffer {
    const key = createHash("sha256").update(seed).digest();
    const cipher = createCipheriv("chacha20", key, Buffer.alloc(16));
    return (bytes) => cipher.update(Buffer.alloc(bytes));
  }

  async function* stream(seed: string, size: number): AsyncGenerator<Uint8Array> {
    const next = keyStream(seed);
    for (let left = size; left > 0; left -= MiB) yield next(Math.min(MiB, left));
  }

  async function built(build: (sink: BlockSink) => Promise<Built>): Promise<string> {
    const { blocks } = await blocksOfTest();
    const sink = new BlockSink(blocks);
    const { cid } = await build(sink);
    await sink.end();
    return cid.toString();
  }

  test("a small file", async () => {
    const bytes = Buffer.from("hello world");
    const expected = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
    expect(await built((sink) => buildSmallFile(sink, bytes))).toBe(expected);
    async function* pieces() {
      yield bytes;
    }
    expect(await built((sink) => buildFile(sink, pieces()))).toBe(expected);
  });

  test("an empty folder", async () => {
    expect(await built((sink) => buildFolder(sink, []))).toBe(
      "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354",
    );
  });

  test.each([
    [1_048_576, "bafkreiacndfy443ter6qr2tmbbdhadvxxheowwf75s6zehscklu6ezxmta"],
    [1_048_577, "bafybeigmix7t42i6jacydtquhet7srwvgpizfg7gjbq7627d35mjomtu64"],
  ])("a file of %i bytes", async (size, expected) => {
    const content = () => stream("chunk-v1-seed", size);
    expect(await built((sink) => buildFile(sink, content()))).toBe(expected);
  });

  test.each([
    [21, "bafybeic3h7rwruealwxkacabdy45jivq2crwz6bufb5ljwupn36gicplx4"],
    [22, "bafybeiegvuterwurhdtkikfhbxcldohmxp566vpjdofhzmnhv6o4freidu"],
  ])("a folder of 4,766 files, the last one's name %i letters long", async (last, expected) => {
    const letters = "abcdefghijklmnopqrstuvwxyz01234567890-_";
    const drawn = keyStream("hamt-unixfs-v1-2025")(MiB);
    const names = Array.from({ length: 4_766 }, (_, index) => {
      const bytes = drawn.subarray(index * 11, index * 11 + (index === 4_765 ? last : 11));
      return Array.from(bytes, (byte) => letters[byte % letters.length]).join("");
    });
    const cid = await built(async (sink) => {
      const file = await buildSmallFile(sink, Buffer.from("x"));
      return buildFolder(
        sink,
        names.map((name) => ({ name, ...file })),
      );
    });
    expect(cid).toBe(expected);
  });

  // 1 GiB each: `FILES_LONG=1` runs them
  test.skipIf(process.env["FILES_LONG"] !== "1").each([
    [1_024 * MiB, "bafybeihmf37wcuvtx4hpu7he5zl5qaf2ineo2lqlfrapokkm5zzw7zyhvm"],
    [1_024 * MiB + 1, "bafybeibdsi225ugbkmpbdohnxioyab6jsqrmkts3twhpvfnzp77xtzpyhe"],
  ])("a file of %i bytes", { timeout: 120_000 }, async (size, expected) => {
    const content = () => stream("v1-2025-seed", size);
    expect(await built((sink) => buildFile(sink, content()))).toBe(expected);
  });
});

describe("a folder", () => {
  function plant(folder: string): string {
    const source = join(folder, "source");
    mkdirSync(join(source, "deep/er/empty"), { recursive: true });
    writeFileSync(join(source, "empty"), "");
    writeFileSync(join(source, "small"), "small");
    writeFileSync(join(source, "deep/large"), bytesOf(7, 3 * MiB + 17));
    writeFileSync(join(source, "deep/chunk"), bytesOf(8, MiB));
    for (let index = 0; index < 300; index++) {
      writeFileSync(join(source, `deep/er/file-${index}`), bytesOf(index, index * 10));
    }
    symlinkSync("deep/large", join(source, "link"));
    symlinkSync("../../small", join(source, "deep/er/up"));
    symlinkSync("nowhere", join(source, "dangling"));
    for (const name of [
      " lead and trail ",
      "back\\slash",
      "back\\",
      "ünï",
      "-rf",
      "a\nb",
      "...",
      "%2e",
      "#",
    ]) {
      writeFileSync(join(source, name), name);
    }
    return source;
  }

  test("comes out as it went in, with odd names, links and empty folders", async () => {
    const { blocks, folder } = await blocksOfTest();
    const source = plant(folder);
    const { cid } = await add(blocks, source);
    await get(blocks, cid, join(folder, "out"));
    expect(treeOf(join(folder, "out"))).toEqual(treeOf(source));
    expect(readdirSync(folder).filter((name) => name.includes(".tmp"))).toEqual([]);
    expect((await add(blocks, source)).cid.toString()).toBe(cid.toString());
  });

  test("is read alike by other software", async () => {
    const { blocks, folder } = await blocksOfTest();
    const source = plant(folder);
    const { cid } = await add(blocks, source);
    const read = readerOf(blocks);
    const store = {
      get: async function* (one: CID) {
        yield await read(one, signal);
      },
    };
    const seen: Record<string, string> = {};
    for await (const entry of recursive(cid, store)) {
      const path = entry.path.split("/").slice(1).join("/");
      const found = await exporter(entry.cid, store);
      if (path === "") continue;
      if (found.type === "directory") {
        seen[path] = "folder";
      } else if (found.type === "raw" || (found.type === "file" && found.unixfs.type === "file")) {
        const hash = createHash("sha1");
        for await (const piece of found.content()) hash.update(piece);
        seen[path] = hash.digest("hex");
      }
    }
    const links = Object.entries(treeOf(source)).filter(([, what]) => !what.startsWith("->"));
    expect(seen).toEqual(Object.fromEntries(links));
  });

  test("of 1,200 long names is sharded and comes out whole", async () => {
    const { blocks, folder } = await blocksOfTest();
    const sink = new BlockSink(blocks);
    const session = blocks.session();
    const files = await Promise.all(
      Array.from({ length: 1_200 }, async (_, index) => ({
        name: `${"long ".repeat(42)}${index}`,
        ...(await buildSmallFile(sink, Buffer.from(String(index)))),
      })),
    );
    const { cid } = await buildFolder(sink, files);
    await sink.end();
    expect((await readNode(readerOf(blocks), cid, signal)).kind).toBe("shard");
    const out = join(folder, "out");
    await get(blocks, cid, out);
    session.end();
    const found = readdirSync(out);
    expect(found.toSorted()).toEqual(files.map(({ name }) => name).toSorted());
    expect(readFileSync(join(out, files[1_032]!.name), "utf8")).toBe("1032");
  });
});

describe("adding is refused, with the path, for", () => {
  test("a path that is not there, a pipe and a socket", async () => {
    const { blocks, folder } = await blocksOfTest();
    const missing = await codedError(() => add(blocks, join(folder, "missing")), "BAD_FILE");
    expect(missing.message).toContain(join(folder, "missing"));
    const source = join(folder, "source");
    mkdirSync(source);
    execFileSync("mkfifo", [join(source, "pipe")]);
    const pipe = await codedError(() => add(blocks, source), "BAD_FILE");
    expect(pipe.message).toContain(join(source, "pipe"));
    await codedError(() => add(blocks, join(source, "pipe")), "BAD_FILE");
  });

  test.skipIf(process.getuid?.() === 0)("a file that cannot be read", async () => {
    const { blocks, folder } = await blocksOfTest();
    const path = join(folder, "secret");
    writeFileSync(path, "secret");
    chmodSync(path, 0);
    const error = await codedError(() => add(blocks, path), "BAD_FILE");
    expect(error.message).toBe(`cannot add ${JSON.stringify(path)}: permission denied`);
  });

  test("a name that is not UTF-8", async () => {
    const { blocks, folder } = await blocksOfTest();
    const source = join(folder, "source");
    mkdirSync(source);
    writeFileSync(Buffer.concat([Buffer.from(`${source}/bad-`), Buffer.from([0xff])]), "x");
    const error = await codedError(() => add(blocks, source), "BAD_FILE");
    expect(error.message).toMatch(/not UTF-8/);
  });

  test.each(["/etc/hostname", "../outside", "deep/../../outside", "deep/.."])(
    "a symbolic link to %s, unless it is to be kept or left out",
    async (target) => {
      const { blocks, folder } = await blocksOfTest();
      const source = join(folder, "source");
      mkdirSync(source);
      writeFileSync(join(source, "file"), "x");
      symlinkSync(target, join(source, "link"));
      const error = await codedError(() => add(blocks, source), "BAD_FILE");
      expect(error.message).toContain(join(source, "link"));
      const skipped = await add(blocks, source, { outsideLinks: "skip" });
      await get(blocks, skipped.cid, join(folder, "out"));
      expect(readdirSync(join(folder, "out"))).toEqual(["file"]);
      const kept = await add(blocks, source, { outsideLinks: "keep" });
      await codedError(() => get(blocks, kept.cid, join(folder, "kept")), "BAD_DAG");
      expect(existsSync(join(folder, "kept"))).toBe(false);
    },
  );

  test.each([
    ["grows", 10 * KiB],
    ["grows", 3 * MiB],
    ["is overwritten", 3 * MiB],
  ])("a file that %s while it is read, of %i bytes", async (how, size) => {
    const { blocks, folder } = await blocksOfTest();
    const path = join(folder, "file");
    writeFileSync(path, bytesOf(1, size));
    let times = 0;
    const onRead = () => {
      if (times++ > 0) return;
      if (how === "grows") appendFileSync(path, "more");
      else writeFileSync(path, bytesOf(2, size));
    };
    const error = await codedError(() => add(blocks, path, { onRead }), "FILE_CHANGED");
    expect(error.message).toContain(path);
  });
});

test("a part of a file can be read from anywhere in it", async () => {
  const { blocks, folder } = await blocksOfTest();
  const bytes = bytesOf(3, 5 * MiB + 123);
  writeFileSync(join(folder, "file"), bytes);
  const { cid } = await add(blocks, join(folder, "file"));
  const node = await readNode(readerOf(blocks), cid, signal);
  if (node.kind !== "file") throw new Error("it is no file");
  for (const [offset, length] of [
    [0, 10],
    [MiB - 5, 10],
    [2 * MiB, MiB],
    [5 * MiB + 100, 1_000],
    [9 * MiB, 1],
  ] as const) {
    const pieces: Uint8Array[] = [];
    for await (const piece of readFile(readerOf(blocks), node, signal, { offset, length }))
      pieces.push(piece);
    expect(Buffer.concat(pieces).equals(bytes.subarray(offset, offset + length))).toBe(true);
  }
});
