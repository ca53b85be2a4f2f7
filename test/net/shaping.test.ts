import { expect, test } from "vitest";
import type { FrameChannel, PeerName } from "../../src/core/ports.ts";
import type { LinkShape } from "../../src/host/net/libp2p-net.ts";
import type { Pingable } from "../../src/host/net/pulse.ts";
import { codedError } from "../coded-error.ts";
import {
  chain,
  connectedAll,
  insideOf,
  node,
  testNetwork,
  until,
  type TestNode,
} from "./fixture.ts";

const signal = (): AbortSignal => AbortSignal.timeout(20_000);

async function pair(name: string): Promise<[TestNode, TestNode]> {
  const nodes = (await chain(2, testNetwork(name))) as [TestNode, TestNode];
  await until("both are connected", () => connectedAll(nodes));
  return nodes;
}

/** What `from` sends to `to`. */
function shape(from: TestNode, to: TestNode, link: LinkShape | undefined): void {
  const shapes: [PeerName, LinkShape][] = link === undefined ? [] : [[from.self, link]];
  to.setShapes(new Map(shapes));
}

function connectionOf(each: TestNode): Pingable {
  return insideOf(each).getConnections()[0] as Pingable;
}

const ping = (each: TestNode): Promise<number> =>
  connectionOf(each).muxer.ping({ signal: signal() });

test("latency counts in each direction that has it, until it is cleared", async () => {
  const [first, second] = await pair("latency");
  shape(second, first, { latencyMs: 80 });
  expect(await ping(first)).toBeGreaterThanOrEqual(80);
  shape(first, second, { latencyMs: 80 });
  expect(await ping(first)).toBeGreaterThanOrEqual(160);
  expect(first.shapes()).toEqual(new Map([[second.self, { latencyMs: 80 }]]));
  shape(second, first, undefined);
  shape(first, second, undefined);
  expect(await ping(first)).toBeLessThan(80);
});

async function channels(first: TestNode, second: TestNode): Promise<[FrameChannel, FrameChannel]> {
  const accepted: FrameChannel[] = [];
  first.onSync((channel) => accepted.push(channel));
  const near = await second.openSync(first.self, signal());
  await until("it was accepted", () => accepted.length === 1);
  return [accepted[0]!, near];
}

test("a link that is stalled one way is open, moves bytes the other way, and gives them all at its end", async () => {
  const [first, second] = await pair("stall");
  const [far, near] = await channels(first, second);
  shape(first, second, { stall: true });
  await far.send(Uint8Array.of(1));
  await near.send(Uint8Array.of(2));
  const back = near.frames[Symbol.asyncIterator]().next();
  const forth = await far.frames[Symbol.asyncIterator]().next();
  expect(forth.value).toEqual(Uint8Array.of(2));
  const held = performance.now() + 400;
  await until("the stall holds", () => {
    expect(near.bytesIn).toBe(0);
    expect(connectedAll([first, second])).toBe(true);
    return performance.now() > held;
  });
  shape(first, second, undefined);
  expect((await back).value).toEqual(Uint8Array.of(1));
});

test("a rate is kept, and its sender waits instead of filling memory", async () => {
  const [first, second] = await pair("rate");
  const [far, near] = await channels(first, second);
  shape(first, second, { bitsPerSecond: 8e6 });
  const count = 16;
  const startedAt = performance.now();
  const sending = (async () => {
    for (let index = 0; index < count; index++) await far.send(new Uint8Array(64 * 1024));
    await far.close();
  })();
  let received = 0;
  for await (const frame of near.frames) received += frame.byteLength;
  await sending;
  expect(received).toBe(count * 64 * 1024);
  const tookMs = performance.now() - startedAt;
  expect(tookMs).toBeGreaterThan(1_000);
  expect(tookMs).toBeLessThan(5_000);
});

test("a link that resets loses its connections, and they come back", async () => {
  const [first, second] = await pair("reset");
  let lost = 0;
  first.onPeer((_peer, up) => void (lost += up ? 0 : 1));
  shape(first, second, { resetPerSecond: 1 });
  await until("it was reset", () => lost > 0, 5_000);
  shape(first, second, undefined);
  await until("they are back", () => connectedAll([first, second]), 10_000);
});

test("shapes hold for connections made later, need the flag, and peer ids", async () => {
  const network = testNetwork("later");
  const [first, safe] = [await node(network), await node(network, { faults: false })];
  await codedError(async () => safe.setShapes(new Map()), "FAULTS_DISABLED");
  await codedError(async () => first.setShapes(new Map([["nobody", {}]])), "BAD_REQUEST");
  first.setShapes(new Map([[safe.self, { latencyMs: 80 }]]));
  await safe.dial(first.addresses(), signal());
  await until("they are connected", () => connectedAll([first, safe]));
  expect(await ping(first)).toBeGreaterThanOrEqual(80);
});
