import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { CoterieError } from "../../src/core/errors.ts";
import { limits } from "../../src/core/limits.ts";
import type { BulkChannel, BulkHandler } from "../../src/core/ports.ts";
import type { NetOptions } from "../../src/host/net/libp2p-net.ts";
import { codedError } from "../coded-error.ts";
import { chain, connectedAll, testNetwork, until, type TestNode } from "./fixture.ts";

const signal = (): AbortSignal => AbortSignal.timeout(20_000);
const lanes = ["direct", "libp2p"] as const;

async function pair(
  name: string,
  changes?: (index: number) => Partial<NetOptions>,
): Promise<[TestNode, TestNode]> {
  const nodes = (await chain(2, testNetwork(name), changes)) as [TestNode, TestNode];
  await until("both are connected", () => connectedAll(nodes));
  return nodes;
}

/** A channel from the second node to the first, seen from both. */
async function channels(
  [first, second]: readonly [TestNode, TestNode],
  lane: BulkChannel["lane"],
): Promise<{ near: BulkChannel; far: BulkChannel }> {
  const accepted = Promise.withResolvers<BulkChannel>();
  first.bulk.on("test", { handle: (channel) => accepted.resolve(channel) });
  const wanted = lane === "libp2p" ? lane : undefined;
  const near = await second.bulk.open(first.self, "test", signal(), wanted);
  return { near, far: await accepted.promise };
}

async function digest(channel: BulkChannel): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of channel.chunks) hash.update(chunk);
  return hash.digest("hex");
}

test.each(lanes)("bytes travel both ways over %s, and each side ends by itself", async (lane) => {
  const { near, far } = await channels(await pair(`both ways ${lane}`), lane);
  expect([near.lane, far.lane, near.purpose, far.purpose]).toEqual([lane, lane, "test", "test"]);
  const bytes = new Uint8Array(5_000_000).map((_, index) => index * 7 + (index >> 8));
  const wanted = createHash("sha256").update(bytes).digest("hex");
  const received = digest(far);
  for (let at = 0; at < bytes.length; at += 700_000)
    await near.write(bytes.subarray(at, at + 700_000));
  await near.end();
  expect(await received).toBe(wanted);
  // the other direction is still open
  const closed = Promise.all(
    [near, far].map((each) => new Promise<void>((done) => each.onClose(done))),
  );
  const back = digest(near);
  await far.write(bytes);
  await far.end();
  expect(await back).toBe(wanted);
  await closed;
  expect([near.bytesOut, far.bytesIn, far.bytesOut, near.bytesIn]).toEqual(
    Array(4).fill(bytes.length),
  );
});

test.each(lanes)("a writer over %s waits for a slow reader, who holds little", async (lane) => {
  const { near, far } = await channels(await pair(`slow ${lane}`), lane);
  const chunk = new Uint8Array(256 * 1024).fill(3);
  const count = 256;
  let written = 0;
  const writing = (async () => {
    for (; written < count; written++) await near.write(chunk);
    await near.end();
  })();
  let last = -1;
  let since = performance.now();
  await until("nothing moves any more", () => {
    if (written !== last) since = performance.now();
    last = written;
    return performance.now() - since > 300;
  });
  expect(written).toBeLessThan(count / 2);
  expect(far.bytesIn).toBeLessThan(limits.bulkReadAheadBytesMax + 2 * limits.streamWindowBytesMax);
  let received = 0;
  for await (const { length } of far.chunks) received += length;
  await writing;
  expect(received).toBe(count * chunk.length);
});

test.each(lanes)(
  "an abort over %s is a lost channel at the other end, not an end",
  async (lane) => {
    const { near, far } = await channels(await pair(`abort ${lane}`), lane);
    await far.write(new Uint8Array(10));
    const lost = codedError(() => digest(far), "UNREACHABLE");
    near.abort(new CoterieError("TIMEOUT", "too slow"));
    await lost;
    await codedError(() => digest(near), "TIMEOUT");
    await codedError(() => near.write(new Uint8Array(1)), "TIMEOUT");
  },
);

