import { expect, test } from "vitest";
import { CID } from "multiformats/cid";
import { create as multihash } from "multiformats/hashes/digest";
import { fromHex, toHex } from "../../src/core/codec.ts";
import { CoterieError } from "../../src/core/errors.ts";
import { limits } from "../../src/core/limits.ts";
import type { BulkChannel, Hasher, PeerName } from "../../src/core/ports.ts";
import { systemClock } from "../../src/host/clock.ts";
import { ByteReader } from "../../src/share/files/transfer/byte-reader.ts";
import { FetchError } from "../../src/share/files/transfer/fetcher.ts";
import {
  blocksProtocol,
  decodeAnswers,
  decodeWants,
  encodeGroupHead,
  encodeWants,
  groupLength,
  wantsLength,
} from "../../src/share/files/transfer/frames.ts";
import { linksInOrder } from "../../src/share/files/block-links.ts";
import { codedError } from "../coded-error.ts";
import { until, type TestNode } from "../net/fixture.ts";
import { cidOf, MemoryBlocks } from "./dag.ts";
import {
  block,
  group,
  hasher,
  honest,
  hurried,
  impatient,
  serve,
  serveByHand,
  stored,
} from "./transfer-fixture.ts";

test.each([undefined, "libp2p"] as const)(
  "a DAG comes whole over %s, big blocks and small",
  async (lane) => {
    const { others, here, get } = await group(`whole ${lane ?? "direct"}`, 1);
    const there = new MemoryBlocks();
    const root = there.node([there.file(12, 1_048_576), there.file(1_000, 300), there.file(1, 0)]);
    serve(others[0]!, there);
    let seen = 0;
    const report = await get(root, others, {
      onProgress: ({ bytes }) => (seen = bytes),
      ...(lane && { lane }),
    });
    stored(here, there);
    expect(report).toMatchObject({ blocks: there.blocks.size, bytes: seen });
    expect(report.sources).toMatchObject([{ lane: lane ?? "direct", blocks: report.blocks }]);
    expect(here.flushes).toBe(1);
    // the channel is over at both ends
    await until("it is closed", () => others[0]!.bulkChannels()[lane ?? "direct"] === 0);
  },
);

test("what is here is not asked for again, wherever it ends", async () => {
  const { others, here, get } = await group("resume", 1);
  const there = new MemoryBlocks();
  const root = there.file(500, 2_000);
  let asked = 0;
  const channels = serveByHand(others[0]!, (cid, channel, count) => {
    asked++;
    if (count === 250 && channels.length === 1)
      channel.abort(new CoterieError("ABORTED", "killed"));
    return honest(there, cid);
  });
  const first = await get(root, others);
  expect(channels).toHaveLength(2);
  expect(first.blocks).toBe(there.blocks.size);
  // what was under way when it died, once more
  expect(asked).toBeLessThan(there.blocks.size + limits.blockWindowMax);
  asked = 0;
  for (const name of [...here.blocks.keys()].slice(100, 110)) here.blocks.delete(name);
  expect((await get(root, others)).blocks).toBe(10);
  expect(asked).toBe(10);
  // nobody is asked for what is whole
  expect((await get(root, [])).blocks).toBe(0);
});

test("several holders share the work, though none has all of it", async () => {
  const { others, here, get } = await group("several", 3);
  const there = new MemoryBlocks();
  const root = there.file(600, 4_000);
  for (const [index, holder] of others.entries()) {
    const part = new MemoryBlocks();
    for (const [at, entry] of [...there.blocks].entries()) {
      if (at % 3 !== index || at > 590) part.blocks.set(...entry);
    }
    serve(holder, part);
  }
  const { sources } = await get(root, others);
  stored(here, there);
  expect(sources.filter(({ blocks }) => blocks > 50)).toHaveLength(3);
});

