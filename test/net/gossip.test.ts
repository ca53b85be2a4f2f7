import { randomBytes } from "node:crypto";
import type { PeerId, Stream } from "@libp2p/interface";
import { expect, test } from "vitest";
import { concatBytes, decodeUtf8, encodeUtf8 } from "../../src/core/codec.ts";
import { limits } from "../../src/core/limits.ts";
import type { Verdict } from "../../src/core/ports.ts";
import { encodeLength } from "../../src/host/net/frame-parser.ts";
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

const topic = "coterie/test";

/** Subscribes and keeps what arrives. */
function listen(each: TestNode, verdict: (text: string) => Verdict = () => "accept"): string[] {
  const heard: string[] = [];
  each.pubsub.onMessage((_topic, data) => {
    const text = data.length < 100 ? decodeUtf8(data) : `${data.length} bytes`;
    heard.push(text);
    return verdict(text);
  });
  each.pubsub.subscribe(topic);
  return heard;
}

async function untilMeshed(nodes: readonly TestNode[], peers: number): Promise<void> {
  await until("the mesh is there", () =>
    nodes.every((each) => each.pubsub.topics().every(({ meshPeers }) => meshPeers >= peers)),
  );
}

/** A line: every node may talk to its neighbours only. */
async function line(count: number): Promise<TestNode[]> {
  const nodes = await chain(count, testNetwork("line"), () => ({ connectionsWanted: 1 }));
  for (const [index, each] of nodes.entries()) {
    const far = nodes.filter((_, other) => Math.abs(other - index) > 1);
    await each.setBlocked(far.map(({ self }) => self));
  }
  await until("the line is whole", () =>
    nodes.every((each, at) => each.connected().length === (at % (count - 1) === 0 ? 1 : 2)),
  );
  return nodes;
}

test("a message crosses three hops and reaches each receiver exactly once", async () => {
  const nodes = await line(4);
  const heard = nodes.map((each) => listen(each));
  await untilMeshed(nodes, 1);
  for (let index = 0; index < 20; index++) {
    await nodes[0]!.pubsub.publish(topic, encodeUtf8(`m${index}`));
  }
  await until("all arrived", () => heard.slice(1).every(({ length }) => length >= 20));
  const expected = Array.from({ length: 20 }, (_, index) => `m${index}`);
  expect(heard.slice(1).map((texts) => texts.toSorted())).toEqual(
    Array.from({ length: 3 }, () => expected.toSorted()),
  );
  expect(heard[0]).toEqual([]);
});

test("duplicates from several neighbours reach the receiver once", async () => {
  const nodes = await chain(6, testNetwork("duplicates"));
  const heard = nodes.map((each) => listen(each));
  await until("all know all", () => connectedAll(nodes));
  await untilMeshed(nodes, 2);
  await Promise.all(
    nodes.map((each, from) =>
      Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          each.pubsub.publish(topic, encodeUtf8(`${from}/${index}`)),
        ),
      ),
    ),
  );
  await until("all arrived", () => heard.every(({ length }) => length >= 50));
  for (const texts of heard) expect(new Set(texts).size).toBe(texts.length);
});

test("only an accepted message is relayed, and verdicts are counted", async () => {
  const [first, middle, last] = (await line(3)) as [TestNode, TestNode, TestNode];
  listen(first);
  const heardAtMiddle = listen(middle, (text) => (text === "no" ? "ignore" : "accept"));
  const heardAtLast = listen(last);
  await untilMeshed([first, middle, last], 1);
  await first.pubsub.publish(topic, encodeUtf8("no"));
  await first.pubsub.publish(topic, encodeUtf8("yes"));
  await until("the second arrived", () => heardAtLast.length > 0);
  expect(heardAtLast).toEqual(["yes"]);
  expect(heardAtMiddle).toEqual(["no", "yes"]);
  expect(middle.metrics.read()).toMatchObject({ "gossip.ignore": 1, "gossip.received": 2 });
});

test("a verdict may come later: nothing is relayed before, and all who sent it meanwhile are named", async () => {
  const nodes = (await chain(3, testNetwork("later"))) as [TestNode, TestNode, TestNode];
  const [first, second, third] = nodes;
  await until("all know all", () => connectedAll(nodes));
  listen(first);
  let sources: () => readonly string[] = () => [];
  const { promise: judged, resolve: judge } = Promise.withResolvers<Verdict>();
  second.pubsub.onMessage((_topic, _data, _from, names) => {
    sources = names;
    return judged;
  });
  second.pubsub.subscribe(topic);
  const heard = listen(third);
  await untilMeshed(nodes, 2);
  await first.pubsub.publish(topic, encodeUtf8("hello"), "mesh");
  await until("the second heard it from both others", () => sources().length === 2);
  expect(sources().toSorted()).toEqual([first.self, third.self].toSorted());
  expect(heard).toEqual(["hello"]);
  judge("reject");
  await until("the verdict is counted", () => second.metrics.read()["gossip.reject"] === 1);
});

test("a late verdict is as good as one at once", async () => {
  const [first, middle, last] = (await line(3)) as [TestNode, TestNode, TestNode];
  listen(first);
  const { promise: judged, resolve: judge } = Promise.withResolvers<Verdict>();
  let asked = 0;
  middle.pubsub.onMessage(() => (asked++, judged));
  middle.pubsub.subscribe(topic);
  const heard = listen(last);
  await untilMeshed([first, middle, last], 1);
  await first.pubsub.publish(topic, encodeUtf8("hello"));
  await until("it is being judged", () => asked === 1);
  expect(heard).toEqual([]);
  judge("accept");
  await until("it is relayed", () => heard.length === 1);
});

