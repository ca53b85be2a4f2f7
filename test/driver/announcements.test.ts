/** Batches over a kibibyte are announced and pulled: once by each node, from whoever has them. */
import { describe, expect, test } from "vitest";
import { sha256 } from "../../src/core/identity.ts";
import { limits } from "../../src/core/limits.ts";
import type { Verdict } from "../../src/core/ports.ts";
import {
  decodeAnnouncement,
  encodeAnnouncement,
  isAnnouncement,
} from "../../src/protocol/gossip/announcement.ts";
import { encodeAnswer } from "../../src/protocol/gossip/pull-frames.ts";
import { stateTopic } from "../../src/protocol/gossip/topics.ts";
import { joinBatch, splitBatch } from "../../src/protocol/state/batch-body.ts";
import { codedError } from "../coded-error.ts";
import { makeBatch, register, stampOf, testWriter, type Batch } from "../state/fixture.ts";
import { digestOf, network, startNode, until, type TestNode } from "./fixture.ts";
import { MeshNet } from "./mesh-net.ts";

const topic = stateTopic(network, "default");
const alice = testWriter("alice");

function batchNow(
  node: TestNode,
  size = 60,
  change: { aheadMs?: number; value?: string } = {},
): Batch {
  const stamp = stampOf(node.clock.wallMs() + (change.aheadMs ?? 0));
  const entries = Array.from({ length: size }, (_, index) =>
    register(`key ${index}`, change.value ?? `v ${index}`),
  );
  return makeBatch({ writer: alice, network, stamp, entries });
}

function announced(batch: Batch): { message: Uint8Array; body: Uint8Array } {
  const { head, body } = splitBatch(batch.bundle());
  const message = encodeAnnouncement({ head, size: body.length, hash: sha256(body) });
  return { message, body };
}

/** A peer by hand, which answers pulls as it is told. */
function peerOf(node: TestNode, name: string, answer: () => Uint8Array[]): MeshNet {
  const peer = new MeshNet(testWriter(name).identity.peer);
  peer.answerPulls(answer);
  peer.connect(node.net);
  return peer;
}

function tell(node: TestNode, message: Uint8Array, from: MeshNet): Promise<Verdict> {
  return Promise.resolve(node.net.deliver(topic, message, from.self));
}

describe("a large batch", () => {
  test("crosses a line of nodes, and each of them once", async () => {
    const nodes = ["a", "b", "c", "d"].map(startNode);
    for (const [index, node] of nodes.slice(1).entries()) nodes[index]!.net.connect(node.net);
    nodes[0]!.net.connect(nodes[3]!.net);
    await until(() => nodes.every((node) => digestOf(node) === digestOf(nodes[0]!)));
    const entries = Array.from({ length: 100 }, (_, index) =>
      register(`k ${index}`, "v".repeat(64)),
    );
    await nodes[0]!.driver.write("default", entries);
    await until(() => nodes.every((node) => node.state.summary("default").count === 100));
    const sent = nodes.flatMap(({ net }) => net.published).filter(({ data }) => data[0] === 2);
    expect(sent.length).toBe(1);
    expect(isAnnouncement(sent[0]!.data)).toBe(true);
    const { size } = decodeAnnouncement(sent[0]!.data);
    const pulled = nodes.map(({ driver }) => driver.pullTraffic().bytesIn);
    expect(pulled).toEqual([0, size + 1, size + 1, size + 1]);
    // class, type and the lengths of the entries are written once
    expect(size).toBeLessThan(100 * (64 + 5 + 6));
  });

  test("too large for a gossip message is there without waiting for hints", async () => {
    const [a, b] = [startNode("a"), startNode("b")];
    a.net.connect(b.net);
    await a.driver.write("default", [register("small", "1")]);
    const isQuiet = ({ driver }: TestNode): boolean => {
      const { sessions, active } = driver.syncStatus();
      return sessions > 0 && active === 0;
    };
    await until(() => digestOf(a) === digestOf(b) && isQuiet(a) && isQuiet(b));
    const { sessions } = b.driver.syncStatus();
    await a.driver.write("default", [register("large", "x".repeat(200_000))]);
    await until(() => digestOf(a) === digestOf(b));
    expect(b.driver.syncStatus().sessions).toBe(sessions);
    expect(b.driver.pullTraffic().bytesIn).toBeGreaterThan(200_000);
  });

  test("of a kibibyte or less travels in the message", async () => {
    const [a, b] = [startNode("a"), startNode("b")];
    a.net.connect(b.net);
    await a.driver.write("default", [register("k", "v".repeat(900))]);
    await a.driver.write("default", [register("l", "v".repeat(1_100))]);
    await until(() => a.net.published.length >= 2);
    expect(a.net.published.map(({ data }) => data[0])).toEqual([1, 2]);
  });
});