test("a liar's block is not stored: it is charged and dropped, and the others carry on", async () => {
  const { others, here, charged, get, getter } = await group("liar", 2);
  const there = new MemoryBlocks();
  const root = there.file(400, 3_000);
  const [liar, other] = others as [TestNode, TestNode];
  serveByHand(liar, async (cid, _channel, count) => {
    const bytes = (await there.get(cid))!.slice();
    if (count === 30) bytes[17]! ^= 1;
    return block(bytes);
  });
  serve(other, there);
  const { sources } = await get(root, others);
  stored(here, there);
  expect(charged).toEqual([liar.self]);
  expect(sources[0]).toMatchObject({ peer: liar.self, blocks: 30, failure: { code: "CORRUPT" } });
  expect(getter.metrics.read()["files.lies"]).toBe(1);
});

test("the same of blocks so large that they are checked beside the loop", async () => {
  // as many as may be are being checked when the first lie is found
  const slow: Hasher = {
    sha256: async (bytes) => {
      const hashed = await hasher.sha256(bytes);
      await systemClock.sleep(30);
      return hashed;
    },
  };
  const { others, here, charged, get } = await group("large liar", 2, impatient, slow);
  const there = new MemoryBlocks();
  const root = there.file(24, 1_048_576);
  const [liar, other] = others as [TestNode, TestNode];
  serveByHand(liar, async (cid, _channel, count) => {
    const bytes = (await there.get(cid))!.slice();
    if (count >= 3) bytes[1_048_575]! ^= 1;
    return block(bytes);
  });
  serve(other, there);
  const { sources } = await get(root, others);
  stored(here, there);
  expect(charged).toEqual([liar.self]);
  expect(sources[0]).toMatchObject({ peer: liar.self, failure: { code: "CORRUPT" } });
  expect(sources[0]!.blocks).toBe(3);
});

test("a block whose bytes are lost while they are checked is asked for again", async () => {
  let losses = 2;
  const losing: Hasher = {
    sha256: async (bytes) => {
      const hashed = await hasher.sha256(bytes);
      if (losses-- > 0) throw new CoterieError("INTERNAL", "the worker thread ended");
      return hashed;
    },
  };
  const { others, here, charged, get } = await group("lost", 1, impatient, losing);
  const there = new MemoryBlocks();
  const root = there.file(12, 1_048_576);
  serve(others[0]!, there);
  await get(root, others);
  stored(here, there);
  expect(losses).toBeLessThan(0);
  expect(charged).toEqual([]);
});

test("alone with a liar, the failure names it", async () => {
  const { others, charged, get } = await group("only liar", 1);
  const there = new MemoryBlocks();
  serveByHand(others[0]!, () => block(Uint8Array.of(6, 6, 6)));
  const error = await codedError(() => get(there.file(3, 100), others), "CORRUPT");
  expect(error.message).toContain(others[0]!.self);
  expect((error as FetchError).sources[0]?.failure?.code).toBe("CORRUPT");
  expect(charged).toEqual([others[0]!.self]);
});

test("what an idle holder could bring does not wait for one that is silent", async () => {
  const { others, here, get } = await group("silent", 2);
  const there = new MemoryBlocks();
  const root = there.file(40, 3_000);
  const never = new Promise<Uint8Array>(() => undefined);
  serveByHand(others[0]!, (cid, _channel, count) => (count < 3 ? honest(there, cid) : never));
  serveByHand(others[1]!, (cid) => honest(there, cid));
  const startedAt = performance.now();
  await get(root, others);
  stored(here, there);
  expect(performance.now() - startedAt).toBeLessThan(limits.blockAnswerMs);
});

test("a holder that accepts and never answers is given up, and so is one that answers half a block", async () => {
  const { others, here, get } = await group("never", 2, hurried);
  const there = new MemoryBlocks();
  const root = there.file(4, 100);
  const never = new Promise<Uint8Array>(() => undefined);
  const [mute, half] = others as [TestNode, TestNode];
  serveByHand(mute, () => never);
  serveByHand(half, async (cid, _channel, count) =>
    count % 2 === 0 ? (await honest(there, cid)).subarray(0, 50) : never,
  );
  const error = await codedError(() => get(root, others), "TIMEOUT");
  expect((error as FetchError).sources.map(({ failure }) => failure?.code)).toEqual(
    Array(2).fill("TIMEOUT"),
  );
  expect(here.blocks.size).toBe(0);
});