test("a receiver that throws costs the message, not the node", async () => {
  const [first, second] = (await chain(2, testNetwork("throws"))) as [TestNode, TestNode];
  listen(first);
  const heard = listen(second, (text) => {
    if (text === "bad") throw new Error("broken receiver");
    return "accept";
  });
  await untilMeshed([first, second], 1);
  await first.pubsub.publish(topic, encodeUtf8("bad"));
  await first.pubsub.publish(topic, encodeUtf8("good"));
  await until("the second arrived", () => heard.includes("good"));
  expect(second.metrics.read()["gossip.receiver_failed"]).toBe(1);
});

test("publishing is bounded in size, and the largest message gets through", async () => {
  const [first, second] = (await chain(2, testNetwork("size"))) as [TestNode, TestNode];
  listen(first);
  const heard = listen(second);
  await untilMeshed([first, second], 1);
  const largest = randomBytes(limits.gossipMessageBytesMax);
  expect(await first.pubsub.publish(topic, largest)).toBe(1);
  await until("it arrived", () => heard.length === 1);
  await codedError(
    () => first.pubsub.publish(topic, randomBytes(limits.gossipMessageBytesMax + 1)),
    "TOO_LARGE",
  );
  expect(await first.pubsub.publish(topic, largest)).toBe(0);
});

test("a message is published with nobody there", async () => {
  const alone = await node(testNetwork("alone"));
  listen(alone);
  expect(await alone.pubsub.publish(topic, encodeUtf8("hello?"))).toBe(0);
  expect(alone.pubsub.topics()).toEqual([{ topic, meshPeers: 0, subscribers: 0 }]);
});

test("oversize, malformed and unwanted messages are counted, and gossip goes on", async () => {
  const [sender, receiver] = (await chain(2, testNetwork("rude"))) as [TestNode, TestNode];
  listen(sender);
  const heard = listen(receiver);
  await untilMeshed([sender, receiver], 1);
  const { gossip } = insideOf(sender).services;
  const stream = gossip.streamsOutbound.get(receiver.self) as { push(bytes: Uint8Array): void };
  const send = (bytes: Uint8Array): void => stream.push(bytes);

  send(Uint8Array.of(0xff, 0xff, 0xff));
  await until("nonsense is counted", () => receiver.metrics.read()["gossip.malformed"] === 1);
  send(rpcOf(topic, encodeUtf8("signed"), Uint8Array.of(0x2a, 1, 7)));
  await until("a signature is counted", () => receiver.metrics.read()["gossip.malformed"] === 2);
  send(rpcOf("coterie/other", encodeUtf8("what?")));
  await until("an unknown topic is", () => receiver.metrics.read()["gossip.unsubscribed"] === 1);
  send(rpcOf(topic, new Uint8Array(limits.gossipMessageBytesMax + 1)));
  await until("a large message is", () => receiver.metrics.read()["gossip.oversize"] === 1);
  send(new Uint8Array(limits.gossipRpcBytesMax + 1));
  await until("a large call is", () => receiver.metrics.read()["gossip.oversize"] === 2);

  await until("both talk again", () => [sender, receiver].every((each) => isMeshed(each)));
  await sender.pubsub.publish(topic, encodeUtf8("after all"));
  await until("it arrived", () => heard.includes("after all"));
  expect(heard).toEqual(["after all"]);
});

test("a gossip stream that dies is opened again while the peers stay connected", async () => {
  const [sender, receiver] = (await chain(2, testNetwork("stream"))) as [TestNode, TestNode];
  listen(sender);
  const heard = listen(receiver);
  await untilMeshed([sender, receiver], 1);
  const changes: boolean[] = [];
  const before = receiver.connected();
  sender.onPeer((_peer, up) => changes.push(up));
  for (const connection of insideOf(sender).getConnections()) {
    for (const stream of connection.streams.filter(isGossip)) stream.abort(new Error("test"));
  }
  await until("both talk again", () =>
    [sender, receiver].every((each) => insideOf(each).services.gossip.streamsOutbound.size === 1),
  );
  await until("both are meshed again", () => [sender, receiver].every((each) => isMeshed(each)));
  await sender.pubsub.publish(topic, encodeUtf8("again"));
  await until("it arrived", () => heard.includes("again"));
  expect(receiver.connected()).toEqual(before);
  expect(changes).toEqual([true]);
});

function isGossip(stream: Stream): boolean {
  return stream.protocol.startsWith("/meshsub/");
}

function isMeshed(each: TestNode): boolean {
  return each.pubsub.topics().every(({ meshPeers }) => meshPeers > 0);
}

/** A gossipsub RPC with one published message: protobuf fields 2 (publish), 2 (data), 4 (topic). */
function rpcOf(name: string, data: Uint8Array, more: Uint8Array = new Uint8Array(0)): Uint8Array {
  const field = (tagByte: number, bytes: Uint8Array): Uint8Array =>
    concatBytes(Uint8Array.of(tagByte), encodeLength(bytes.length), bytes);
  return field(0x12, concatBytes(field(0x12, data), field(0x22, encodeUtf8(name)), more));
}

// the router's inside is used by upkeep: if a new version moves it, this says so
test("the router has the parts that its interface does not name", async () => {
  const { gossip } = insideOf(await node(testNetwork("router"))).services;
  expect(gossip.peers).toBeInstanceOf(Map<string, PeerId>);
  expect(gossip.streamsOutbound).toBeInstanceOf(Map);
  expect(gossip.score.params.topics).toEqual({});
});