describe("an announcement", () => {
  test("is accepted once its body is here, and relayed no sooner", async () => {
    const a = startNode("a");
    const { message, body } = announced(batchNow(a));
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    const peer = peerOf(a, "peer", () => (resolve(), encodeAnswer(body)));
    const verdict = tell(a, message, peer);
    await asked;
    expect(a.state.summary("default").count).toBe(0);
    expect(await verdict).toBe("accept");
    await until(() => a.state.summary("default").count === 60);
  });

  test("of bytes that any node would refuse is rejected, unread or not", async () => {
    const a = startNode("a");
    const batch = batchNow(a);
    const { message, body } = announced(batch);
    const peer = peerOf(a, "peer", () => encodeAnswer(body));
    const forged = message.slice();
    forged[80]! ^= 1;
    expect(await tell(a, forged, peer)).toBe("reject");
    expect(await tell(a, message.subarray(0, 200), peer)).toBe("reject");
    const elsewhere = a.net.deliver(stateTopic(network, "other"), message, peer.self);
    expect(elsewhere).toBe("reject");
    expect(peer.channels.length).toBe(0);
  });

  test("of a body that its header does not cover is rejected", async () => {
    const a = startNode("a");
    const { head } = splitBatch(batchNow(a).bundle());
    const { body } = splitBatch(batchNow(a, 60, { value: "other" }).bundle());
    const message = encodeAnnouncement({ head, size: body.length, hash: sha256(body) });
    const peer = peerOf(a, "peer", () => encodeAnswer(body));
    expect(await tell(a, message, peer)).toBe("reject");
    expect(a.state.summary("default").count).toBe(0);
  });

  test("of the future or long past is left to reconciliation without a pull", async () => {
    const a = startNode("a");
    const peer = peerOf(a, "peer", () => []);
    for (const aheadMs of [70_000, -70_000]) {
      const { message } = announced(batchNow(a, 60, { aheadMs }));
      expect(await tell(a, message, peer)).toBe("ignore");
    }
    expect(a.driver.pullTraffic().bytesIn).toBe(0);
    expect(a.metrics.read()).toMatchObject({ "gossip.future": 1, "gossip.stale": 1 });
  });

  test("whose announcer does not give it is had from another, or ignored", async () => {
    const a = startNode("a");
    const { message, body } = announced(batchNow(a));
    const silent = peerOf(a, "silent", () => []);
    const helpful = peerOf(a, "helpful", () => encodeAnswer(body));
    silent.subscribe(topic);
    helpful.subscribe(topic);
    await silent.publish(topic, message);
    await helpful.publish(topic, message);
    await until(() => a.state.summary("default").count === 60);
    const { message: other } = announced(batchNow(a, 50));
    const gone = peerOf(a, "gone", () => encodeAnswer(undefined));
    expect(await tell(a, other, gone)).toBe("ignore");
  });

  test("whose body nobody gives leads to a session with the announcer", async () => {
    const [a, b] = [startNode("a"), startNode("b")];
    a.net.connect(b.net);
    await until(() => a.driver.syncStatus().sessions > 0 && a.driver.syncStatus().active === 0);
    const { sessions } = a.driver.syncStatus();
    const batch = batchNow(a);
    b.state.ingest(batch.bundle(), alice.identity.peer, b.clock.wallMs());
    const verdict = await a.net.deliver(topic, announced(batch).message, b.identity.peer);
    expect(verdict).toBe("ignore");
    await until(() => a.state.summary("default").count === 60);
    expect(a.driver.syncStatus().sessions).toBeGreaterThanOrEqual(sessions);
    expect(a.driver.pullTraffic().bytesIn).toBe(1);
  });

  test("with another body than its hash costs the one who gave it", async () => {
    const a = startNode("a");
    const { message, body } = announced(batchNow(a));
    const wrong = body.slice();
    wrong[50]! ^= 1;
    const liar = peerOf(a, "liar", () => encodeAnswer(wrong));
    expect(await tell(a, message, liar)).toBe("ignore");
    expect(a.net.banned.get(liar.self)).toBe(limits.banFirstMs);
    expect(a.net.links.has(liar.self)).toBe(false);
  });
});

describe("a batch in two parts", () => {
  test("is the same again, and its body has one spelling", async () => {
    const batch = makeBatch({
      writer: alice,
      network,
      entries: [
        register("a", "1"),
        register("ab", "1"),
        register("b"),
        register("zz", "x".repeat(999)),
      ],
    });
    const { head, body } = splitBatch(batch.bundle());
    expect(joinBatch(head, body)).toEqual(batch.bundle());
    await codedError(() => joinBatch(head, body.subarray(1)), "BAD_FORMAT");
    await codedError(() => joinBatch(head, Uint8Array.of(...body, 0)), "BAD_FORMAT");
    // nothing shared where something is
    const plain = batch.entries.flatMap((entry) => [0, ...varint(entry.length), ...entry]);
    await codedError(() => joinBatch(head, Uint8Array.from(plain)), "BAD_FORMAT");
    await codedError(() => splitBatch(batch.bundle([1])), "BAD_FORMAT");
  });

  test("cannot grow beyond what a batch may have", async () => {
    const entries = Array.from({ length: 128 }, (_, index) => register(`k ${index}`));
    const { head } = splitBatch(makeBatch({ writer: alice, network, entries }).bundle());
    const large = 200_000;
    const first = [0, ...varint(large), ...new Uint8Array(large)];
    const more = Array.from({ length: 127 }, (_, index) => [...varint(large), 1, index + 1]).flat();
    await codedError(() => joinBatch(head, Uint8Array.from([...first, ...more])), "BAD_FORMAT");
  });
});

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 0x80, ...varint(Math.floor(value / 128))];
}