test("what nobody handles, or its handler does not want, is refused with the reason", async () => {
  const [first, second] = await pair("refused");
  const open = (): Promise<BulkChannel> => second.bulk.open(first.self, "test", signal());
  await codedError(open, "REFUSED");
  const handler: BulkHandler = { refuses: () => "OVERLOADED", handle: () => undefined };
  const forget = first.bulk.on("test", handler);
  await codedError(open, "OVERLOADED");
  forget();
  await codedError(open, "REFUSED");
  expect(first.metrics.read()["bulk.refused"]).toBe(3);
  await codedError(() => second.bulk.open(second.self, "test", signal()), "UNREACHABLE");
  await codedError(() => second.bulk.open(first.self, "test", AbortSignal.abort()), "ABORTED");
});

test("a peer that dialled us is reached by a socket, too", async () => {
  const [first, second] = await pair("inbound");
  const { near } = await channels([second, first], "direct");
  expect(near.lane).toBe("direct");
});

test("where the other cannot listen, the channel is the stream of the agreement", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void taken.close());
  await once(taken, "listening");
  const { port } = taken.address() as AddressInfo;
  const nodes = await pair("no socket", (index) => (index === 0 ? { bulkPort: port } : {}));
  const accepted = Promise.withResolvers<BulkChannel>();
  nodes[0].bulk.on("test", { handle: (channel) => accepted.resolve(channel) });
  const near = await nodes[1].bulk.open(nodes[0].self, "test", signal());
  await near.write(Uint8Array.of(7));
  await near.end();
  const far = await accepted.promise;
  expect([near.lane, far.lane]).toEqual(["libp2p", "libp2p"]);
  expect(await digest(far)).toBe(createHash("sha256").update(Uint8Array.of(7)).digest("hex"));
});

test.each(lanes)(
  "a partition cuts channels over %s at once, and none is opened through it",
  async (lane) => {
    const nodes = await pair(`partition ${lane}`);
    const [first, second] = nodes;
    const { near, far } = await channels(nodes, lane);
    const ends = Promise.all(
      [near, far].map((each) => codedError(() => digest(each), "UNREACHABLE")),
    );
    await first.setBlocked([second.self]);
    await ends;
    await codedError(() => second.bulk.open(first.self, "test", signal()), "UNREACHABLE");
    await first.setBlocked([]);
    await until("they are back", () => connectedAll(nodes), 10_000);
    await until("and a channel can be had", () => first.connected().length === 1);
    expect((await channels(nodes, lane)).near.lane).toBe(lane);
    expect(first.bulkChannels()[lane]).toBe(1);
  },
);

test("a ban ends the channels of the peer", async () => {
  const nodes = await pair("ban");
  const { near, far } = await channels(nodes, "direct");
  const ends = Promise.all(
    [near, far].map((each) => codedError(() => digest(each), "UNREACHABLE")),
  );
  nodes[0].ban(nodes[1].self, 1_000);
  await ends;
  expect(nodes[0].bulkChannels()).toEqual({ direct: 0, libp2p: 0 });
});

test("a socket's reading is shaped as the link is: a stall moves nothing, and gives all at its end", async () => {
  const nodes = await pair("shaped");
  const [first, second] = nodes;
  const { near, far } = await channels(nodes, "direct");
  first.setShapes(new Map([[second.self, { stall: true }]]));
  await near.write(new Uint8Array(100_000));
  await near.end();
  // the other direction is not stalled
  await far.write(new Uint8Array(10));
  await until("the other direction moves", () => near.bytesIn === 10);
  expect(far.bytesIn).toBe(0);
  first.setShapes(new Map());
  let received = 0;
  for await (const { length } of far.chunks) received += length;
  expect(received).toBe(100_000);
});
