import { expect, test } from "vitest";
import { concatBytes } from "../../src/core/codec.ts";
import { CoterieError } from "../../src/core/errors.ts";
import { limits } from "../../src/core/limits.ts";
import type { FrameChannel } from "../../src/core/ports.ts";
import { encodeLength } from "../../src/host/net/frame-parser.ts";
import { syncProtocol } from "../../src/host/net/sync-streams.ts";
import { codedError } from "../coded-error.ts";
import { chain, connectedAll, insideOf, testNetwork, until, type TestNode } from "./fixture.ts";

const signal = (): AbortSignal => AbortSignal.timeout(20_000);

/** Two connected nodes and the channels that the first accepted. */
async function pair(name: string): Promise<[TestNode, TestNode, FrameChannel[]]> {
  const nodes = (await chain(2, testNetwork(name))) as [TestNode, TestNode];
  await until("both are connected", () => connectedAll(nodes));
  const accepted: FrameChannel[] = [];
  nodes[0].onSync((channel) => accepted.push(channel));
  return [...nodes, accepted];
}

async function opened(name: string) {
  const [first, second, accepted] = await pair(name);
  const near = await second.openSync(first.self, signal());
  await until("it was accepted", () => accepted.length === 1);
  return { first, second, near, far: accepted[0]! };
}

/** A raw stream of the sync protocol, to write on it what no channel would. */
async function rawStream(from: TestNode) {
  const [connection] = insideOf(from).getConnections();
  return connection!.newStream([syncProtocol], { signal: signal() });
}

async function collect(channel: FrameChannel): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = [];
  for await (const frame of channel.frames) frames.push(frame.slice());
  return frames;
}

test("frames travel both ways, are counted, and end with a clean close", async () => {
  const { first, second, near, far } = await opened("echo");
  expect([near.peer, far.peer]).toEqual([first.self, second.self]);
  const sent = [0, 1, 127, 128, limits.syncFrameBytesMax].map((size) =>
    new Uint8Array(size).fill(size % 251),
  );
  const back = collect(near);
  const forth = (async () => {
    for await (const frame of far.frames) await far.send(frame);
    await far.close();
  })();
  for (const frame of sent) await near.send(frame);
  await near.close();
  await forth;
  expect(await back).toEqual(sent);
  const bytes = sent.reduce((sum, { length }) => sum + length + encodeLength(length).length, 0);
  expect([near.bytesOut, near.bytesIn, far.bytesIn, far.bytesOut]).toEqual([
    bytes,
    bytes,
    bytes,
    bytes,
  ]);
});

test("a sender waits for a slow consumer, who holds a bounded number of bytes", async () => {
  const { near, far } = await opened("slow");
  const frame = new Uint8Array(limits.syncFrameBytesMax).fill(7);
  const count = 256;
  let sent = 0;
  const sending = (async () => {
    for (let index = 0; index < count; index++) {
      frame[0] = index;
      await near.send(frame);
      sent++;
    }
    await near.close();
  })();
  // the sender stops by itself: everything that can be under way is, and nobody reads
  await untilSteady(() => sent);
  expect(sent).toBeLessThan(count / 2);
  expect(far.bytesIn).toBeLessThan(limits.syncReadAheadBytesMax + 2 * limits.streamWindowBytesMax);
  const frames = await collect(far);
  await sending;
  expect(frames.map((each) => each[0])).toEqual(
    Array.from({ length: count }, (_, index) => index % 256),
  );
});

async function untilSteady(read: () => number): Promise<void> {
  let last = -1;
  let since = performance.now();
  await until("nothing moves any more", () => {
    if (read() !== last) since = performance.now();
    last = read();
    return performance.now() - since > 300;
  });
}

test.each([
  ["a frame over the limit", encodeLength(limits.syncFrameBytesMax + 1)],
  ["a length that never ends", Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff)],
])("%s breaks the channel with BAD_FORMAT", async (_name, bytes) => {
  const [first, second, accepted] = await pair("broken");
  const stream = await rawStream(second);
  stream.send(concatBytes(Uint8Array.of(2, 10, 11), bytes));
  await until("it was accepted", () => accepted.length === 1);
  const frames: Uint8Array[] = [];
  const reading = (async () => {
    for await (const frame of accepted[0]!.frames) frames.push(frame.slice());
  })();
  await codedError(() => reading, "BAD_FORMAT");
  expect(frames).toEqual([Uint8Array.of(10, 11)]);
  await until("the stream is reset", () => stream.status === "reset");
  expect(first.metrics.read()["sync.bad_frames"]).toBe(1);
  await codedError(() => accepted[0]!.send(new Uint8Array(1)), "BAD_FORMAT");
});

test("a frame that ends early is BAD_FORMAT, not a clean end", async () => {
  const [, second, accepted] = await pair("short");
  const stream = await rawStream(second);
  stream.send(Uint8Array.of(5, 1, 2));
  await stream.close();
  await until("it was accepted", () => accepted.length === 1);
  await codedError(() => collect(accepted[0]!), "BAD_FORMAT");
});

test("reading and sending fail when the connection dies", async () => {
  const { first, second, near, far } = await opened("dies");
  const reading = collect(near);
  const outcome = expect(reading).rejects.toMatchObject({ code: "UNREACHABLE" });
  await first.setBlocked([second.self]);
  await outcome;
  await codedError(() => near.send(new Uint8Array(1)), "UNREACHABLE");
  await codedError(() => collect(far), "UNREACHABLE");
  await codedError(() => second.openSync(first.self, signal()), "UNREACHABLE");
});

test("an aborted channel fails at both ends with a reason", async () => {
  const { near, far } = await opened("abort");
  const reading = collect(far);
  const outcome = expect(reading).rejects.toMatchObject({ code: "UNREACHABLE" });
  near.abort(new CoterieError("TIMEOUT", "too slow"));
  await outcome;
  await codedError(() => collect(near), "TIMEOUT");
});

test("a stream that nobody is ready for is refused, and so is one to a stranger", async () => {
  const [first, second] = (await chain(2, testNetwork("early"))) as [TestNode, TestNode];
  await until("both are connected", () => connectedAll([first, second]));
  const channel = await second.openSync(first.self, signal());
  await codedError(() => collect(channel), "UNREACHABLE");
  expect(first.metrics.read()["sync.refused_early"]).toBe(1);
  await codedError(() => second.openSync(second.self, signal()), "UNREACHABLE");
});