test("more than was asked, blocks over the limit and nonsense end the channel without a block", async () => {
  const { others, here, get } = await group("unwanted", 3);
  const there = new MemoryBlocks();
  const root = there.file(4, 100);
  const [many, large, odd] = others as [TestNode, TestNode, TestNode];
  serveByHand(many, () =>
    encodeGroupHead(Array.from({ length: 2 }, () => ({ kind: "absent" as const, size: 0 }))),
  );
  serveByHand(large, () => encodeGroupHead([{ kind: "block", size: limits.blockBytesMax + 1 }]));
  serveByHand(odd, () => Uint8Array.of(0, 1, 9, 0, 0, 0, 0));
  const error = await codedError(() => get(root, others), "BAD_FORMAT");
  expect((error as FetchError).sources.map(({ failure }) => failure?.code)).toEqual(
    Array(3).fill("BAD_FORMAT"),
  );
  expect(here.blocks.size).toBe(0);
});

test("the failure says why: nobody has it, it is damaged there, refused, or nobody can be reached", async () => {
  const { others, get, getter } = await group("reasons", 2);
  const there = new MemoryBlocks();
  const root = there.file(4, 100);
  const [first, second] = others as [TestNode, TestNode];
  await codedError(() => get(root, [first]), "REFUSED");
  serve(first, new MemoryBlocks());
  serve(second, new MemoryBlocks());
  const absent = await codedError(() => get(root, others), "NOT_FOUND");
  expect(absent.message).toContain(root.toString());
  expect((absent as FetchError).sources).toMatchObject([{ absent: 1 }, { absent: 1 }]);
  const broken = new MemoryBlocks();
  broken.get = async () => Promise.reject(new CoterieError("CORRUPT", "another checksum"));
  serve(second, broken);
  const damaged = await codedError(() => get(root, [second]), "NOT_FOUND");
  expect((damaged as FetchError).sources).toMatchObject([{ damaged: 1 }]);
  second.bulk.on(blocksProtocol, { refuses: () => "OVERLOADED", handle: () => undefined });
  await codedError(() => get(root, [second]), "OVERLOADED");
  await codedError(() => get(root, [getter]), "UNREACHABLE");
  await codedError(() => get(root, []), "NOT_FOUND");
  await codedError(() => get(root, [first], { signal: AbortSignal.abort() }), "ABORTED");
});

test("a full disk ends the transfer with its code", async () => {
  const { others, here, get } = await group("full", 1);
  const there = new MemoryBlocks();
  serve(others[0]!, there);
  here.putMany = async () => Promise.reject(new CoterieError("STORE_FULL", "no room"));
  await codedError(() => get(there.file(50, 1_000), others), "STORE_FULL");
  await until("the channel is cut", () => others[0]!.bulkChannels().direct === 0);
});

test("DAGs made to be walked for ever are walked once, or refused", async () => {
  const { others, here, get } = await group("bombs", 1);
  const there = new MemoryBlocks();
  serve(others[0]!, there);
  // 10^40 leaves, said in 40 nodes
  let bomb = there.file(10, 100);
  for (let depth = 0; depth < 40; depth++)
    bomb = there.node(Array.from({ length: 10 }, () => bomb));
  expect((await get(bomb, others)).blocks).toBe(there.blocks.size);
  stored(here, there);
  const wide = there.node(Array.from({ length: limits.blockLinksMax + 1 }, () => bomb));
  await codedError(() => get(wide, others), "BAD_BLOCK");
  const notNode = there.add(Uint8Array.of(0xff, 1), 0x70);
  await codedError(() => get(notNode, others), "BAD_BLOCK");
  await codedError(() => get(there.add(Uint8Array.of(1), 0x71), others), "UNSUPPORTED_TYPE");
  const sha1 = CID.createV1(0x55, multihash(0x11, new Uint8Array(20)));
  await codedError(() => get(there.node([sha1]), others), "UNSUPPORTED_TYPE");
});

test("a chain of 1,000 nodes is followed without depth, and what a CID itself holds is not asked for", async () => {
  const { others, here, get } = await group("deep", 1);
  const there = new MemoryBlocks();
  serve(others[0]!, there);
  let root: CID = CID.createV1(0x55, multihash(0x00, Uint8Array.of(1, 2, 3)));
  for (let depth = 0; depth < 1_000; depth++) root = there.node([root]);
  expect((await get(root, others)).blocks).toBe(1_000);
  stored(here, there);
});

test("of a DAG only those links are followed that are wanted", async () => {
  const { others, here, get } = await group("range", 1);
  const there = new MemoryBlocks();
  const root = there.file(100, 50, 10);
  serve(others[0]!, there);
  const report = await get(root, others, {
    links: (cid, bytes) => linksInOrder(cid, bytes).slice(0, 2),
  });
  expect(report.blocks).toBe(1 + 2 + 4);
  expect(here.has(root)).toBe(true);
});

test("a holder serves a peer a bounded number of channels, and charges each byte to the peer's budget", async () => {
  const { others, getter, get } = await group("budget", 1);
  const there = new MemoryBlocks();
  const root = there.file(30, 1_000);
  const spent: [PeerName, number][] = [];
  serve(others[0]!, there, { spend: async (peer, bytes) => void spent.push([peer, bytes]) });
  const open = (): Promise<BulkChannel> =>
    getter.bulk.open(others[0]!.self, blocksProtocol, AbortSignal.timeout(10_000));
  const channels = [];
  for (let index = 0; index < limits.blockChannelsPerPeerMax; index++) channels.push(await open());
  await codedError(open, "OVERLOADED");
  for (const channel of channels) channel.abort(new Error("done"));
  await until("they are closed", () => others[0]!.bulkChannels().direct === 0);
  const { bytes } = await get(root, others);
  expect(new Set(spent.map(([peer]) => peer))).toEqual(new Set([getter.self]));
  expect(spent.reduce((sum, [, each]) => sum + each, 0)).toBe(bytes);
});

test("wants that are none end the channel", async () => {
  const { others, getter } = await group("bad wants", 1);
  serve(others[0]!, new MemoryBlocks());
  for (const bytes of [Uint8Array.of(255, 255, 255, 255), Uint8Array.of(0, 0, 0, 2, 1, 9)]) {
    const channel = await getter.bulk.open(
      others[0]!.self,
      blocksProtocol,
      AbortSignal.timeout(10_000),
    );
    await channel.write(bytes);
    await codedError(() => new ByteReader(channel.chunks, systemClock).take(1), "UNREACHABLE");
  }
});

test("vectors: wants and answers", async () => {
  const cid = cidOf(Uint8Array.of(1, 2, 3));
  const digest = "039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81";
  const wants = `000000252401551220${digest}`;
  expect(toHex(encodeWants([cid]))).toBe(wants);
  expect(wantsLength(fromHex("00000025"))).toBe(0x25);
  expect(decodeWants(fromHex(wants.slice(8)))).toEqual([cid]);
  const heads = [
    { kind: "block", size: 0x012345 },
    { kind: "absent", size: 0 },
    { kind: "damaged", size: 0 },
  ] as const;
  const answers = "0003000001234501000000000200000000";
  expect(toHex(encodeGroupHead(heads))).toBe(answers);
  expect(groupLength(fromHex("0003"), 3)).toBe(3);
  expect(decodeAnswers(fromHex(answers.slice(4)))).toEqual(heads);
  for (const length of ["00000000", "ffffffff"]) {
    await codedError(() => wantsLength(fromHex(length)), "BAD_FORMAT");
  }
  for (const count of ["0000", "0004"]) {
    await codedError(() => groupLength(fromHex(count), 3), "BAD_FORMAT");
  }
  for (const bad of ["0300000000", "0100000001", "0000200001"]) {
    await codedError(() => decodeAnswers(fromHex(bad)), "BAD_FORMAT");
  }
});
